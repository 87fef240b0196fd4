//! Handshakes, good and bad, and what else comes to a TLS port.

use rcgen::{PKCS_ECDSA_P256_SHA256, PKCS_ED25519, PKCS_RSA_SHA256};
use rustls::ProtocolVersion;
use rustls::version::{TLS12, TLS13};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use windlass::metrics::{Exposition, Gauges};

use super::site::{Certificates, Client};
use crate::rig::{Endpoint, Frame, Handshake, Head, Proxy, Wire, until, within};

#[tokio::test]
async fn every_kind_of_key_carries_tunnels_in_both_versions() {
    for algorithm in [&PKCS_ECDSA_P256_SHA256, &PKCS_RSA_SHA256, &PKCS_ED25519] {
        let (certificates, endpoint) = (Certificates::none(), Endpoint::listen().await);
        let pem = certificates.issue("site", "chat.test", algorithm);
        let config = certificates.before(&endpoint, &["site"]).with("listener.public.http2", "false");
        let proxy = Proxy::serving(&config);
        for (version, spoken) in [(&TLS12, ProtocolVersion::TLSv1_2), (&TLS13, ProtocolVersion::TLSv1_3)] {
            let client = Client::speaking([&pem], &[version], &[b"h2", b"http/1.1"]);
            let secured = client.tunnel(&proxy, "chat.test", &endpoint).await;
            assert_eq!((secured.version, secured.alpn.as_deref()), (spoken, Some(&b"http/1.1"[..])));
        }
        proxy.is_empty().await;
    }
}

#[tokio::test]
async fn the_name_chooses_the_certificate() {
    let (certificates, endpoint) = (Certificates::none(), Endpoint::listen().await);
    let chat = certificates.issue("chat", "chat.test", &PKCS_ECDSA_P256_SHA256);
    let games = certificates.issue("games", "*.games.test", &PKCS_ECDSA_P256_SHA256);
    let proxy = Proxy::serving(&certificates.before(&endpoint, &["chat", "games"]));
    let (only_chat, only_games) = (Client::trusting([&chat]), Client::trusting([&games]));

    only_chat.tunnel(&proxy, "chat.test", &endpoint).await;
    only_games.tunnel(&proxy, "my.games.test", &endpoint).await;

    let address = proxy.address("public");
    assert!(only_games.connect(address, "chat.test").await.is_err());
    assert!(only_chat.connect(address, "other.test").await.is_err(), "it is shown the first one, which is not its own");
}

#[tokio::test]
async fn a_client_that_speaks_only_h2_is_told_at_once_where_it_is_off() {
    let (certificates, endpoint) = (Certificates::none(), Endpoint::listen().await);
    let pem = certificates.issue("site", "chat.test", &PKCS_ECDSA_P256_SHA256);
    let config = certificates.before(&endpoint, &["site"]).with("listener.public.http2", "false");
    let proxy = Proxy::serving(&config);

    let refused = Client::speaking([&pem], &[&TLS13], &[b"h2"]).connect(proxy.address("public"), "chat.test").await;

    let error = refused.unwrap_err().to_string();
    assert!(error.contains("NoApplicationProtocol"), "{error}");
}

#[tokio::test]
async fn garbage_before_tls_ends_that_connection_and_nothing_else() {
    let (certificates, endpoint) = (Certificates::none(), Endpoint::listen().await);
    let pem = certificates.issue("site", "chat.test", &PKCS_ECDSA_P256_SHA256);
    let proxy = Proxy::serving(&certificates.before(&endpoint, &["site"]));
    let mut secured = Client::trusting([&pem]).tunnel(&proxy, "chat.test", &endpoint).await;
    let plain = Handshake::new().bytes();
    let long = vec![0xff; 100_000];
    for garbage in [&b"\0"[..], b"SSH-2.0-x\r\n", &plain, &long, &[0x16, 3, 1, 0xff, 0xff], &[0x16, 3, 1, 0, 2, 1, 0]] {
        let mut client = proxy.connect().await;
        client.try_send(garbage).await;
        client.try_finish().await;
        client.drain().await;
    }
    secured.carries().await;
    drop(secured);
    proxy.is_empty().await;
}

#[tokio::test]
async fn plain_http_on_a_tls_port_is_told_so() {
    let (certificates, endpoint) = (Certificates::none(), Endpoint::listen().await);
    certificates.issue("site", "chat.test", &PKCS_ECDSA_P256_SHA256);
    let proxy = Proxy::serving(&certificates.before(&endpoint, &["site"]));
    let long = format!("POST /up HTTP/1.1\r\nHost: chat.test\r\nContent-Length: 90000\r\n\r\n{}", "x".repeat(90_000));
    for request in ["GET / HTTP/1.1\r\nHost: chat.test\r\n\r\n", &long, "GE"] {
        let mut client = proxy.connect().await;
        client.send(request).await;
        let (head, body) = client.answer().await;
        assert_eq!((head.status(), body.as_str()), (400, "400 this port speaks TLS: ask with https:// or wss://\n"));
        assert_eq!(client.rest().await, b"");
    }
    assert_eq!(count(&proxy, "plain_http"), 3);
    proxy.is_empty().await;
}

