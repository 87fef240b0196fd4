//! HTTP/2 over TLS, where the client and the listener agree on it (ALPN).

use h2::client::Builder;
use rcgen::PKCS_ECDSA_P256_SHA256;
use rustls::version::{TLS12, TLS13};

use super::client::Http2Client;
use crate::rig::{Endpoint, Proxy, assert_carries};
use crate::tls_proxy::{Certificates, Client};

#[tokio::test]
async fn tunnels_are_carried_in_both_versions() {
    let certificates = Certificates::none();
    let pem = certificates.issue("site", "site.test", &PKCS_ECDSA_P256_SHA256);
    let endpoint = Endpoint::listen().await;
    let proxy = Proxy::serving(&certificates.before(&endpoint, &["site"]));
    for version in [&TLS12, &TLS13] {
        let client = Client::speaking([&pem], &[version], &[b"h2", b"http/1.1"]);
        let stream = client.connect(proxy.address("public"), "site.test").await.unwrap();
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
        let client = Http2Client::over(stream, &Builder::new()).await;
        let mut tunnels = Vec::new();
        for _ in 0..3 {
            tunnels.push(client.tunnel("/ws", &endpoint).await);
        }
        for (client, endpoint) in &mut tunnels {
            assert_carries(client, endpoint).await;
        }
    }
}

#[tokio::test]
async fn who_does_not_offer_it_speaks_http_1_1_and_so_does_everybody_where_it_is_off() {
    let certificates = Certificates::none();
    let pem = certificates.issue("site", "site.test", &PKCS_ECDSA_P256_SHA256);
    let endpoint = Endpoint::listen().await;
    let config = certificates.before(&endpoint, &["site"]);
    let mut proxy = Proxy::serving(&config);
    let both = Client::speaking([&pem], &[&TLS13], &[b"h2", b"http/1.1"]);
    let old = Client::trusting([&pem]);
    assert_eq!(old.tunnel(&proxy, "site.test", &endpoint).await.alpn.as_deref(), Some(&b"http/1.1"[..]));

    proxy.reload(&config.with("listener.public.http2", "false")).unwrap();

    assert_eq!(both.tunnel(&proxy, "site.test", &endpoint).await.alpn.as_deref(), Some(&b"http/1.1"[..]));
}
