//! Where affinity keys are looked for.

use super::site::{Site, user};
use crate::rig::{Handshake, Proxy};

#[tokio::test]
async fn a_segment_of_the_path_is_a_key() {
    let site = Site::open().await;
    let proxy = Proxy::serving(&site.sticky_on("[\"path:2\"]"));
    let at = |path: String| Handshake::new().request(&format!("GET {path} HTTP/1.1"));
    let room = |number| {
        let paths = [format!("/rooms/{number}"), format!("/rooms/{number}/ws?a=b"), format!("/r/{number}/")];
        paths.map(at).to_vec()
    };

    site.places_together(&proxy, (0..8).map(room)).await;
}

#[tokio::test]
async fn the_host_is_a_key_in_any_case_and_with_any_port() {
    let site = Site::open().await;
    let proxy = Proxy::serving(&site.sticky_on("[\"host\"]"));
    let tenant = |number| {
        let hosts = [format!("t{number}.test"), format!("T{number}.Test:8080"), format!("t{number}.test.")];
        hosts.map(|host| Handshake::new().but("host", host)).to_vec()
    };

    site.places_together(&proxy, (0..8).map(tenant)).await;
}

#[tokio::test]
async fn clients_of_one_ipv6_network_are_one_key_behind_a_trusted_proxy() {
    let site = Site::open().await;
    let config = site.sticky_on("[\"client_ip\"]").with("listener.public.trusted_proxies", "[\"127.0.0.1\"]");
    let proxy = Proxy::serving(&config);
    let from = |address: String| Handshake::new().with("x-forwarded-for", address);
    let network = |number| {
        let addresses = ["1", "ffff:1:2:3", "8000::"].map(|host| match host {
            "8000::" => format!("2001:db8:0:{number}:8000::"),
            "1" => format!("2001:db8:0:{number}::1"),
            host => format!("2001:db8:0:{number}:{host}"),
        });
        addresses.map(from).to_vec()
    };

    site.places_together(&proxy, (1..9).map(network)).await;
}

#[tokio::test]
async fn clients_of_ipv4_are_a_key_each_however_their_address_is_written() {
    let site = Site::open().await;
    let config = site.sticky_on("[\"client_ip\"]").with("listener.public.trusted_proxies", "[\"127.0.0.1\"]");
    let proxy = Proxy::serving(&config);
    let from = |address: String| Handshake::new().with("x-forwarded-for", address);
    let client = |number| [format!("192.0.2.{number}"), format!("::ffff:192.0.2.{number}")].map(from).to_vec();

    site.places_together(&proxy, (1..9).map(client)).await;
}

#[tokio::test]
async fn the_first_source_that_is_present_decides() {
    let site = Site::open().await;
    let config = site.sticky_on("[\"header:x-user\", \"query:user\", \"path:1\", \"client_ip\"]");
    let proxy = Proxy::serving(&config);
    let at = |target: String| Handshake::new().request(&format!("GET {target} HTTP/1.1"));
    // One name is one key wherever it stands; what comes later in the list, or is empty, does not count.
    let named = |name| {
        vec![
            user(name).request("GET /other?user=another HTTP/1.1"),
            at(format!("/other?user={name}")),
            at(format!("/other?user={name}")).with("x-user", ""),
            at(format!("/{name}?user=")),
        ]
    };

    site.places_together(&proxy, (0..8).map(named)).await;
}
