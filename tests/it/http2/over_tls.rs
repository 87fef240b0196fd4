//! HTTP/2 over TLS: agreed on by ALPN, and under rules that change.

use std::path::Path;

use h2::server::Builder;
use rustls::ServerConfig;
use rustls::version::TLS13;

use super::endpoint::Http2Connection;
use crate::endpoint_tls::authority::write;
use crate::endpoint_tls::endpoint::TlsEndpoint;
use crate::endpoint_tls::refusals::counted;
use crate::rig::{Authority, Config, Proxy, until};

const GET: &str = "GET /a HTTP/1.1\r\nHost: chat.test\r\n\r\n";

/// An endpoint that speaks nothing but HTTP/2.
async fn speaking_h2(mut server: ServerConfig) -> TlsEndpoint {
    server.alpn_protocols = vec![b"h2".to_vec()];
    TlsEndpoint::listen(server).await
}

fn config(endpoint: &TlsEndpoint, ca: &Path) -> Config {
    Config::chat([endpoint.address()])
        .with("upstream.chat.protocol", "\"h2\"")
        .with("upstream.chat.tls", &format!("{{ ca = {ca:?} }}"))
        .with("workers", "1")
}

async fn accept(endpoint: &TlsEndpoint) -> Http2Connection {
    let wire = endpoint.try_accept().await.unwrap();
    assert_eq!(wire.stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    Http2Connection::play(wire.stream, &Builder::new()).await
}

#[tokio::test]
async fn exchanges_share_a_connection_until_its_rules_change() {
    let (ours, other, folder) = (Authority::new("ours"), Authority::new("other"), tempfile::tempdir().unwrap());
    let endpoint = speaking_h2(ours.issue(&["127.0.0.1"]).serving(&[&TLS13], None)).await;
    let ca = write(folder.path(), "ca.pem", &ours.pem());
    let config = config(&endpoint, &ca);
    let mut proxy = Proxy::serving(&config);
    let mut client = proxy.connect().await;
    client.send(GET).await;
    let mut connection = accept(&endpoint).await;
    let mut asked = connection.asked().await;
    assert_eq!(asked.request.uri(), "https://chat.test/a");
    asked.say("first");
    assert_eq!(client.answer().await.1, "first");
    client.send(GET).await;
    let mut asked = connection.asked().await;

    write(folder.path(), "ca.pem", &other.pem());
    proxy.reload(&config).unwrap();
    asked.say("under the old rules");
    assert_eq!(client.answer().await.1, "under the old rules");
    client.send(GET).await;
    assert!(endpoint.try_accept().await.is_err());
    assert_eq!(client.answer().await.0.status(), 502);

    write(folder.path(), "ca.pem", &ours.pem());
    proxy.reload(&config).unwrap();
    client.send(GET).await;
    accept(&endpoint).await.asked().await.say("again");
    assert_eq!(client.answer().await.1, "again");
}

#[tokio::test]
async fn an_endpoint_that_says_late_that_it_wants_a_certificate_is_said_to_want_one() {
    let (ours, clients, folder) = (Authority::new("ours"), Authority::new("clients"), tempfile::tempdir().unwrap());
    let endpoint = speaking_h2(ours.issue(&["127.0.0.1"]).serving(&[&TLS13], Some(&clients))).await;
    let proxy = Proxy::serving(&config(&endpoint, &write(folder.path(), "ca.pem", &ours.pem())));
    let mut client = proxy.connect().await;
    client.send(GET).await;
    assert!(endpoint.try_accept().await.is_err());
    assert_eq!(client.answer().await.0.status(), 502);
    assert_eq!(counted(&proxy, "client_certificate"), 1);
}

#[tokio::test]
async fn a_tcp_probe_speaks_what_exchanges_speak() {
    let (ours, folder) = (Authority::new("ours"), tempfile::tempdir().unwrap());
    let endpoint = speaking_h2(ours.issue(&["127.0.0.1"]).serving(&[&TLS13], None)).await;
    let config = config(&endpoint, &write(folder.path(), "ca.pem", &ours.pem()))
        .with("upstream.chat.health", "{ probe = \"tcp\", every = \"1s\", timeout = \"500ms\" }");
    let proxy = Proxy::serving(&config);
    let serving = tokio::spawn(async move { while endpoint.try_accept().await.is_ok() {} });
    let snapshot = proxy.running.proxy().snapshot();
    let endpoint = &snapshot.upstreams()["chat"].endpoints()[0];
    until("a probe passed or failed", || {
        let counts = endpoint.health_counts();
        counts.probes_passed + counts.probes_failed > 0
    })
    .await;
    assert_eq!(endpoint.health_counts().probes_failed, 0);
    serving.abort();
}
