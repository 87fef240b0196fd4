//! What header texts say of a client's token, and of its TLS handshake.

use rcgen::PKCS_ECDSA_P256_SHA256;
use rustls::version::{TLS12, TLS13};
use serde_json::json;

use super::{in_front_of, read_of};
use crate::access::tokens::{config_asking, in_ten_minutes, token};
use crate::rig::{Endpoint, Handshake, Proxy, Wire};
use crate::tls_proxy::{Certificates, Client};

const CLAIMS: &str = r#"{ set = { x-user = "{claim:sub}", x-none = "{claim:none}", x-bad = "<{claim:bad}>" }, add = { x-roles = "{claim:realm.roles}" } }"#;

#[tokio::test]
async fn an_endpoint_reads_claims_and_nothing_that_a_client_says_in_their_place() {
    let endpoint = Endpoint::listen().await;
    let (config, _folder) = config_asking(&endpoint, "");
    let config = config
        .with("route.chat.request_headers", CLAIMS)
        .with("route.chat.response_headers", "{ set = { x-you-are = \"{claim:sub}\" } }")
        .with("listener.public.underscore_headers", "\"pass\"");
    let proxy = Proxy::serving(&config);
    let token = token(&json!({
        "sub": "ada", "exp": in_ten_minutes(), "realm": { "roles": ["a", "b"] }, "bad": "x\r\nX-Injected: 1",
    }));
    let lines = format!(
        "Host: a\r\nAuthorization: Bearer {token}\r\nX-User: root\r\nX_User: root\r\nX-None: root\r\nX-Roles: root\r\n\
         X_ROLES: root\r\nX-Bad: root\r\nTrailer: x-user, x-roles\r\nConnection: x-user, keep-alive"
    );
    let mut client = proxy.connect().await;
    {
        client.send(format!("GET /x HTTP/1.1\r\n{lines}\r\n\r\n")).await;
        let (mut wire, head) = endpoint.asked().await;
        for (name, values) in
            [("x-user", vec!["ada"]), ("x-none", vec![""]), ("x-roles", vec!["a,b"]), ("x-bad", vec!["<>"])]
        {
            assert_eq!(head.values(name), values, "{name}: {head:?}");
        }
        for absent in ["x_user", "x_roles", "x-injected", "trailer"] {
            assert_eq!(head.values(absent), Vec::<&str>::new(), "{head:?}");
        }
        wire.send("HTTP/1.1 204 No Content\r\n\r\n").await;
        assert_eq!(client.head().await.values("x-you-are"), ["ada"]);
    }
    let handshake = Handshake::new().with("authorization", format!("Bearer {token}")).with("x-user", "root");
    let mut client = proxy.connect().await;
    client.send(handshake.bytes()).await;
    let (_wire, head) = endpoint.asked().await;
    assert_eq!((head.values("x-user"), head.values("x-roles")), (vec!["ada"], vec!["a,b"]));
}

#[tokio::test]
async fn the_name_of_the_handshake_is_told_and_of_no_handshake_none() {
    let endpoint = Endpoint::listen().await;
    let changes = ("route.chat.request_headers", "{ set = { x-sni = \"<{sni}>\" } }");
    let plain = Proxy::serving(&in_front_of(&endpoint).with(changes.0, changes.1));
    let head = read_of(&plain, &endpoint, "GET / HTTP/1.1\r\nHost: a\r\nX-Sni: forged").await;
    assert_eq!(head.values("x-sni"), ["<>"]);

    let certificates = Certificates::none();
    let pem = certificates.issue("site", "site.test", &PKCS_ECDSA_P256_SHA256);
    let proxy = Proxy::serving(&certificates.before(&endpoint, &["site"]).with(changes.0, changes.1));
    for version in [&TLS12, &TLS13] {
        let client = Client::speaking([&pem], &[version], &[b"http/1.1"]);
        // The second resumes, where it may.
        for _ in 0..2 {
            let stream = client.connect(proxy.address("public"), "site.test").await.unwrap();
            let mut client = Wire::new(stream);
            client.send("GET / HTTP/1.1\r\nHost: other.test\r\n\r\n").await;
            let (mut wire, head) = endpoint.asked().await;
            assert_eq!(head.values("x-sni"), ["<site.test>"]);
            wire.send("HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n").await;
            assert_eq!(client.head().await.status(), 204);
        }
    }
}
