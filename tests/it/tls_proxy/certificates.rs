//! Certificates that change under open tunnels.

use rcgen::PKCS_ECDSA_P256_SHA256;
use rustls::HandshakeKind;
use rustls::version::{TLS12, TLS13};

use super::site::{Certificates, Client};
use crate::rig::{Config, Endpoint, Frame, Handshake, Proxy};

#[tokio::test]
async fn a_changed_certificate_is_used_by_the_next_handshake_and_closes_nothing() {
    let (certificates, endpoint) = (Certificates::none(), Endpoint::listen().await);
    let old = certificates.issue("site", "chat.test", &PKCS_ECDSA_P256_SHA256);
    let config = certificates.before(&endpoint, &["site"]);
    let mut proxy = Proxy::serving(&config);
    let mut secured = Client::trusting([&old]).tunnel(&proxy, "chat.test", &endpoint).await;
    let mut shaken = Client::trusting([&old]).connect(proxy.address("public"), "chat.test").await.unwrap();

    let new = certificates.issue("site", "chat.test", &PKCS_ECDSA_P256_SHA256);
    let reloaded = proxy.reload(&config).unwrap();

    assert_eq!((reloaded.generation, reloaded.draining, reloaded.diff.changes.len()), (2, 0, 1));
    secured.carries().await;
    Client::trusting([&new]).tunnel(&proxy, "chat.test", &endpoint).await;
    assert!(Client::trusting([&old]).connect(proxy.address("public"), "chat.test").await.is_err());
    secured.carries().await;
    // A session from before is a session still.
    tokio::io::AsyncWriteExt::write_all(&mut shaken, &Handshake::new().bytes()).await.unwrap();
    let _granted = endpoint.grant().await;
    assert_eq!(proxy.reload(&config).unwrap().generation, 2, "the same files again are no change");
}

#[tokio::test]
async fn sessions_resume_across_a_reload() {
    let (certificates, endpoint) = (Certificates::none(), Endpoint::listen().await);
    let old = certificates.issue("site", "chat.test", &PKCS_ECDSA_P256_SHA256);
    let config = certificates.before(&endpoint, &["site"]);
    let mut proxy = Proxy::serving(&config);
    let clients = [&TLS12, &TLS13].map(|version| Client::speaking([&old], &[version], &[b"http/1.1"]));
    for client in &clients {
        assert_eq!(client.tunnel(&proxy, "chat.test", &endpoint).await.kind, HandshakeKind::Full);
        assert_eq!(client.tunnel(&proxy, "chat.test", &endpoint).await.kind, HandshakeKind::Resumed);
    }

    certificates.issue("site", "chat.test", &PKCS_ECDSA_P256_SHA256);
    proxy.reload(&config).unwrap();

    for client in &clients {
        assert_eq!(client.tunnel(&proxy, "chat.test", &endpoint).await.kind, HandshakeKind::Resumed);
    }
}

#[tokio::test]
async fn a_ticket_is_no_good_at_a_listener_that_is_somebody_else() {
    let (certificates, endpoint) = (Certificates::none(), Endpoint::listen().await);
    let chat = certificates.issue("chat", "chat.test", &PKCS_ECDSA_P256_SHA256);
    certificates.issue("games", "games.test", &PKCS_ECDSA_P256_SHA256);
    let [at_chat, at_games] = ["chat", "games"].map(|name| certificates.before(&endpoint, &[name]));
    let games_beside = |config: Config| {
        let tls = certificates.tls(&["games"]);
        config.with("listener.games.bind", "\"127.0.0.1:0\"").with("listener.games.tls", &tls)
    };
    let mut proxy = Proxy::serving(&games_beside(at_chat.clone()));
    let clients = [&TLS12, &TLS13].map(|version| Client::speaking([&chat], &[version], &[b"http/1.1"]));
    for client in &clients {
        client.tunnel(&proxy, "chat.test", &endpoint).await;
        // Resumed, it would not be shown the certificate that it refuses.
        assert!(client.connect(proxy.address("games"), "chat.test").await.is_err());
        client.tunnel(&proxy, "chat.test", &endpoint).await;
    }

    proxy.reload(&games_beside(at_games)).unwrap();

    for client in &clients {
        assert!(client.connect(proxy.address("public"), "chat.test").await.is_err());
    }
}

#[tokio::test]
async fn tls_switched_on_touches_no_tunnel() {
    let (certificates, endpoint) = (Certificates::none(), Endpoint::listen().await);
    let pem = certificates.issue("site", "chat.test", &PKCS_ECDSA_P256_SHA256);
    let mut proxy = Proxy::serving(&Config::chat([endpoint.address()]));
    let (mut client, mut at_endpoint) = proxy.tunnel(&endpoint).await;

    let reloaded = proxy.reload(&certificates.before(&endpoint, &["site"])).unwrap();

    assert_eq!(reloaded.draining, 0);
    Client::trusting([&pem]).tunnel(&proxy, "chat.test", &endpoint).await;
    client.send(Frame::text("plain still").by_client()).await;
    assert_eq!(at_endpoint.frame().await, Frame::text("plain still"));
}

#[tokio::test]
async fn a_certificate_that_is_gone_changes_nothing() {
    let (certificates, endpoint) = (Certificates::none(), Endpoint::listen().await);
    let pem = certificates.issue("site", "chat.test", &PKCS_ECDSA_P256_SHA256);
    let mut proxy = Proxy::serving(&certificates.before(&endpoint, &["site"]));

    let refused = proxy.reload(&certificates.before(&endpoint, &["absent"])).unwrap_err().to_string();

    assert!(refused.contains("absent.pem"), "{refused}");
    Client::trusting([&pem]).tunnel(&proxy, "chat.test", &endpoint).await;
}
