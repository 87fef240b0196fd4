//! Files that change under what is open.

use std::path::Path;

use rustls::version::{TLS12, TLS13};

use super::authority::write;
use super::endpoint::TlsEndpoint;
use crate::rig::{Authority, Config, Frame, Handshake, Proxy};

fn config(endpoint: &TlsEndpoint, folder: &Path) -> Config {
    let ca = folder.join("ca.pem");
    Config::chat([endpoint.address()]).with("upstream.chat.tls", &format!("{{ ca = {ca:?} }}"))
}

#[tokio::test]
async fn another_authority_counts_from_the_next_handshake_on_and_touches_no_tunnel() {
    let (ours, other, folder) = (Authority::new("ours"), Authority::new("other"), tempfile::tempdir().unwrap());
    let endpoint = TlsEndpoint::listen(ours.issue(&["127.0.0.1"]).serving(&[&TLS12, &TLS13], None)).await;
    write(folder.path(), "ca.pem", &ours.pem());
    let config = config(&endpoint, folder.path());
    let mut proxy = Proxy::serving(&config);
    let (mut client, mut at_endpoint) = endpoint.tunnel(&proxy).await;

    write(folder.path(), "ca.pem", &other.pem());
    let reloaded = proxy.reload(&config).unwrap();

    assert_eq!((reloaded.draining, reloaded.diff.changes.len()), (0, 1));
    let said = reloaded.diff.changes[0].to_string();
    assert_eq!(said, "upstream chat changed: tls: the files hold other certificates");
    let mut refused = proxy.connect().await;
    refused.send(Handshake::new().bytes()).await;
    assert!(endpoint.try_accept().await.is_err(), "nor does a session resume that began under the other rules");
    assert_eq!(refused.answer().await.0.status(), 502);
    client.send(Frame::text("still here").by_client()).await;
    assert_eq!(at_endpoint.frame().await, Frame::text("still here"));

    write(folder.path(), "ca.pem", &format!("{}{}", other.pem(), ours.pem()));
    proxy.reload(&config).unwrap();
    endpoint.tunnel(&proxy).await;
    write(folder.path(), "ca.pem", &format!("{}{}", ours.pem(), other.pem()));
    assert!(proxy.reload(&config).unwrap().diff.is_empty(), "in another order it is the same");
}

#[tokio::test]
async fn what_rests_from_before_serves_nobody_under_other_rules() {
    let (ours, other, folder) = (Authority::new("ours"), Authority::new("other"), tempfile::tempdir().unwrap());
    let endpoint = TlsEndpoint::listen(ours.issue(&["127.0.0.1"]).serving(&[&TLS13], None)).await;
    write(folder.path(), "ca.pem", &ours.pem());
    let config = config(&endpoint, folder.path());
    let mut proxy = Proxy::serving(&config);
    let get = b"GET / HTTP/1.1\r\nhost: chat.test\r\n\r\n";
    let mut client = proxy.connect().await;
    client.send(get).await;
    let (mut at_endpoint, _) = endpoint.asked().await;

    // It is given back after the reload.
    write(folder.path(), "ca.pem", &other.pem());
    proxy.reload(&config).unwrap();
    at_endpoint.send("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await;
    assert_eq!(client.answer().await.1, "ok");

    client.send(get).await;
    assert!(endpoint.try_accept().await.is_err());
    assert_eq!(client.answer().await.0.status(), 502);
}

#[tokio::test]
async fn a_file_that_is_no_good_changes_nothing() {
    let (ours, folder) = (Authority::new("ours"), tempfile::tempdir().unwrap());
    let endpoint = TlsEndpoint::listen(ours.issue(&["127.0.0.1"]).serving(&[&TLS13], None)).await;
    write(folder.path(), "ca.pem", &ours.pem());
    let config = config(&endpoint, folder.path());
    let mut proxy = Proxy::serving(&config);

    write(folder.path(), "ca.pem", "");
    let refused = proxy.reload(&config).unwrap_err().to_string();

    assert!(refused.contains("ca.pem: holds no certificate"), "{refused}");
    endpoint.tunnel(&proxy).await;
}

#[tokio::test]
async fn tls_switched_on_and_off_counts_from_the_next_connection_on() {
    let (ours, folder) = (Authority::new("ours"), tempfile::tempdir().unwrap());
    let endpoint = TlsEndpoint::listen(ours.issue(&["127.0.0.1"]).serving(&[&TLS13], None)).await;
    write(folder.path(), "ca.pem", &ours.pem());
    let secured = config(&endpoint, folder.path());
    let plain = secured.clone().with("upstream.chat.tls", "\"off\"");
    let mut proxy = Proxy::serving(&plain);
    for config in [&secured, &plain, &secured] {
        assert_eq!(proxy.reload(config).unwrap().draining, 0);
    }
    endpoint.tunnel(&proxy).await;
}
