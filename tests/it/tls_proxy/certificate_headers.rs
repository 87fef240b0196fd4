//! What endpoints are told of the certificates of clients.

use rcgen::PKCS_ECDSA_P256_SHA256;
use rustls::HandshakeKind;
use rustls::pki_types::CertificateDer;
use rustls::version::{TLS12, TLS13};
use windlass::tls::Fingerprint;

use super::site::{Certificates, Client};
use crate::rig::{Authority, Config, Endpoint, Handshake, Head, Proxy, Wire};

const NAMES: [&str; 3] = ["x-client-cert-subject", "x-client-cert-san", "x-client-cert-fingerprint"];

/// A listener for `chat.test` that asks for certificates of `ours`.
fn config(certificates: &Certificates, endpoint: &Endpoint, ours: &Authority, keys: &str) -> Config {
    let ca = certificates.write("clients.pem", &ours.pem());
    let asked = format!("{{ ca = {ca:?}, require = false, {keys} }}");
    certificates.before(endpoint, &["chat"]).with("listener.public.client_certificates", &asked)
}

/// What the endpoint reads of each name when this client asks for a tunnel and says itself what it likes; and how it has shaken hands.
async fn told(proxy: &Proxy, client: &Client, endpoint: &Endpoint) -> (HandshakeKind, [Vec<String>; 3]) {
    let stream = client.connect(proxy.address("public"), "chat.test").await.unwrap();
    let kind = stream.get_ref().1.handshake_kind().unwrap();
    let mut wire = Wire::new(stream);
    let claims = NAMES.map(|name| format!("{name}: CN=root\r\n{}: CN=root\r\n", name.replace('-', "_"))).concat();
    let ask = String::from_utf8(Handshake::new().bytes()).unwrap().replacen("\r\n", &format!("\r\n{claims}"), 1);
    wire.send(ask).await;
    let (mut at_endpoint, head): (Wire, Head) = endpoint.asked().await;
    at_endpoint.send(Handshake::grant(&head)).await;
    assert_eq!(wire.head().await.status(), 101);
    let read = NAMES.map(|name| {
        assert!(head.values(&name.replace('-', "_")).is_empty(), "{head:?}");
        head.values(name).into_iter().map(str::to_owned).collect()
    });
    (kind, read)
}

#[tokio::test]
async fn an_endpoint_is_told_whose_certificate_it_is_and_nobody_else_says_so() {
    let (certificates, endpoint, ours) = (Certificates::none(), Endpoint::listen().await, Authority::new("ours"));
    let chat = certificates.issue("chat", "chat.test", &PKCS_ECDSA_P256_SHA256);
    let shown = ours.issue_to_client_named("phone, 7\r\nX-Admin: 1", "spiffe://chat/phone,7");
    let expected = [
        vec![r"CN=phone\, 7\0d\0aX-Admin: 1".to_owned()],
        vec![r"URI:spiffe://chat/phone\2C7".to_owned()],
        vec![Fingerprint::of(&CertificateDer::from(shown.der().to_vec())).to_string()],
    ];
    let proxy = Proxy::serving(&config(&certificates, &endpoint, &ours, "headers = \"on\""));
    for version in [&TLS12, &TLS13] {
        let client = Client::speaking([&chat], &[version], &[b"http/1.1"]).showing(&shown);
        for kind in [HandshakeKind::Full, HandshakeKind::Resumed] {
            assert_eq!(told(&proxy, &client, &endpoint).await, (kind, expected.clone()));
        }
        let anybody = Client::speaking([&chat], &[version], &[b"http/1.1"]);
        assert_eq!(told(&proxy, &anybody, &endpoint).await.1, [const { Vec::<String>::new() }; 3]);
    }
}

#[tokio::test]
async fn an_endpoint_is_told_nothing_where_that_is_not_said() {
    let (certificates, endpoint, ours) = (Certificates::none(), Endpoint::listen().await, Authority::new("ours"));
    let chat = certificates.issue("chat", "chat.test", &PKCS_ECDSA_P256_SHA256);
    let shown = ours.issue_to_client("phone");
    let client = Client::trusting([&chat]).showing(&shown);
    for config in [
        config(&certificates, &endpoint, &ours, "headers = \"off\""),
        certificates.before(&endpoint, &["chat"]),
        certificates.before(&endpoint, &["chat"]).with("listener.public.trusted_proxies", "[\"127.0.0.1\"]"),
    ] {
        let proxy = Proxy::serving(&config);
        assert_eq!(told(&proxy, &client, &endpoint).await.1, [const { Vec::<String>::new() }; 3]);
    }
}

#[tokio::test]
async fn a_plain_request_says_it_too() {
    let (certificates, endpoint, ours) = (Certificates::none(), Endpoint::listen().await, Authority::new("ours"));
    let chat = certificates.issue("chat", "chat.test", &PKCS_ECDSA_P256_SHA256);
    let shown = ours.issue_to_client("phone");
    let proxy = Proxy::serving(&config(&certificates, &endpoint, &ours, "headers = \"on\""));
    let client = Client::trusting([&chat]).showing(&shown);
    let mut wire = Wire::new(client.connect(proxy.address("public"), "chat.test").await.unwrap());
    wire.send("GET / HTTP/1.1\r\nHost: chat.test\r\nX-Client-Cert-Subject: CN=root\r\n\r\n").await;
    let mut at_endpoint = endpoint.accept().await;
    let head = at_endpoint.head().await;
    assert_eq!(head.values("x-client-cert-subject"), ["CN=phone"]);
    at_endpoint.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
    assert_eq!(wire.head().await.status(), 200);
}
