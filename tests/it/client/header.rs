//! A PROXY header in front of a connection says who the client is, wherever one is meant.

use rcgen::PKCS_ECDSA_P256_SHA256;

use super::{behind_balancers, version_2};
use crate::rig::{Endpoint, Handshake, Head, Proxy, ServingEndpoint, Wire, assert_carries, log};
use crate::tls_proxy::{Certificates, Client};

const GET: &str = "GET /who HTTP/1.1\r\nHost: chat.test\r\n\r\n";
const V1: &str = "PROXY TCP4 192.0.2.7 198.51.100.1 4711 443\r\n";

/// What the endpoint reads of a request that stands right behind this header.
async fn asked(proxy: &Proxy, endpoint: &Endpoint, header: impl AsRef<[u8]>, request: &str) -> (Wire, Head) {
    let mut client = proxy.connect().await;
    client.send([header.as_ref(), request.as_bytes()].concat()).await;
    let (mut at_endpoint, head) = endpoint.asked().await;
    at_endpoint.send("HTTP/1.1 204 No Content\r\n\r\n").await;
    assert_eq!(client.head().await.status(), 204);
    (client, head)
}

#[tokio::test]
async fn both_versions_say_whom_a_request_comes_from() {
    let endpoint = Endpoint::listen().await;
    let proxy = Proxy::serving(&behind_balancers(&endpoint));
    let (_, head) = asked(&proxy, &endpoint, V1, GET).await;
    assert_eq!(head.values("x-forwarded-for"), ["192.0.2.7"]);
    let (_, head) = asked(&proxy, &endpoint, version_2(0x21, &[]), GET).await;
    assert_eq!(head.values("x-forwarded-for"), ["192.0.2.7"]);
    let ipv6 = "PROXY TCP6 2001:db8::7 fd00::1 4711 443\r\n";
    let (_, head) = asked(&proxy, &endpoint, ipv6, GET).await;
    assert_eq!(head.values("x-forwarded-for"), ["2001:db8::7"]);
}

#[tokio::test]
async fn a_header_may_come_byte_by_byte() {
    let endpoint = Endpoint::listen().await;
    let proxy = Proxy::serving(&behind_balancers(&endpoint));
    for header in [V1.as_bytes().to_vec(), version_2(0x21, &[4, 0, 2, 0, 0])] {
        let mut client = proxy.connect().await;
        for byte in header {
            client.send([byte]).await;
            tokio::task::yield_now().await;
        }
        client.send(GET).await;
        let (_, head) = endpoint.asked().await;
        assert_eq!(head.values("x-forwarded-for"), ["192.0.2.7"]);
    }
}

#[tokio::test]
async fn a_header_that_speaks_for_nobody_leaves_the_client_to_be_who_connects() {
    let endpoint = Endpoint::listen().await;
    let proxy = Proxy::serving(&behind_balancers(&endpoint));
    let unknown = b"PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n".to_vec();
    // Whoever speaks through the balancer could be anybody, and says that it is somebody else.
    let claims =
        "GET / HTTP/1.1\r\nHost: chat.test\r\nX-Forwarded-For: 203.0.113.9\r\nX-Forwarded-Proto: https\r\n\r\n";
    for header in [unknown, version_2(0x20, &[]), b"\r\n\r\n\0\r\nQUIT\n\x21\x00\x00\x00".to_vec()] {
        for request in [GET, claims] {
            let (_, head) = asked(&proxy, &endpoint, &header, request).await;
            assert_eq!(head.values("x-forwarded-for"), ["127.0.0.1"]);
            assert_eq!(head.values("x-forwarded-proto"), ["http"]);
        }
    }
}

