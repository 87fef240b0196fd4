//! Tokens: who has one that holds is let in, for as long as it does, and nobody else reads it.

use aws_lc_rs::hmac::{HMAC_SHA256, Key, sign};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use windlass::process::unix_seconds;

use super::{in_front_of, is_refused};
use crate::rig::{Config, Endpoint, Folder, Frame, Handshake, Head, Proxy, Wire, assert_carries, log};

const SECRET: &str = "a secret of thirty-two bytes, or more than that";

pub(crate) fn token(claims: &Value) -> String {
    token_by(SECRET, claims)
}

pub(super) fn token_by(secret: &str, claims: &Value) -> String {
    let message = [&json!({ "alg": "HS256" }), claims].map(|part| URL_SAFE_NO_PAD.encode(part.to_string())).join(".");
    let signature = sign(&Key::new(HMAC_SHA256, secret.as_bytes()), message.as_bytes());
    format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
}

pub(crate) fn seconds_from_now(seconds: i64) -> i64 {
    i64::try_from(unix_seconds()).unwrap() + seconds
}

pub(crate) fn in_ten_minutes() -> i64 {
    seconds_from_now(600)
}

pub(crate) fn of_ada() -> String {
    token(&json!({ "sub": "ada", "exp": seconds_from_now(600), "realm": { "roles": ["admin", "dev"] } }))
}

/// A proxy whose route asks for tokens by these rules, and the folder of its secret.
fn asking(endpoint: &Endpoint, rules: &str) -> (Proxy, Folder) {
    let (config, folder) = config_asking(endpoint, rules);
    (Proxy::serving(&config), folder)
}

pub(crate) fn config_asking(endpoint: &Endpoint, rules: &str) -> (Config, Folder) {
    let folder = Folder::new("");
    (in_front_of(endpoint.address()).with("route.chat.jwt", &jwt(&folder, rules)), folder)
}

/// What a route says that asks for tokens by these rules, with its secret in `folder`.
pub(crate) fn jwt(folder: &Folder, rules: &str) -> String {
    let secret = folder.write("secret", SECRET);
    format!("{{ secret = {secret:?}, leeway = \"1s\", {rules} }}")
}

/// Opens a tunnel; what the endpoint read of its request.
pub(crate) async fn opens(proxy: &Proxy, endpoint: &Endpoint, handshake: &Handshake) -> (Wire, Wire, Head) {
    let mut client = proxy.connect().await;
    client.send(handshake.bytes()).await;
    let (mut at_endpoint, head) = endpoint.asked().await;
    at_endpoint.send(Handshake::grant(&head)).await;
    assert_eq!(client.head().await.status(), 101);
    (client, at_endpoint, head)
}

#[tokio::test]
async fn who_has_no_token_that_holds_is_refused_each_with_its_own_word() {
    let endpoint = Endpoint::listen().await;
    let rules = "issuer = \"https://login.test\", audience = \"chat\", require = { role = \"user\" }";
    let (proxy, _folder) = asking(&endpoint, rules);
    let right = json!({
        "iss": "https://login.test", "aud": "chat", "role": "user", "exp": seconds_from_now(600),
    });
    let but = |name: &str, value: Value| {
        let mut claims = right.clone();
        claims[name] = value;
        token(&claims)
    };
    let whole = token(&right);
    let of_nobody = format!("{}.{}.", URL_SAFE_NO_PAD.encode("{\"alg\":\"none\"}"), URL_SAFE_NO_PAD.encode("{}"));
    for (bad, status, word) in [
        ("x".to_owned(), 401, "token_malformed"),
        (of_nobody, 401, "token_malformed"),
        (token_by("another secret of thirty-two bytes", &right), 401, "token_signature"),
        (
            whole.replacen("eyJhbGciOiJIUzI1NiJ9", &URL_SAFE_NO_PAD.encode("{\"alg\":\"RS256\"}"), 1),
            401,
            "token_algorithm",
        ),
        (but("exp", json!(seconds_from_now(-60))), 401, "token_expired"),
        (but("nbf", json!(seconds_from_now(60))), 401, "token_early"),
        (but("exp", Value::Null), 401, "token_endless"),
        (but("iss", json!("https://evil.test")), 401, "token_issuer"),
        (but("aud", json!("api")), 401, "token_audience"),
        (but("role", json!("guest")), 403, "token_claim"),
    ] {
        let request = Handshake::new().with("authorization", format!("Bearer {bad}")).bytes();
        is_refused(&proxy, &endpoint, request, (status, word)).await;
    }
    is_refused(&proxy, &endpoint, Handshake::new().bytes(), (401, "token_missing")).await;
    is_refused(&proxy, &endpoint, "GET / HTTP/1.1\r\nHost: chat.test\r\n\r\n", (401, "token_missing")).await;
    let handshake = Handshake::new().with("authorization", format!("Bearer {whole}"));
    let (mut client, mut at_endpoint, _) = opens(&proxy, &endpoint, &handshake).await;
    assert_carries(&mut client, &mut at_endpoint).await;
}

#[tokio::test]
async fn what_the_token_says_is_what_the_endpoint_reads_and_not_what_a_client_says() {
    let endpoint = Endpoint::listen().await;
    let (proxy, _folder) =
        asking(&endpoint, "headers = { x-user = \"sub\", x-roles = \"realm.roles\", x-team = \"team\" }");
    let handshake = Handshake::new()
        .with("authorization", format!("Bearer {}", of_ada()))
        .but("connection", "Upgrade, X-User")
        .with("x-user", "eve")
        .with("x_team", "admins")
        .with("x-team", "admins")
        .with("x-roles", "root");
    let (_client, _at_endpoint, head) = opens(&proxy, &endpoint, &handshake).await;
    assert_eq!(head.values("x-user"), ["ada"]);
    assert_eq!(head.values("x-roles"), ["admin,dev"]);
    assert!(head.values("x-team").is_empty() && head.values("authorization").is_empty());
}

