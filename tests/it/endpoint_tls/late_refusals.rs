//! Under TLS 1.3 an endpoint says only after the handshake what it thinks of our certificate (RFC 8446 §4.4.2.4).

use rustls::version::TLS13;

use super::authority::write;
use super::endpoint::TlsEndpoint;
use super::refusals::{counted, said_of};
use crate::rig::{Authority, Config, Handshake, Proxy, log};

#[tokio::test]
async fn an_endpoint_that_wants_a_certificate_is_left_and_the_log_says_what_it_wants() {
    let mut lines = log::lines();
    let (ours, clients, other) = (Authority::new("ours"), Authority::new("clients"), Authority::new("other"));
    let folder = tempfile::tempdir().unwrap();
    let ca = write(folder.path(), "ca.pem", &ours.pem());
    let wrong = other.issue(&["windlass.test"]).write(folder.path(), "own");
    for (name, keys, said) in [
        ("e-late-none", String::new(), "it wants a client certificate: name one"),
        ("e-late-wrong", format!(", certificate = {wrong}"), "it refuses us by the alert UnknownCA"),
    ] {
        let endpoint = TlsEndpoint::listen(ours.issue(&["127.0.0.1"]).serving(&[&TLS13], Some(&clients))).await;
        let config = Config::chat([])
            .named_endpoints("chat", [(name, endpoint.address())])
            .with("upstream.chat.tls", &format!("{{ ca = {ca:?}{keys} }}"));
        let proxy = Proxy::serving(&config);
        for request in [Handshake::new().bytes(), b"GET / HTTP/1.1\r\nhost: chat.test\r\n\r\n".to_vec()] {
            let mut client = proxy.connect().await;
            client.send(request).await;
            assert!(endpoint.try_accept().await.is_err());
            let (head, body) = client.answer().await;
            assert_eq!(head.status(), 502);
            assert!(!body.contains("certificate"), "{body}");
        }
        assert_eq!(counted(&proxy, "client_certificate"), 2, "{name}");
        let line = said_of(&mut lines, name).await;
        assert!(line.contains(said), "{line}");
    }
}
