//! `when_full = "close"`: a page reads why it does not get in, as another implementation sees it.

use futures_util::StreamExt;
use http::header::SEC_WEBSOCKET_PROTOCOL;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::{Message, http::Request};
use tokio_tungstenite::{WebSocketStream, client_async};
use windlass::metrics::{Exposition, Gauges};

use super::site::{TOO_LONG, asking, asking_with, is_refused};
use crate::rig::{Config, Endpoint, Frame, Handshake, Proxy, Wire, log, within};

/// A proxy with a turn that somebody has, and a queue in which nobody waits for long.
async fn full(path: &str) -> (Proxy, Endpoint, (Wire, Wire)) {
    let endpoint = Endpoint::listen().await;
    let config = Config::chat([endpoint.address()])
        .with("upstream.chat.handshakes_at_once", "1")
        .with("upstream.chat.queue", "{ wait = \"50ms\" }")
        .with("upstream.chat.when_full", "\"close\"")
        .with("route.chat.upgrade", "[\"websocket\", \"other\"]");
    let proxy = Proxy::serving(&config);
    let first = asking_with(&proxy, &Handshake::new().request(&format!("GET {path} HTTP/1.1"))).await;
    let (at_endpoint, _) = endpoint.asked().await;
    (proxy, endpoint, (first, at_endpoint))
}

async fn opened(proxy: &Proxy, request: Request<()>) -> (WebSocketStream<TcpStream>, Option<String>) {
    let stream = TcpStream::connect(proxy.address("public")).await.unwrap();
    let (socket, answer) = within("a handshake", client_async(request, stream)).await.unwrap();
    let chosen = answer.headers().get(SEC_WEBSOCKET_PROTOCOL);
    (socket, chosen.map(|chosen| chosen.to_str().unwrap().to_owned()))
}

#[tokio::test]
async fn a_websocket_is_accepted_and_told_to_come_again_later() {
    let (proxy, endpoint, first) = full("/chat").await;
    for (offered, expected) in [(None, None), (Some("chat.v2, chat.v1"), Some("chat.v2"))] {
        let mut request = "ws://chat.test/chat".into_client_request().unwrap();
        if let Some(offered) = offered {
            request.headers_mut().insert(SEC_WEBSOCKET_PROTOCOL, offered.parse().unwrap());
        }
        let (mut socket, chosen) = endpoint.is_untouched_until(opened(&proxy, request)).await;
        assert_eq!(chosen.as_deref(), expected);
        let close = within("a Close", socket.next()).await.unwrap().unwrap();
        let reason = format!("{TOO_LONG}, come back a little later");
        assert_eq!(close, Message::Close(Some(CloseFrame { code: 1013.into(), reason: reason.into() })));
        assert!(within("the end", socket.next()).await.is_none());
    }
    drop(first);
    proxy.is_empty().await;
}

#[tokio::test]
async fn it_reads_a_101_a_close_and_a_fin_whatever_it_sends_behind_its_request() {
    let (proxy, _endpoint, first) = full("/chat").await;
    let offer = Handshake::new().with("sec-websocket-extensions", "permessage-deflate");
    let mut client = proxy.connect().await;
    client.send(offer.and(Frame::text("early").by_client())).await;
    let head = client.head().await;
    let lines = ["Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo="];
    assert!(head.status() == 101 && lines.iter().all(|line| head.has(line)) && head.lines().len() == 3, "{head:?}");
    assert_eq!(client.frame().await, Frame::close(1013, &format!("{TOO_LONG}, come back a little later")));
    assert_eq!(client.rest().await, b"");
    drop((client, first));
    proxy.is_empty().await;
}

#[tokio::test]
async fn what_is_no_websocket_reads_a_503_still() {
    let (proxy, _endpoint, _first) = full("/chat").await;
    let other = Handshake::new().but("upgrade", "other").without("sec-websocket-key").without("sec-websocket-version");
    is_refused(asking_with(&proxy, &other).await, TOO_LONG).await;
}

#[tokio::test]
async fn it_is_counted_and_logged_as_a_refusal() {
    let mut lines = log::lines();
    let (proxy, _endpoint, _first) = full("/first-of-storm").await;
    let handshake = Handshake::new().request("GET /storm-is-closed HTTP/1.1");
    assert_eq!(asking_with(&proxy, &handshake).await.head().await.status(), 101);
    let line = lines.about("/storm-is-closed").await;
    let fields = ["message", "refusal", "fault"].map(|field| line[field].as_str().unwrap());
    assert_eq!(fields, ["refused", "queue_timeout", "upstream"]);
    assert_eq!((line["status"].as_u64(), line["code"].as_u64()), (Some(101), Some(1013)));
    asking(&proxy).await.head().await;
    let metrics = &proxy.running.proxy().metrics;
    let text = metrics.encode(&Gauges::default(), Exposition::Prometheus).unwrap();
    assert!(text.contains("windlass_refusals_total{reason=\"queue_timeout\"} 2"), "{text}");
}
