//! Collectors that are not simply at an address: behind TLS, and at a socket.

use std::fs;
use std::sync::{Arc, Mutex};

use rcgen::CertificateParams;
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use tempfile::TempDir;
use tokio::net::{TcpListener, UnixListener};
use tokio_rustls::TlsAcceptor;

use super::collector::{Taken, serve};
use crate::rig::{Authority, Config, Endpoint, Proxy, log, until, within};

/// What a collector is that shows a certificate of this authority's for `localhost`.
fn acceptor(authority: &Authority) -> TlsAcceptor {
    let (certificate, key) = authority.sign(CertificateParams::new(vec!["localhost".to_owned()]).unwrap());
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let chain = vec![certificate.der().clone()];
    Arc::new(ServerConfig::builder().with_no_client_auth().with_single_cert(chain, key).unwrap()).into()
}

fn config(endpoint: &Endpoint, collector: &str) -> Config {
    Config::chat([endpoint.address()]).with("traces.endpoint", &format!("{collector:?}")).with("traces.sample", "1")
}

async fn has_spans(taken: &Mutex<Taken>) {
    until("spans have come", || !taken.lock().unwrap().spans.is_empty()).await;
    assert_eq!(taken.lock().unwrap().heads[0].0, "/v1/traces");
}

#[tokio::test]
async fn a_collector_with_tls_is_believed_by_its_own_authority_and_by_no_other() {
    let mut lines = log::lines();
    let (listener, endpoint) = (TcpListener::bind("127.0.0.1:0").await.unwrap(), Endpoint::listen().await);
    let (ours, other) = (Authority::new("ours"), Authority::new("other"));
    let folder = TempDir::new().unwrap();
    let ca = folder.path().join("ca.pem");
    fs::write(&ca, other.pem()).unwrap();
    let url = format!("https://localhost:{}/v1/traces", listener.local_addr().unwrap().port());
    let config = config(&endpoint, &url).with("traces.ca", &format!("{ca:?}"));
    let mut proxy = Proxy::serving(&config);
    let _ends = proxy.tunnel(&endpoint).await;
    let acceptor = acceptor(&ours);
    let stream = within("a connection", listener.accept()).await.unwrap().0;
    assert!(acceptor.accept(stream).await.is_err());
    let is_told = |line: &serde_json::Value| line["endpoint"] == *url && line["level"] == "WARN";
    lines.until(|lines| lines.iter().any(is_told)).await;
    // What was not taken waits, and goes to whoever is believed.
    fs::write(&ca, ours.pem()).unwrap();
    proxy.reload(&config).unwrap();
    let stream = within("another connection", listener.accept()).await.unwrap().0;
    let taken: Arc<Mutex<Taken>> = Arc::default();
    let _serving = tokio::spawn(serve(acceptor.accept(stream).await.unwrap(), Arc::clone(&taken)));
    has_spans(&taken).await;
    assert_eq!(proxy.count("spans_total{result=\"no_answer\"}"), 0);
}

#[tokio::test]
async fn a_collector_at_a_socket_has_them_too() {
    let (folder, endpoint) = (TempDir::new().unwrap(), Endpoint::listen().await);
    let path = folder.path().join("otel.sock");
    let listener = UnixListener::bind(&path).unwrap();
    let proxy = Proxy::serving(&config(&endpoint, &format!("unix:{}:/v1/traces", path.display())));
    let _ends = proxy.tunnel(&endpoint).await;
    let stream = within("a connection", listener.accept()).await.unwrap().0;
    let taken: Arc<Mutex<Taken>> = Arc::default();
    let _serving = tokio::spawn(serve(stream, Arc::clone(&taken)));
    has_spans(&taken).await;
}
