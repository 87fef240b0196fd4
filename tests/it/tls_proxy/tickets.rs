//! Session tickets that a fleet shares the secret of.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

use rcgen::PKCS_ECDSA_P256_SHA256;
use rustls::HandshakeKind;
use rustls::version::{TLS12, TLS13};

use super::site::{Certificates, Client};
use crate::rig::{Config, Endpoint, Proxy};

const A: &str = "the secret of the fleet, which is long enough\n";
const B: &str = "another secret of the fleet, long enough too\n";

/// A listener for `chat.test` that reads its secrets from this file.
fn config(certificates: &Certificates, endpoint: &Endpoint, file: &str, secrets: &str) -> Config {
    let path = certificates.write(file, secrets);
    fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
    let tls = certificates.tls_with(&["chat"], &format!("ticket_secret = {path:?}"));
    certificates.before(endpoint, &["chat"]).with("listener.public.tls", &tls)
}

#[tokio::test]
async fn a_session_resumes_with_every_proxy_of_a_fleet_and_with_no_other() {
    let (certificates, endpoint) = (Certificates::none(), Endpoint::listen().await);
    let chat = certificates.issue("chat", "chat.test", &PKCS_ECDSA_P256_SHA256);
    let [one, other] = ["one", "other"].map(|file| Proxy::serving(&config(&certificates, &endpoint, file, A)));
    let stranger = Proxy::serving(&config(&certificates, &endpoint, "stranger", B));
    for version in [&TLS12, &TLS13] {
        let client = Client::speaking([&chat], &[version], &[b"http/1.1"]);
        let kind = async |proxy: &Proxy| client.tunnel(proxy, "chat.test", &endpoint).await.kind;
        assert_eq!(kind(&one).await, HandshakeKind::Full);
        assert_eq!(kind(&other).await, HandshakeKind::Resumed);
        assert_eq!(kind(&one).await, HandshakeKind::Resumed);
        assert_eq!(kind(&stranger).await, HandshakeKind::Full);
    }
}

#[tokio::test]
async fn a_secret_that_a_reload_exchanges_opens_what_it_sealed() {
    let (certificates, endpoint) = (Certificates::none(), Endpoint::listen().await);
    let chat = certificates.issue("chat", "chat.test", &PKCS_ECDSA_P256_SHA256);
    let mut proxy = Proxy::serving(&config(&certificates, &endpoint, "tickets", A));
    let new = Proxy::serving(&config(&certificates, &endpoint, "new", B));
    let client = Client::trusting([&chat]);
    let kind = async |proxy: &Proxy| client.tunnel(proxy, "chat.test", &endpoint).await.kind;
    assert_eq!(kind(&proxy).await, HandshakeKind::Full);

    let reloaded = proxy.reload(&config(&certificates, &endpoint, "tickets", B)).unwrap();

    assert_eq!((reloaded.draining, reloaded.diff.changes.len()), (0, 1));
    assert_eq!(kind(&proxy).await, HandshakeKind::Resumed);
    assert_eq!(kind(&new).await, HandshakeKind::Resumed, "its ticket is under the new one by now");
    let touched = proxy.reload(&config(&certificates, &endpoint, "tickets", &format!("\n{B}"))).unwrap();
    assert!(touched.diff.changes.is_empty(), "the same secrets are no change");
}

#[tokio::test]
async fn a_file_that_is_none_of_secrets_is_refused_and_changes_nothing() {
    let (certificates, endpoint) = (Certificates::none(), Endpoint::listen().await);
    let chat = certificates.issue("chat", "chat.test", &PKCS_ECDSA_P256_SHA256);
    let good = config(&certificates, &endpoint, "tickets", A);
    let mut proxy = Proxy::serving(&good);
    for (secrets, said) in [("", "holds no secret"), ("short", "has a secret of 5 bytes in line 1")] {
        let refused = proxy.reload(&config(&certificates, &endpoint, "tickets", secrets)).unwrap_err().to_string();
        assert!(refused.contains("listener.public.tls.ticket_secret: "), "{refused}");
        assert!(refused.contains(&format!("tickets: {said}")), "{refused}");
    }
    let path = certificates.write("tickets", A);
    fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
    let refused = proxy.reload(&good).unwrap_err().to_string();
    assert!(refused.contains("is open to every user of this machine (mode 0644)"), "{refused}");
    Client::trusting([&chat]).tunnel(&proxy, "chat.test", &endpoint).await;
}
