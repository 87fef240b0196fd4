//! Probes speak TLS where requests do.

use rustls::version::TLS13;

use super::authority::write;
use super::endpoint::TlsEndpoint;
use crate::rig::{Authority, Config, Proxy, until};

#[tokio::test]
async fn an_endpoint_is_up_by_what_it_says_over_tls_and_down_if_there_is_none() {
    let (ours, other, folder) = (Authority::new("ours"), Authority::new("other"), tempfile::tempdir().unwrap());
    let ca = write(folder.path(), "ca.pem", &ours.pem());
    for (issuer, is_good) in [(&ours, true), (&other, false)] {
        let endpoint = TlsEndpoint::listen(issuer.issue(&["127.0.0.1"]).serving(&[&TLS13], None)).await;
        let config = Config::chat([endpoint.address()]).with("upstream.chat.tls", &format!("{{ ca = {ca:?} }}")).with(
            "upstream.chat.health",
            "{ probe = \"http\", path = \"/healthz\", every = \"1s\", timeout = \"500ms\" }",
        );
        let proxy = Proxy::serving(&config);
        let serving = tokio::spawn(async move {
            loop {
                let Ok(mut wire) = endpoint.try_accept().await else { continue };
                assert!(wire.head().await.text.starts_with("GET /healthz"));
                wire.send("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
            }
        });
        let snapshot = proxy.running.proxy().snapshot();
        let endpoint = &snapshot.upstreams()["chat"].endpoints()[0];
        let counts = || endpoint.health_counts();
        match is_good {
            true => until("a probe passed", || counts().probes_passed > 0).await,
            false => until("it is down", || !endpoint.state().is_eligible()).await,
        }
        assert_eq!(counts().probes_failed > 0, !is_good);
        serving.abort();
    }
}
