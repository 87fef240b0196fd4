//! Names that clients ask for and no certificate is for, and the versions that are spoken.

use rcgen::PKCS_ECDSA_P256_SHA256;
use rustls::ProtocolVersion;
use rustls::version::{TLS12, TLS13};

use super::handshakes::count;
use super::site::{Certificates, Client};
use crate::rig::{Endpoint, Proxy, until};

#[tokio::test]
async fn an_unknown_name_is_refused_where_that_is_said_and_others_are_served() {
    let (certificates, endpoint) = (Certificates::none(), Endpoint::listen().await);
    let chat = certificates.issue("chat", "chat.test", &PKCS_ECDSA_P256_SHA256);
    let games = certificates.issue("games", "*.games.test", &PKCS_ECDSA_P256_SHA256);
    let tls = certificates.tls_with(&["chat", "games"], "unknown_names = \"refuse\"");
    let proxy = Proxy::serving(&certificates.before(&endpoint, &["chat"]).with("listener.public.tls", &tls));
    for version in [&TLS12, &TLS13] {
        let client = Client::speaking([&chat, &games], &[version], &[b"http/1.1"]);
        let refusal = async |client: &Client, name: &str| {
            client.connect(proxy.address("public"), name).await.unwrap_err().to_string()
        };
        client.tunnel(&proxy, "chat.test", &endpoint).await;
        client.tunnel(&proxy, "my.games.test", &endpoint).await;
        for name in ["other.test", "games.test", "a.my.games.test"] {
            let refused = refusal(&client, name).await;
            assert!(refused.contains("UnrecognisedName"), "{name}: {refused}");
        }
        let nameless = refusal(&client.with(|config| config.enable_sni = false), "chat.test").await;
        assert!(nameless.contains("MissingExtension"), "{nameless}");
    }
    until("all eight are counted", || count(&proxy, "unknown_name") == 8).await;
    proxy.is_empty().await;
}

#[tokio::test]
async fn a_reload_says_anew_what_becomes_of_unknown_names() {
    let (certificates, endpoint) = (Certificates::none(), Endpoint::listen().await);
    let chat = certificates.issue("chat", "chat.test", &PKCS_ECDSA_P256_SHA256);
    let config = certificates.before(&endpoint, &["chat"]);
    let mut proxy = Proxy::serving(&config);
    let client = Client::trusting([&chat]).with(|config| config.enable_sni = false);
    let mut secured = client.tunnel(&proxy, "chat.test", &endpoint).await;

    let tls = certificates.tls_with(&["chat"], "unknown_names = \"refuse\"");
    let reloaded = proxy.reload(&config.clone().with("listener.public.tls", &tls)).unwrap();

    assert_eq!((reloaded.draining, reloaded.diff.changes.len()), (0, 1));
    assert!(client.connect(proxy.address("public"), "chat.test").await.is_err());
    proxy.reload(&config).unwrap();
    client.tunnel(&proxy, "chat.test", &endpoint).await;
    secured.carries().await;
}

#[tokio::test]
async fn tls_1_2_is_not_spoken_where_1_3_is_the_oldest() {
    let (certificates, endpoint) = (Certificates::none(), Endpoint::listen().await);
    let chat = certificates.issue("chat", "chat.test", &PKCS_ECDSA_P256_SHA256);
    let tls = certificates.tls_with(&["chat"], "min_version = \"1.3\"");
    let proxy = Proxy::serving(&certificates.before(&endpoint, &["chat"]).with("listener.public.tls", &tls));
    let client = |version| Client::speaking([&chat], &[version], &[b"http/1.1"]);

    let refused = client(&TLS12).connect(proxy.address("public"), "chat.test").await.unwrap_err().to_string();
    assert!(refused.contains("ProtocolVersion"), "{refused}");
    let secured = client(&TLS13).tunnel(&proxy, "chat.test", &endpoint).await;
    assert_eq!(secured.version, ProtocolVersion::TLSv1_3);
    until("it is counted", || count(&proxy, "tls_mismatch") == 1).await;
}