#[tokio::test]
async fn no_token_is_logged_or_read_by_the_endpoint_whichever_way_it_comes() {
    let mut lines = log::lines();
    let endpoint = Endpoint::listen().await;
    let from = "from = [\"header:authorization\", \"header:x-token\", \"cookie:t\", \"query:token\", \"protocol:bearer.\", \"protocol:access_token\"]";
    let (proxy, _folder) = asking(&endpoint, from);
    let (right, wrong) = (of_ada(), token_by("another secret of thirty-two bytes", &json!({ "sub": "eve" })));
    let ways = |token: &str| {
        let base = |way: &str| Handshake::new().request(&format!("GET /token-by-{way} HTTP/1.1"));
        [
            base("bearer").with("authorization", format!("Bearer {token}")),
            base("header").with("x-token", token),
            base("cookie").with("cookie", format!("a=b; t={token}")),
            Handshake::new().request(&format!("GET /token-by-query?a=1&token={token} HTTP/1.1")),
            base("protocol").with("sec-websocket-protocol", format!("chat, bearer.{token}")),
            base("next-protocol").with("sec-websocket-protocol", format!("access_token, {token}, chat")),
        ]
    };
    for handshake in ways(&right) {
        let (client, at_endpoint, head) = opens(&proxy, &endpoint, &handshake).await;
        assert!(!format!("{head:?}").contains(&right), "{head:?}");
        drop((client, at_endpoint));
    }
    for handshake in ways(&wrong) {
        is_refused(&proxy, &endpoint, handshake.bytes(), (401, "token_signature")).await;
    }
    proxy.is_empty().await;
    lines.about("/token-by-next-protocol").await;
    let text = lines.text();
    for token in [right, wrong] {
        for part in token.split('.').skip(1) {
            assert!(!text.contains(part), "a token in the log");
        }
    }
}

#[tokio::test]
async fn what_is_left_of_an_offer_goes_on_and_its_answer_comes_back() {
    let endpoint = Endpoint::listen().await;
    let (proxy, _folder) = asking(&endpoint, "from = [\"protocol:bearer.\"]");
    let mut client = proxy.connect().await;
    let offer = format!("bearer.{}, chat", of_ada());
    client.send(Handshake::new().with("sec-websocket-protocol", offer).bytes()).await;
    let (mut at_endpoint, head) = endpoint.asked().await;
    assert_eq!(head.values("sec-websocket-protocol"), ["chat"]);
    let grant = Handshake::grant(&head).replacen("\r\n\r\n", "\r\nSec-WebSocket-Protocol: chat\r\n\r\n", 1);
    at_endpoint.send(grant).await;
    assert_eq!(client.head().await.values("sec-websocket-protocol"), ["chat"]);
}

#[tokio::test]
async fn a_tunnel_ends_when_its_token_does_with_the_code_of_its_route() {
    let endpoint = Endpoint::listen().await;
    let (proxy, _folder) = asking(&endpoint, "close_code = 4401");
    let claims = json!({ "sub": "ada", "exp": seconds_from_now(3) });
    let handshake = Handshake::new().with("authorization", format!("Bearer {}", token(&claims)));
    let (mut client, mut at_endpoint, _) = opens(&proxy, &endpoint, &handshake).await;
    assert_carries(&mut client, &mut at_endpoint).await;
    assert_eq!(client.frame().await.close_code(), Some(4401));
    assert!(seconds_from_now(0) <= claims["exp"].as_i64().unwrap(), "a permission ends before its token");
    assert_eq!(at_endpoint.frame().await.close_code(), Some(1001));
    client.send(Frame::close(4401, "").by_client()).await;
    at_endpoint.send(Frame::close(1001, "").by_endpoint()).await;
    proxy.is_empty().await;
}

#[tokio::test]
async fn who_says_the_same_claim_is_placed_on_the_same_endpoint() {
    let (a, b) = (Endpoint::listen().await, Endpoint::listen().await);
    let folder = Folder::new("");
    let secret = folder.write("secret", SECRET);
    let config = Config::chat([a.address(), b.address()])
        .with("workers", "1")
        .with("route.chat.jwt", &format!("{{ secret = {secret:?} }}"))
        .with("upstream.chat.sticky_on", "[\"claim:sub\"]");
    let proxy = Proxy::serving(&config);
    let (mut at_a, mut open) = (0, Vec::new());
    for user in 0..12 {
        let mut places = Vec::new();
        for session in 0..2 {
            let claims = json!({ "sub": format!("user-{user}"), "sid": session, "exp": seconds_from_now(600) });
            let mut client = proxy.connect().await;
            client.send(Handshake::new().with("authorization", format!("Bearer {}", token(&claims))).bytes()).await;
            let (is_at_a, (mut at_endpoint, head)) = tokio::select! {
                asked = a.asked() => (true, asked),
                asked = b.asked() => (false, asked),
            };
            at_endpoint.send(Handshake::grant(&head)).await;
            assert_eq!(client.head().await.status(), 101);
            places.push(is_at_a);
            open.push((client, at_endpoint));
        }
        assert_eq!(places[0], places[1], "user-{user}");
        at_a += usize::from(places[0]);
    }
    assert!((1..12).contains(&at_a), "{at_a} of 12");
}
