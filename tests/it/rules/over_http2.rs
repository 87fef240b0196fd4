//! The same over HTTP/2.

use http::Request;

use super::{in_front_of, without_endpoint};
use crate::http2_front::client::{Http2Client, websocket};
use crate::rig::{Endpoint, Handshake, Proxy, within};

#[tokio::test]
async fn a_stream_is_sent_elsewhere_and_its_siblings_go_on() {
    let proxy = Proxy::serving(&without_endpoint("redirect", "\"https\"").with("listener.public.h2c", "true"));
    let client = Http2Client::connect(&proxy).await;
    for _ in 0..2 {
        let (head, body) = client.ask(Request::get("http://chat.test:81/a?b").body(()).unwrap()).await;
        assert_eq!((head.status.as_u16(), &head.headers["location"]), (308, &"https://chat.test/a?b".parse().unwrap()));
        assert_eq!(body, "308 https://chat.test/a?b\n");
    }
    let (answer, _outgoing) = client.begin(websocket("/ws").body(()).unwrap(), false).await;
    assert_eq!(within("an answer", answer).await.unwrap().status(), 308);
}

#[tokio::test]
async fn an_answer_to_a_websocket_never_looks_like_a_tunnel() {
    for (status, expected) in [(200, 501), (503, 503)] {
        let config = without_endpoint("respond", &format!("{{ status = {status}, body = \"x\" }}"));
        let proxy = Proxy::serving(&config.with("listener.public.h2c", "true"));
        let client = Http2Client::connect(&proxy).await;
        let (answer, _outgoing) = client.begin(websocket("/ws").body(()).unwrap(), false).await;
        assert_eq!(within("an answer", answer).await.unwrap().status(), expected);
        let (head, body) = client.ask(Request::head("http://chat.test/").body(()).unwrap()).await;
        assert_eq!((head.status.as_u16(), &head.headers["content-length"], body.as_str()), (status, &1.into(), ""));
    }
}

#[tokio::test]
async fn a_tunnel_has_another_path_and_other_headers() {
    let endpoint = Endpoint::listen().await;
    let config = in_front_of(&endpoint)
        .with("listener.public.h2c", "true")
        .with("route.chat.path", "\"/api\"")
        .with("route.chat.strip_prefix", "true")
        .with("route.chat.request_headers", "{ set = { x-host = \"{host}\" } }")
        .with("route.chat.response_headers", "{ set = { x-route = \"{route}\" } }");
    let proxy = Proxy::serving(&config);
    let client = Http2Client::connect(&proxy).await;
    let (answer, _outgoing) = client.begin(websocket("/api/ws?x").body(()).unwrap(), false).await;
    let (mut wire, head) = endpoint.asked().await;
    assert_eq!(head.first_line(), "GET /ws?x HTTP/1.1");
    assert_eq!((head.value("x-host"), head.value("x-forwarded-prefix")), (head.value("host"), Some("/api")));
    wire.send(Handshake::grant(&head)).await;
    let answer = within("the answer", answer).await.unwrap();
    assert_eq!((answer.status().as_u16(), &answer.headers()["x-route"]), (200, &"chat".parse().unwrap()));
    assert!(!answer.headers().contains_key("connection"));
}
