//! Clients that are told apart by what their tokens say.

use serde_json::json;

use super::is_refused;
use super::tokens::{config_asking, seconds_from_now, token, token_by};
use crate::rig::{Endpoint, Handshake, Proxy, until};

/// A request of this user, from this address; `None` is of nobody in particular.
fn of(user: Option<&str>, client: &str) -> Handshake {
    let mut claims = json!({ "exp": seconds_from_now(600) });
    if let Some(user) = user {
        claims["org"] = json!({ "user": user });
    }
    Handshake::new().with("x-forwarded-for", client).with("authorization", format!("Bearer {}", token(&claims)))
}

#[tokio::test]
async fn a_user_has_no_more_tunnels_than_it_may_from_wherever_and_who_is_nobody_is_an_address() {
    let endpoint = Endpoint::listen().await;
    let (config, _folder) = config_asking(&endpoint, "");
    let config = config.with("listener.public.trusted_proxies", "[\"127.0.0.1\"]");
    let proxy = Proxy::serving(
        &config.with("route.chat.per", "\"claim:org.user\"").with("route.chat.max_tunnels_per_client", "1"),
    );
    let ada = proxy.tunnel_with(&of(Some("ada"), "192.0.2.1"), &endpoint).await;
    is_refused(&proxy, &endpoint, of(Some("ada"), "192.0.2.2").bytes(), (429, "client_tunnels")).await;
    let _bob = proxy.tunnel_with(&of(Some("bob"), "192.0.2.1"), &endpoint).await;
    let _nobody = proxy.tunnel_with(&of(None, "192.0.2.1"), &endpoint).await;
    is_refused(&proxy, &endpoint, of(None, "192.0.2.1").bytes(), (429, "client_tunnels")).await;
    let _nobody_else = proxy.tunnel_with(&of(None, "192.0.2.2"), &endpoint).await;
    drop(ada);
    until("a tunnel has ended", || proxy.open() == 3).await;
    drop(proxy.tunnel_with(&of(Some("ada"), "192.0.2.2"), &endpoint).await);
}

#[tokio::test]
async fn a_user_comes_as_often_as_it_may_from_wherever_and_a_forger_uses_up_nobodys_rate() {
    let endpoint = Endpoint::listen().await;
    let (config, _folder) = config_asking(&endpoint, "");
    let config = config.with("listener.public.trusted_proxies", "[\"127.0.0.1\"]");
    let rate = "{ rate = 1, burst = 1 }";
    let config = config.with("route.chat.per", "\"claim:org.user\"").with("route.chat.handshakes_per_second", rate);
    let proxy = Proxy::serving(&config);
    let forged = token_by(
        "another secret of thirty-two bytes",
        &json!({ "exp": seconds_from_now(600), "org": { "user": "ada" } }),
    );
    let forged = Handshake::new().with("authorization", format!("Bearer {forged}"));
    for _ in 0..3 {
        is_refused(&proxy, &endpoint, forged.bytes(), (401, "token_signature")).await;
    }
    // From one address, within a second.
    let mut clients = Vec::new();
    for user in ["ada", "bob", "eve"] {
        clients.push(proxy.tunnel_with(&of(Some(user), "192.0.2.1"), &endpoint).await);
    }
    until_over_its_rate(&proxy, &endpoint).await;
}

/// One user alone is over its rate, whatever address it comes from.
async fn until_over_its_rate(proxy: &Proxy, endpoint: &Endpoint) {
    let mut number = 0;
    while proxy.refusals("client_rate") == 0 {
        number += 1;
        assert!(number < 50, "nobody is over its rate");
        let mut client = proxy.connect().await;
        client.send(of(Some("ada"), &format!("192.0.2.{number}")).bytes()).await;
        tokio::select! {
            (mut at_endpoint, head) = endpoint.asked() => {
                at_endpoint.send(Handshake::grant(&head)).await;
                assert_eq!(client.head().await.status(), 101);
            }
            () = until("it is refused", || proxy.refusals("client_rate") > 0) => {}
        }
    }
}
