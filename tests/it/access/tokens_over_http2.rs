//! Tokens of clients that speak HTTP/2: found in each place, and taken out of what the endpoint reads.

use http::Request;
use http::request::Builder;

use super::tokens::{config_asking, of_ada};
use crate::http2_front::client::{Http2Client, joined, text, websocket};
use crate::rig::{Endpoint, Handshake, Head, Proxy, assert_carries, within};

/// Where a token is, and what the endpoint reads of the rest there.
struct Way {
    target: String,
    lines: Vec<(&'static str, String)>,
    left: (&'static str, Vec<&'static str>),
}

fn ways(token: &str) -> Vec<Way> {
    let way = |lines: &[(&'static str, String)], left| Way { target: "/h2?a=1".into(), lines: lines.to_vec(), left };
    let cookies = ["a=b".to_owned(), format!("t={token}"), "c=d".to_owned()].map(|pair| ("cookie", pair));
    let in_query = Way { target: format!("/h2?token={token}&a=1"), lines: Vec::new(), left: ("authorization", vec![]) };
    vec![
        way(&[("authorization", format!("Bearer {token}"))], ("authorization", vec![])),
        way(&[("x-token", token.to_owned())], ("x-token", vec![])),
        // As browsers do over HTTP/2: a line for each (RFC 9113 §8.2.3).
        way(&cookies, ("cookie", vec!["a=b; c=d"])),
        way(&[("cookie", format!("t={token}"))], ("cookie", vec![])),
        in_query,
        way(&[("sec-websocket-protocol", format!("chat, bearer.{token}"))], ("sec-websocket-protocol", vec!["chat"])),
        way(
            &[("sec-websocket-protocol", "access_token".into()), ("sec-websocket-protocol", format!("{token}, chat"))],
            ("sec-websocket-protocol", vec!["chat"]),
        ),
    ]
}

fn with(request: Builder, way: &Way) -> Request<()> {
    way.lines.iter().fold(request, |request, (name, value)| request.header(*name, value)).body(()).unwrap()
}

/// What the endpoint reads has no token, and the rest of what was there.
fn is_clean(head: &Head, way: &Way, token: &str) {
    assert_eq!(head.first_line(), "GET /h2?a=1 HTTP/1.1");
    assert!(!format!("{head:?}").contains(token), "{head:?}");
    assert_eq!(head.values(way.left.0), way.left.1, "{head:?}");
    assert_eq!(head.values("x-user"), ["ada"]);
}

const RULES: &str = "headers = { x-user = \"sub\" }, from = [\"header:authorization\", \"header:x-token\", \"cookie:t\", \
    \"query:token\", \"protocol:bearer.\", \"protocol:access_token\"]";

#[tokio::test]
async fn a_tunnel_opens_by_a_token_in_each_place_and_the_endpoint_does_not_read_it() {
    let endpoint = Endpoint::listen().await;
    let (config, _folder) = config_asking(&endpoint, RULES);
    let proxy = Proxy::serving(&config.with("listener.public.h2c", "true"));
    let (client, token) = (Http2Client::connect(&proxy).await, of_ada());
    for way in ways(&token) {
        let (answer, outgoing) = client.begin(with(websocket(&way.target), &way), false).await;
        let (mut at_endpoint, head) = endpoint.asked().await;
        is_clean(&head, &way, &token);
        at_endpoint.send(Handshake::grant(&head)).await;
        let answer = within("an answer", answer).await.unwrap();
        assert_eq!(answer.status(), 200);
        assert_carries(&mut joined(answer, outgoing), &mut at_endpoint).await;
    }
    let (answer, _outgoing) = client.begin(websocket("/h2").body(()).unwrap(), false).await;
    let answer = endpoint.is_untouched_until(within("a refusal", answer)).await.unwrap();
    assert_eq!((answer.status().as_u16(), &answer.headers()["www-authenticate"]), (401, &"Bearer".parse().unwrap()));
    assert!(text(answer.into_body()).await.0.starts_with("401 "));
    assert_eq!(proxy.refusals("token_missing"), 1);
}

#[tokio::test]
async fn a_plain_request_passes_by_a_token_in_each_place_and_the_endpoint_does_not_read_it() {
    let endpoint = Endpoint::listen().await;
    let (config, _folder) = config_asking(&endpoint, RULES);
    let proxy = Proxy::serving(&config.with("listener.public.h2c", "true"));
    let (client, token) = (Http2Client::connect(&proxy).await, of_ada());
    for way in ways(&token) {
        let request = with(Request::get(format!("http://chat.test{}", way.target)), &way);
        let answered = async {
            let (mut at_endpoint, head) = endpoint.asked().await;
            is_clean(&head, &way, &token);
            at_endpoint.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok").await;
            at_endpoint
        };
        let ((head, body), _at_endpoint) = tokio::join!(client.ask(request), answered);
        assert_eq!((head.status.as_u16(), body.as_str()), (200, "ok"));
    }
}

#[tokio::test]
async fn two_tokens_in_two_lines_of_cookies_are_none() {
    let endpoint = Endpoint::listen().await;
    let (config, _folder) = config_asking(&endpoint, RULES);
    let proxy = Proxy::serving(&config.with("listener.public.h2c", "true"));
    let client = Http2Client::connect(&proxy).await;
    let twice = Request::get("http://chat.test/h2").header("cookie", format!("t={}", of_ada())).header("cookie", "t=x");
    let (head, _) = endpoint.is_untouched_until(client.ask(twice.body(()).unwrap())).await;
    assert_eq!((head.status.as_u16(), proxy.refusals("token_malformed")), (401, 1));
}
