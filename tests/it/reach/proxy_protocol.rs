//! `proxy_protocol`: who the client is, said first of all on each connection with an endpoint.

use std::net::SocketAddr;

use ppp::v2::{Addresses, Command, Header, Type};
use rcgen::PKCS_ECDSA_P256_SHA256;

use crate::rig::{Config, Endpoint, Handshake, Proxy, Wire, assert_carries, until};
use crate::tls_proxy::{Certificates, Client};

const GET: &str = "GET / HTTP/1.1\r\nHost: chat.test\r\n\r\n";
const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

fn config(endpoint: &Endpoint, version: &str) -> Config {
    Config::chat([endpoint.address()]).with("upstream.chat.proxy_protocol", &format!("\"{version}\""))
}

/// The line that version 1 is.
async fn line(wire: &mut Wire) -> String {
    let mut line = String::new();
    while !line.ends_with("\r\n") {
        line.push(char::from(wire.bytes(1).await[0]));
    }
    line
}

/// The bytes that version 2 is.
async fn bytes(wire: &mut Wire) -> Vec<u8> {
    let mut header = wire.bytes(16).await;
    let length = u16::from_be_bytes([header[14], header[15]]);
    header.extend(wire.bytes(length.into()).await);
    header
}

fn addresses(header: &[u8]) -> Addresses {
    Header::try_from(header).unwrap().addresses
}

fn tlv(header: &[u8], kind: Type) -> Option<Vec<u8>> {
    let header = Header::try_from(header).unwrap();
    let tlvs: Vec<_> = header.tlvs().map(Result::unwrap).collect();
    tlvs.into_iter().find(|tlv| tlv.kind == u8::from(kind)).map(|tlv| tlv.value.into_owned())
}

fn ends(client: &Wire) -> (SocketAddr, SocketAddr) {
    (client.stream.local_addr().unwrap(), client.stream.peer_addr().unwrap())
}

#[tokio::test]
async fn a_tunnel_begins_with_it_and_then_is_as_any_other() {
    let endpoint = Endpoint::listen().await;
    for version in ["v1", "v2"] {
        let proxy = Proxy::serving(&config(&endpoint, version));
        let mut client = proxy.connect().await;
        client.send(Handshake::new().bytes()).await;
        let mut at_endpoint = endpoint.accept().await;
        let (from, to) = ends(&client);
        if version == "v1" {
            let expected = format!("PROXY TCP4 127.0.0.1 127.0.0.1 {} {}\r\n", from.port(), to.port());
            assert_eq!(line(&mut at_endpoint).await, expected);
        } else {
            let header = bytes(&mut at_endpoint).await;
            assert_eq!(addresses(&header), (from, to).into());
            assert_eq!(tlv(&header, Type::Authority).unwrap(), b"chat.test");
            assert_eq!((tlv(&header, Type::SSL), tlv(&header, Type::ALPN)), (None, None));
        }
        let head = at_endpoint.head().await;
        at_endpoint.send(Handshake::grant(&head)).await;
        assert_eq!(client.head().await.status(), 101);
        assert_carries(&mut client, &mut at_endpoint).await;
    }
}

#[tokio::test]
async fn who_stands_behind_a_trusted_proxy_is_the_client() {
    let endpoint = Endpoint::listen().await;
    let config = config(&endpoint, "v1");
    for (config, told) in
        [(config.clone().with("listener.public.trusted_proxies", "[\"127.0.0.1\"]"), Some("192.0.2.7")), (config, None)]
    {
        let proxy = Proxy::serving(&config);
        let mut client = proxy.connect().await;
        client.send(GET.replace("\r\n\r\n", "\r\nX-Forwarded-For: 192.0.2.7\r\n\r\n")).await;
        let mut at_endpoint = endpoint.accept().await;
        let (from, to) = ends(&client);
        let (address, port) = told.map_or(("127.0.0.1", from.port()), |told| (told, 0));
        let expected = format!("PROXY TCP4 {address} 127.0.0.1 {port} {}\r\n", to.port());
        assert_eq!(line(&mut at_endpoint).await, expected);
    }
}

