//! `source_addresses` and the options of TCP, as connections with endpoints have them.

use std::fs::read_to_string;
use std::net::{IpAddr, SocketAddr};

use crate::rig::{Config, Endpoint, Handshake, Proxy, Wire};

/// A tunnel: its two ends, and the address that the proxy has connected from.
async fn tunnel(proxy: &Proxy, endpoint: &Endpoint) -> (Wire, Wire, SocketAddr) {
    let (client, at_endpoint) = proxy.tunnel_with(&Handshake::new(), endpoint).await;
    let from = at_endpoint.stream.peer_addr().unwrap();
    (client, at_endpoint, from)
}

#[tokio::test]
async fn connections_come_from_the_source_addresses_in_turn() {
    let endpoint = Endpoint::listen().await;
    // One of another family, and one that this machine does not have (RFC 5737).
    let sources = "[\"127.0.0.2\", \"::1\", \"127.0.0.3\", \"192.0.2.1\"]";
    let proxy = Proxy::serving(&Config::chat([endpoint.address()]).with("upstream.chat.source_addresses", sources));
    let mut from = Vec::new();
    for _ in 0..8 {
        from.push(tunnel(&proxy, &endpoint).await.2.ip());
    }
    let [second, third] = ["127.0.0.2", "127.0.0.3"].map(|address| address.parse::<IpAddr>().unwrap());
    // Whose turn it is not leaves it to the next.
    assert_eq!(from, [second, third, third, second, second, third, third, second]);
}

#[tokio::test]
async fn without_a_source_of_the_endpoints_family_it_cannot_be_reached() {
    let endpoint = Endpoint::listen().await;
    let config = Config::chat([endpoint.address()]).with("upstream.chat.source_addresses", "[\"::1\"]");
    let proxy = Proxy::serving(&config);
    let mut client = proxy.connect().await;
    client.send(Handshake::new().bytes()).await;
    assert_eq!(endpoint.is_untouched_until(client.head()).await.status(), 502);
}

/// In how many hundredths of a second the kernel probes the peer of the socket at `address` (proc(5), `/proc/net/tcp`).
fn probed_in(address: SocketAddr) -> Option<u64> {
    let SocketAddr::V4(address) = address else { panic!("{address}") };
    let local = format!("{:08X}:{:04X}", u32::from_le_bytes(address.ip().octets()), address.port());
    let sockets = read_to_string("/proc/net/tcp").unwrap();
    let fields = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    let socket = sockets.lines().map(fields).find(|fields| fields[1] == local && fields[3] == "01").unwrap();
    let (timer, when) = socket[5].split_once(':').unwrap();
    (timer == "02").then(|| u64::from_str_radix(when, 16).unwrap())
}

#[tokio::test]
async fn the_kernel_probes_a_quiet_endpoint_when_it_is_told_to() {
    for (keepalive, expected) in
        [(None, Some(5_000..=6_000)), (Some("{ idle = \"10min\" }"), Some(59_000..=60_000)), (Some("\"off\""), None)]
    {
        let endpoint = Endpoint::listen().await;
        let mut config = Config::chat([endpoint.address()]);
        if let Some(keepalive) = keepalive {
            config = config.with("upstream.chat.tcp_keepalive", keepalive);
        }
        let proxy = Proxy::serving(&config);
        let (_client, _at_endpoint, from) = tunnel(&proxy, &endpoint).await;
        match (probed_in(from), expected) {
            (Some(soon), Some(expected)) => assert!(expected.contains(&soon), "{keepalive:?}: {soon}"),
            (soon, expected) => assert_eq!(soon, expected.map(|_| 0), "{keepalive:?}"),
        }
    }
}
