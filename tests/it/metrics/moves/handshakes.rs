//! Metrics of handshakes, by their phases.

use rcgen::PKCS_ECDSA_P256_SHA256;

use crate::metrics::value;
use crate::rig::{Endpoint, Handshake, Proxy, until};
use crate::tls_proxy::{Certificates, Client};

#[tokio::test]
async fn metric_handshake_seconds_moves_by_the_phases_that_took_place() {
    let (certificates, endpoint) = (Certificates::none(), Endpoint::listen().await);
    let pem = certificates.issue("site", "chat.test", &PKCS_ECDSA_P256_SHA256);
    let config = certificates
        .before(&endpoint, &["site"])
        .with("listener.plain.bind", "\"127.0.0.1:0\"")
        .with("upstream.chat.handshakes_at_once", "1");
    let proxy = Proxy::serving(&config);
    let counts = |proxy: &Proxy| {
        ["tls", "authorize", "waiting", "connect", "answer", "total"]
            .map(|phase| value(proxy, &format!("windlass_handshake_seconds_count{{phase=\"{phase}\"}}")))
    };
    assert_eq!(counts(&proxy), [0.0; 6]);
    Client::trusting([&pem]).tunnel(&proxy, "chat.test", &endpoint).await;
    assert_eq!(counts(&proxy), [1.0, 1.0, 0.0, 1.0, 1.0, 1.0]);
    let _plain = proxy.tunnel_at("plain", &endpoint).await;
    assert_eq!(counts(&proxy), [1.0, 2.0, 0.0, 2.0, 2.0, 2.0]);

    // One has the only turn, and the other waits for it.
    let (mut first, mut second) = (proxy.connect_to("plain").await, proxy.connect_to("plain").await);
    first.send(Handshake::new().bytes()).await;
    let (mut with_first, asked) = endpoint.asked().await;
    second.send(Handshake::new().bytes()).await;
    let snapshot = proxy.running.proxy().snapshot();
    let gate = snapshot.endpoints().next().unwrap().gate().unwrap();
    until("the other one waits", || gate.waiting() == 1).await;
    with_first.send(Handshake::grant(&asked)).await;
    let _with_second = endpoint.grant().await;
    for client in [&mut first, &mut second] {
        assert_eq!(client.head().await.status(), 101);
    }
    assert_eq!(counts(&proxy), [1.0, 4.0, 1.0, 4.0, 4.0, 4.0]);
    assert_eq!(value(&proxy, "windlass_tunnel_opening_seconds_count"), 4.0);
}
