//! Tunnels and exchanges over TLS with endpoints.

use rustls::version::{TLS12, TLS13};
use rustls::{HandshakeKind, SupportedProtocolVersion};
use tokio::io::AsyncWriteExt;

use super::authority::write;
use super::endpoint::{TlsEndpoint, TlsWire, asked_name, kind};
use crate::rig::{Authority, Config, Frame, Opcode, Proxy, Wire};

const VERSIONS: [&SupportedProtocolVersion; 2] = [&TLS12, &TLS13];

/// An endpoint that shows a certificate for its address and `localhost`, and a proxy that believes it.
struct Site {
    proxy: Proxy,
    endpoint: TlsEndpoint,
    _folder: tempfile::TempDir,
}

impl Site {
    async fn open(versions: &[&'static SupportedProtocolVersion]) -> Self {
        Self::with(versions, "", |config, _| config).await
    }

    async fn with(
        versions: &[&'static SupportedProtocolVersion],
        keys: &str,
        change: impl FnOnce(Config, &TlsEndpoint) -> Config,
    ) -> Self {
        let (ours, folder) = (Authority::new("ours"), tempfile::tempdir().unwrap());
        let issued = ours.issue(&["127.0.0.1", "localhost", "app.test"]);
        let endpoint = TlsEndpoint::listen(issued.serving(versions, None)).await;
        let ca = write(folder.path(), "ca.pem", &ours.pem());
        let config = Config::chat([endpoint.address()]).with("upstream.chat.tls", &format!("{{ ca = {ca:?}{keys} }}"));
        Self { proxy: Proxy::serving(&change(config, &endpoint)), endpoint, _folder: folder }
    }
}

async fn carries(client: &mut Wire, at_endpoint: &mut TlsWire) {
    for length in [0, 5, 70_000] {
        let (there, back) = (Frame::text(&"t".repeat(length)), Frame::text(&"b".repeat(length)));
        client.send(there.by_client()).await;
        assert_eq!(at_endpoint.frame().await, there);
        at_endpoint.send(back.by_endpoint()).await;
        assert_eq!(client.frame().await, back);
    }
}

#[tokio::test]
async fn a_tunnel_carries_over_tls_until_its_closing_handshake() {
    for version in VERSIONS {
        let site = Site::open(&[version]).await;
        let (mut client, mut at_endpoint) = site.endpoint.tunnel(&site.proxy).await;
        assert_eq!(at_endpoint.stream.get_ref().1.alpn_protocol(), None, "it offers none");
        carries(&mut client, &mut at_endpoint).await;
        client.send(Frame::close(1000, "bye").by_client()).await;
        assert_eq!(at_endpoint.frame().await, Frame::close(1000, "bye"));
        at_endpoint.send(Frame::close(1000, "").by_endpoint()).await;
        at_endpoint.finish().await;
        assert_eq!(client.frame().await.opcode, Opcode::Close);
        client.finish().await;
        // A close_notify, and then the FIN.
        assert_eq!(at_endpoint.rest().await, b"");
        site.proxy.is_empty().await;
    }
}

#[tokio::test]
async fn http_1_1_is_what_is_asked_for_over_alpn() {
    let (ours, folder) = (Authority::new("ours"), tempfile::tempdir().unwrap());
    let mut config = ours.issue(&["127.0.0.1"]).serving(&VERSIONS, None);
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let endpoint = TlsEndpoint::listen(config).await;
    let ca = write(folder.path(), "ca.pem", &ours.pem());
    let config = Config::chat([endpoint.address()]).with("upstream.chat.tls", &format!("{{ ca = {ca:?} }}"));
    let (_client, at_endpoint) = endpoint.tunnel(&Proxy::serving(&config)).await;
    assert_eq!(at_endpoint.stream.get_ref().1.alpn_protocol(), Some(&b"http/1.1"[..]));
}

#[tokio::test]
async fn exchanges_share_a_connection() {
    for version in VERSIONS {
        let site = Site::open(&[version]).await;
        let mut client = site.proxy.connect().await;
        client.send("POST /one HTTP/1.1\r\nhost: chat.test\r\ncontent-length: 100000\r\n\r\n").await;
        client.send("x".repeat(100_000)).await;
        let (mut at_endpoint, head) = site.endpoint.asked().await;
        assert!(head.text.starts_with("POST /one"), "{head:?}");
        assert_eq!(at_endpoint.bytes(100_000).await, "x".repeat(100_000).as_bytes());
        let body = "y".repeat(200_000);
        at_endpoint.send(format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len())).await;
        assert_eq!(client.answer().await.1, body);

        client.send("GET /two HTTP/1.1\r\nhost: chat.test\r\n\r\n").await;
        assert!(at_endpoint.head().await.text.starts_with("GET /two"));
        at_endpoint.send("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await;
        assert_eq!(client.answer().await.1, "ok");
    }
}

#[tokio::test]
async fn sessions_resume_with_the_endpoint_that_gave_the_ticket_and_no_other() {
    for version in VERSIONS {
        let (ours, folder) = (Authority::new("ours"), tempfile::tempdir().unwrap());
        let issued = ours.issue(&["app.test"]);
        let endpoints = [
            TlsEndpoint::listen(issued.serving(&[version], None)).await,
            TlsEndpoint::listen(issued.serving(&[version], None)).await,
        ];
        let ca = write(folder.path(), "ca.pem", &ours.pem());
        // All have one name: it is not by name that sessions are kept apart.
        let config = Config::chat(endpoints.each_ref().map(TlsEndpoint::address))
            .with("upstream.chat.policy", "\"round_robin\"")
            .with("upstream.chat.tls", &format!("{{ ca = {ca:?}, name = \"app.test\" }}"));
        let proxy = Proxy::serving(&config);
        let mut open = Vec::new();
        for turn in 0..6 {
            let mut client = proxy.connect().await;
            client.send(crate::rig::Handshake::new().bytes()).await;
            let mut at_endpoint = tokio::select! {
                wire = endpoints[0].grant() => wire,
                wire = endpoints[1].grant() => wire,
            };
            assert_eq!(client.head().await.status(), 101);
            // The tickets have come, too.
            carries(&mut client, &mut at_endpoint).await;
            let expected = if turn < 2 { HandshakeKind::Full } else { HandshakeKind::Resumed };
            assert_eq!(kind(&at_endpoint), expected, "{version:?}, turn {turn}");
            open.push((client, at_endpoint));
        }
    }
}

#[tokio::test]
async fn an_endpoint_is_asked_for_its_name_or_the_one_that_is_given_and_an_address_for_none() {
    let by_address = Site::open(&VERSIONS).await;
    let (_client, at_endpoint) = by_address.endpoint.tunnel(&by_address.proxy).await;
    assert_eq!(asked_name(&at_endpoint), None);

    let by_host =
        |config: Config, endpoint: &TlsEndpoint| config.with("upstream.chat.endpoints", &endpoint.at_localhost());
    let by_host = Site::with(&VERSIONS, "", by_host).await;
    let (_client, at_endpoint) = by_host.endpoint.tunnel(&by_host.proxy).await;
    assert_eq!(asked_name(&at_endpoint).as_deref(), Some("localhost"));

    let by_name = Site::with(&VERSIONS, ", name = \"app.test\"", |config, _| config).await;
    let (_client, at_endpoint) = by_name.endpoint.tunnel(&by_name.proxy).await;
    assert_eq!(asked_name(&at_endpoint).as_deref(), Some("app.test"));
}

#[tokio::test]
async fn a_client_certificate_is_shown_to_those_that_ask() {
    for version in VERSIONS {
        let (ours, clients, folder) = (Authority::new("ours"), Authority::new("clients"), tempfile::tempdir().unwrap());
        let endpoint = TlsEndpoint::listen(ours.issue(&["127.0.0.1"]).serving(&[version], Some(&clients))).await;
        let certificate = clients.issue(&["windlass.test"]).write(folder.path(), "own");
        let ca = write(folder.path(), "ca.pem", &ours.pem());
        let tls = format!("{{ ca = {ca:?}, certificate = {certificate} }}");
        let proxy = Proxy::serving(&Config::chat([endpoint.address()]).with("upstream.chat.tls", &tls));
        let (mut client, mut at_endpoint) = endpoint.tunnel(&proxy).await;
        assert_eq!(at_endpoint.stream.get_ref().1.peer_certificates().unwrap().len(), 1);
        carries(&mut client, &mut at_endpoint).await;
    }
}

#[tokio::test]
async fn keys_change_in_the_middle_of_a_tunnel() {
    let site = Site::open(&[&TLS13]).await;
    let (mut client, mut at_endpoint) = site.endpoint.tunnel(&site.proxy).await;
    for _ in 0..3 {
        at_endpoint.stream.get_mut().1.refresh_traffic_keys().unwrap();
        carries(&mut client, &mut at_endpoint).await;
    }
}

#[tokio::test]
async fn an_endpoint_that_ends_without_a_word_is_told_to_the_client_by_a_close() {
    for version in VERSIONS {
        let site = Site::open(&[version]).await;
        // With a close_notify, and cut: neither is the end of a WebSocket.
        for is_polite in [true, false] {
            let (mut client, mut at_endpoint) = site.endpoint.tunnel(&site.proxy).await;
            carries(&mut client, &mut at_endpoint).await;
            if is_polite {
                at_endpoint.finish().await;
            } else {
                at_endpoint.stream.get_mut().0.shutdown().await.unwrap();
            }
            assert_eq!(client.frame().await.opcode, Opcode::Close);
        }
    }
}

#[tokio::test]
async fn a_body_that_is_cut_is_no_whole_body() {
    for version in VERSIONS {
        let site = Site::open(&[version]).await;
        for is_polite in [true, false] {
            let mut client = site.proxy.connect().await;
            client.send("GET /cut HTTP/1.1\r\nhost: chat.test\r\nconnection: close\r\n\r\n").await;
            let (mut at_endpoint, _) = site.endpoint.asked().await;
            // Without a length: the end of the connection is that of the body, and TLS says whether it is one (RFC 9112 §9.8).
            at_endpoint.send("HTTP/1.1 200 OK\r\n\r\nhalf").await;
            if is_polite {
                at_endpoint.finish().await;
            } else {
                at_endpoint.stream.get_mut().0.shutdown().await.unwrap();
            }
            let answer = client.drain().await;
            let ends_whole = answer.ends_with("0\r\n\r\n");
            assert_eq!(ends_whole, is_polite, "{version:?}: {answer}");
        }
    }
}