#[tokio::test]
async fn a_failed_handshake_is_counted_by_its_cause() {
    let (certificates, endpoint) = (Certificates::none(), Endpoint::listen().await);
    let pem = certificates.issue("site", "chat.test", &PKCS_ECDSA_P256_SHA256);
    let config = certificates.before(&endpoint, &["site"]).with("listener.public.tls_timeout", "\"300ms\"");
    let proxy = Proxy::serving(&config.with("listener.public.http2", "false"));
    let address = proxy.address("public");
    let none: [&String; 0] = [];
    assert!(Client::speaking(none, &[&TLS13], &[b"http/1.1"]).connect(address, "chat.test").await.is_err());
    until("an alert is counted", || count(&proxy, "tls_alert") == 1).await;
    assert!(Client::speaking([&pem], &[&TLS13], &[b"h2"]).connect(address, "chat.test").await.is_err());
    until("a mismatch is counted", || count(&proxy, "tls_mismatch") == 1).await;
    for (cause, bytes) in [("not_tls", &b"SSH-2.0-x\r\n"[..]), ("tls_left", &[0x16, 3, 1, 0, 200, 1, 0])] {
        let mut client = proxy.connect().await;
        client.send(bytes).await;
        client.try_finish().await;
        client.drain().await;
        until("it is counted", || count(&proxy, cause) == 1).await;
    }
    let (mut silent, mut half) = (proxy.connect().await, proxy.connect().await);
    half.send([0x16, 3, 1, 0, 200, 1, 0]).await;
    half.drain().await;
    silent.drain().await;
    until("a slow one is counted", || count(&proxy, "tls_too_slow") == 1).await;
    // Who says nothing at all is none of them.
    let mut client = proxy.connect().await;
    client.try_finish().await;
    client.drain().await;
    proxy.is_empty().await;
    assert_eq!((count(&proxy, "tls_left"), count(&proxy, "tls_too_slow")), (1, 1));
}

/// How many were refused for this reason.
pub(super) fn count(proxy: &Proxy, reason: &str) -> u64 {
    let text = proxy.running.proxy().metrics.encode(&Gauges::default(), Exposition::Prometheus).unwrap();
    let series = format!("windlass_refusals_total{{reason=\"{reason}\"}} ");
    text.lines().find_map(|line| line.strip_prefix(&series)).unwrap().parse().unwrap()
}

#[tokio::test]
async fn half_a_handshake_is_given_up_after_tls_timeout_and_holds_nobody_up() {
    let (certificates, endpoint) = (Certificates::none(), Endpoint::listen().await);
    let pem = certificates.issue("site", "chat.test", &PKCS_ECDSA_P256_SHA256);
    let config = certificates.before(&endpoint, &["site"]).with("listener.public.tls_timeout", "\"200ms\"");
    let proxy = Proxy::serving(&config);
    let mut silent = proxy.connect().await;
    let mut half = proxy.connect().await;
    half.send([0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3]).await;

    let secured = Client::trusting([&pem]).tunnel(&proxy, "chat.test", &endpoint).await;

    silent.drain().await;
    half.drain().await;
    drop(secured);
    proxy.is_empty().await;
}

#[tokio::test]
async fn the_endpoint_hears_of_https() {
    let (certificates, endpoint) = (Certificates::none(), Endpoint::listen().await);
    let pem = certificates.issue("site", "chat.test", &PKCS_ECDSA_P256_SHA256);
    let proxy = Proxy::serving(&certificates.before(&endpoint, &["site"]));
    let stream = Client::trusting([&pem]).connect(proxy.address("public"), "chat.test").await.unwrap();
    let mut client = Wire::new(stream);

    client.send(Handshake::new().and(Frame::text("early").by_client())).await;
    let (mut at_endpoint, head): (_, Head) = endpoint.asked().await;

    assert_eq!(head.values("x-forwarded-proto"), ["https"]);
    at_endpoint.send(Handshake::grant(&head)).await;
    assert_eq!(at_endpoint.frame().await, Frame::text("early"));
}

#[tokio::test]
async fn an_answer_that_is_cut_has_no_close_notify() {
    let (certificates, endpoint) = (Certificates::none(), Endpoint::listen().await);
    let pem = certificates.issue("site", "chat.test", &PKCS_ECDSA_P256_SHA256);
    let proxy = Proxy::serving(&certificates.before(&endpoint, &["site"]));
    for (end, is_whole) in [("", false), ("0\r\n\r\n", true)] {
        let mut client = Client::trusting([&pem]).connect(proxy.address("public"), "chat.test").await.unwrap();
        client.write_all(b"GET / HTTP/1.0\r\nHost: chat.test\r\n\r\n").await.unwrap();
        let mut at_endpoint = endpoint.accept().await;
        at_endpoint.head().await;
        let answer = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n";
        at_endpoint.send(format!("{answer}{end}")).await;
        drop(at_endpoint);
        let mut heard = Vec::new();
        let ended = within("the end", client.read_to_end(&mut heard)).await;
        assert!(heard.ends_with(b"\r\n\r\nhello"), "{heard:?}");
        assert_eq!(ended.is_ok(), is_whole, "{ended:?}");
    }
}

#[tokio::test]
async fn a_close_over_tls_is_followed_by_a_proper_end() {
    let (certificates, endpoint) = (Certificates::none(), Endpoint::listen().await);
    let pem = certificates.issue("site", "chat.test", &PKCS_ECDSA_P256_SHA256);
    let proxy = Proxy::serving(&certificates.before(&endpoint, &["site"]));
    let mut secured = Client::trusting([&pem]).tunnel(&proxy, "chat.test", &endpoint).await;

    secured.endpoint.send(Frame::close(3001, "bye").by_endpoint()).await;
    assert_eq!(secured.client.frame().await, Frame::close(3001, "bye"));
    secured.client.send(Frame::close(3001, "bye").by_client()).await;

    assert_eq!(secured.endpoint.frame().await, Frame::close(3001, "bye"));
    drop(secured.endpoint);
    // Without a close_notify this would be an unexpected end.
    assert_eq!(secured.client.rest().await, b"");
    drop(secured.client);
    proxy.is_empty().await;
}