#[tokio::test]
async fn tls_begins_behind_the_header() {
    let (certificates, endpoint) = (Certificates::none(), Endpoint::listen().await);
    let pem = certificates.issue("site", "chat.test", &PKCS_ECDSA_P256_SHA256);
    let proxy = Proxy::serving(&behind_balancers(&endpoint).with("listener.public.tls", &certificates.tls(&["site"])));
    let mut stream = proxy.connect().await;
    stream.send(V1).await;
    let client = Client::trusting([&pem]).over(stream.stream, "chat.test").await.unwrap();
    let (mut client, mut at_endpoint) = Proxy::tunnel_over(Wire::new(client), &Handshake::new(), &endpoint).await;
    assert_carries(&mut client, &mut at_endpoint).await;
}

#[tokio::test]
async fn a_client_that_came_by_tls_to_the_balancer_has_come_by_https() {
    let endpoint = Endpoint::listen().await;
    let config = behind_balancers(&endpoint).with("upstream.chat.proxy_protocol", "\"v2\"");
    let proxy = Proxy::serving(&config);
    let ssl = [&[0x20, 0, 15, 1, 0, 0, 0, 1, 0x21, 0, 7][..], b"TLSv1.2"].concat();
    let mut client = proxy.connect().await;
    client.send([&version_2(0x21, &ssl), GET.as_bytes()].concat()).await;
    let mut at_endpoint = endpoint.accept().await;
    // What is told goes on to the endpoint: the same addresses, ports and TLS.
    let told = at_endpoint.bytes(28).await;
    assert_eq!(told[16..], version_2(0x21, &[])[16..]);
    let tlvs = usize::from(u16::from_be_bytes([told[14], told[15]])) - 12;
    let tlvs = at_endpoint.bytes(tlvs).await;
    assert!(tlvs.ends_with(&ssl), "{tlvs:?}");
    let head = at_endpoint.head().await;
    assert_eq!(head.values("x-forwarded-proto"), ["https"]);
    assert_eq!(head.values("x-forwarded-port"), ["443"]);
}

#[tokio::test]
async fn who_the_header_names_may_be_a_proxy_that_is_trusted_or_not() {
    let endpoint = Endpoint::listen().await;
    let proxy = Proxy::serving(&behind_balancers(&endpoint));
    let request = "GET / HTTP/1.1\r\nHost: chat.test\r\nX-Forwarded-For: 203.0.113.9\r\n\r\n";
    let (_, head) = asked(&proxy, &endpoint, "PROXY TCP4 10.0.0.9 10.0.0.1 1 2\r\n", request).await;
    assert_eq!(head.values("x-forwarded-for"), ["203.0.113.9, 10.0.0.9"]);
    let (_, head) = asked(&proxy, &endpoint, V1, request).await;
    assert_eq!(head.values("x-forwarded-for"), ["192.0.2.7"]);
}

#[tokio::test]
async fn the_log_and_the_placement_go_by_who_the_header_names() {
    let mut lines = log::lines();
    let (a, b) = (ServingEndpoint::named("a").await, ServingEndpoint::named("b").await);
    let config = behind_balancers(&Endpoint::listen().await)
        .endpoints("chat", [a.address(), b.address()])
        .with("upstream.chat.sticky_on", "[\"client_ip\"]");
    let proxy = Proxy::serving(&config);
    let mut placed = Vec::new();
    for host in 1..=16 {
        let mut at = Vec::new();
        for port in [1, 2] {
            let mut client = proxy.connect().await;
            let header = format!("PROXY TCP4 198.51.100.{host} 10.0.0.1 {port} 443\r\n");
            client.send(format!("{header}GET /placed-{host} HTTP/1.1\r\nHost: a\r\n\r\n")).await;
            at.push(client.answer().await.1);
        }
        assert_eq!(at[0], at[1]);
        let line = lines.about(&format!("/placed-{host}")).await;
        assert_eq!(line["client"], format!("198.51.100.{host}"), "{line}");
        placed.push(at.remove(0));
    }
    assert!(placed.contains(&"a".to_owned()) && placed.contains(&"b".to_owned()), "{placed:?}");
}
