//! No label grows with the traffic.

use std::collections::BTreeSet;

use super::samples;
use crate::rig::{Config, Endpoint, Handshake, Proxy, until};

/// The series that there are.
fn series(proxy: &Proxy) -> BTreeSet<String> {
    samples(proxy).into_iter().map(|(series, _)| series).collect()
}

/// A host, a path and a client by its number, each of them odd.
fn odd(number: usize) -> Handshake {
    let hex = format!("{number:08x}").repeat(1 + number % 9);
    Handshake::new()
        .request(&format!("GET /{hex}/{number}?token={hex} HTTP/1.1"))
        .but("host", format!("{hex}.of-somebody.test"))
        .with("user-agent", &hex)
        .with("x-user", &hex)
        .with("origin", format!("https://{hex}.test"))
}

#[tokio::test]
async fn ten_thousand_hosts_and_paths_make_no_series() {
    let endpoint = Endpoint::listen().await;
    let config = Config::chat([endpoint.address()])
        .with("route.chat.path", "\"/chat\"")
        .with("route.denied.path", "\"/d\"")
        .with("route.denied.upstream", "\"chat\"")
        .with("route.denied.allowed_origins", "[\"https://here.test\"]")
        .with("upstream.chat.sticky_on", "[\"header:x-user\"]");
    let proxy = Proxy::serving(&config);
    let before = series(&proxy);
    // By many on each connection: a refusal of no route leaves it open. None is made before its turn, or `head_timeout` ends it.
    for numbers in (0..10_000).collect::<Vec<_>>().chunks(1250) {
        let mut wire = proxy.connect().await;
        for number in numbers {
            wire.send(odd(*number).bytes()).await;
            assert_eq!(wire.answer().await.0.status(), 404, "{number}");
        }
    }
    until("all are counted", || proxy.refusals("no_route") == 10_000).await;
    for number in 0..200 {
        let mut client = proxy.connect().await;
        client.send(odd(number).request(&format!("GET /d/{number} HTTP/1.1")).bytes()).await;
        assert_eq!(client.answer().await.0.status(), 403);
    }
    let after = series(&proxy);
    let changed: Vec<_> = before.symmetric_difference(&after).collect();
    assert!(changed.is_empty(), "series came or went: {changed:?}");
    assert!(before.len() > 300);
}