#[tokio::test]
async fn a_connection_serves_its_client_alone_and_its_session_again() {
    let endpoint = Endpoint::listen().await;
    let proxy = Proxy::serving(&config(&endpoint, "v1"));
    let mut first = proxy.connect().await;
    first.send(GET).await;
    let mut of_first = endpoint.accept().await;
    line(&mut of_first).await;
    of_first.head().await;
    of_first.send(OK).await;
    assert_eq!(first.answer().await.1, "ok");
    // Another client has a connection of its own, while that of the first rests.
    let mut second = proxy.connect().await;
    second.send(GET).await;
    let mut of_second = endpoint.accept().await;
    let said = line(&mut of_second).await;
    assert!(said.contains(&format!(" {} ", ends(&second).0.port())), "{said}");
    of_second.head().await;
    of_second.send(OK).await;
    assert_eq!(second.answer().await.1, "ok");
    // The first asks again over its own, which says nothing twice.
    first.send(GET).await;
    assert!(of_first.head().await.text.starts_with("GET / "));
    of_first.send(OK).await;
    assert_eq!(first.answer().await.1, "ok");
    // It ends with its client.
    drop(first);
    of_first.is_gone().await;
}

#[tokio::test]
async fn two_clients_of_one_trusted_proxy_share_no_connection() {
    let endpoint = Endpoint::listen().await;
    let config = config(&endpoint, "v1").with("listener.public.trusted_proxies", "[\"127.0.0.1\"]");
    let proxy = Proxy::serving(&config);
    let mut client = proxy.connect().await;
    let mut wires = Vec::new();
    for address in ["192.0.2.7", "192.0.2.8"] {
        client.send(GET.replace("\r\n\r\n", &format!("\r\nX-Forwarded-For: {address}\r\n\r\n"))).await;
        let mut at_endpoint = endpoint.accept().await;
        let said = line(&mut at_endpoint).await;
        assert!(said.starts_with(&format!("PROXY TCP4 {address} ")), "{said}");
        at_endpoint.head().await;
        at_endpoint.send(OK).await;
        assert_eq!(client.answer().await.1, "ok");
        wires.push(at_endpoint);
    }
}

#[tokio::test]
async fn a_connection_that_rested_before_it_was_asked_for_is_left_alone() {
    let endpoint = Endpoint::listen().await;
    let mut proxy = Proxy::serving(&Config::chat([endpoint.address()]));
    let mut client = proxy.connect().await;
    client.send(GET).await;
    let (mut shared, _) = endpoint.asked().await;
    shared.send(OK).await;
    assert_eq!(client.answer().await.1, "ok");
    proxy.reload(&config(&endpoint, "v1")).unwrap();
    client.send(GET).await;
    let mut own = endpoint.accept().await;
    assert!(line(&mut own).await.starts_with("PROXY TCP4 "));
}

#[tokio::test]
async fn version_2_tells_how_a_client_came_by_tls() {
    let endpoint = Endpoint::listen().await;
    let certificates = Certificates::none();
    let pem = certificates.issue("site", "chat.test", &PKCS_ECDSA_P256_SHA256);
    let config = certificates.before(&endpoint, &["site"]).with("upstream.chat.proxy_protocol", "\"v2\"");
    let proxy = Proxy::serving(&config);
    let client = Client::trusting([&pem]).connect(proxy.address("public"), "chat.test").await.unwrap();
    let mut client = Wire::new(client);
    client.send(GET).await;
    let mut at_endpoint = endpoint.accept().await;
    let header = bytes(&mut at_endpoint).await;
    assert_eq!(tlv(&header, Type::ALPN).unwrap(), b"http/1.1");
    let ssl = [&[1, 0, 0, 0, 1, 0x21, 0, 7], b"TLSv1.3".as_slice()].concat();
    assert_eq!(tlv(&header, Type::SSL).unwrap(), ssl);
}

#[tokio::test]
async fn probes_speak_for_nobody() {
    for version in ["v1", "v2"] {
        let endpoint = Endpoint::listen().await;
        let health = "{ probe = \"http\", path = \"/healthz\", every = \"100ms\", fall = 1, rise = 1 }";
        let proxy = Proxy::serving(&config(&endpoint, version).with("upstream.chat.health", health));
        let mut probe = endpoint.accept().await;
        if version == "v1" {
            assert_eq!(line(&mut probe).await, "PROXY UNKNOWN\r\n");
        } else {
            assert_eq!(Header::try_from(bytes(&mut probe).await.as_slice()).unwrap().command, Command::Local);
        }
        assert!(probe.head().await.text.starts_with("GET /healthz "));
        probe.send("HTTP/1.1 500 Broken\r\nContent-Length: 0\r\n\r\n").await;
        let is_down = || !proxy.running.proxy().snapshot().upstreams()["chat"].endpoints()[0].state().is_eligible();
        until("the endpoint is down", is_down).await;
    }
}
