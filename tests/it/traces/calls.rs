//! The calls of endpoints: each has a span of its own, and each endpoint reads of its own.

use bytes::Bytes;
use h2::server::{Connection, SendResponse, handshake};
use http::{Response, Version};
use serde_json::Value;
use tokio::net::TcpStream;

use super::collector::{Collector, said, traced};
use crate::rig::{Config, Endpoint, Handshake, Head, Proxy, Wire, within};

/// The spans of the two calls of a request whose endpoints were told this, one after the other.
async fn calls_of(collector: &Collector, told: [&str; 2]) -> [Value; 2] {
    let span = &collector.spans("GET chat", 1).await[0];
    let calls: [Value; 2] = collector.spans("GET", 2).await.try_into().unwrap();
    for (told, call) in told.iter().zip(&calls) {
        let own = format!("00-{}-{}-01", span["traceId"].as_str().unwrap(), call["spanId"].as_str().unwrap());
        assert_eq!((*told, &call["kind"], &call["parentSpanId"]), (&*own, &3.into(), &span["spanId"]));
    }
    assert_ne!(told[0], told[1]);
    assert_ne!(said(&calls[0], "windlass.endpoint"), said(&calls[1], "windlass.endpoint"));
    calls
}

/// Whichever is asked first, and the other one.
async fn first_asked<'e>(one: &'e Endpoint, two: &'e Endpoint) -> ((Wire, Head), &'e Endpoint) {
    tokio::select! {
        asked = one.asked() => (asked, two),
        asked = two.asked() => (asked, one),
    }
}

#[tokio::test]
async fn each_endpoint_that_a_handshake_asks_reads_of_its_own_call() {
    let (collector, one, two) = (Collector::start().await, Endpoint::listen().await, Endpoint::listen().await);
    let proxy = Proxy::serving(&traced(Config::chat([one.address(), two.address()]), collector.address()));
    let mut client = proxy.connect().await;
    client.send(Handshake::new().bytes()).await;
    let ((mut busy, first), other) = first_asked(&one, &two).await;
    busy.send("HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n").await;
    let (mut at_endpoint, second) = other.asked().await;
    at_endpoint.send(Handshake::grant(&second)).await;
    assert_eq!(client.head().await.status(), 101);
    let told = [&first, &second].map(|head| head.value("traceparent").unwrap());
    let [refused, granted] = calls_of(&collector, told).await;
    assert_eq!((said(&refused, "error.type"), &refused["status"]["code"]), ("503", &2.into()));
    assert_eq!((said(&granted, "http.response.status_code"), granted.get("status")), ("101", None));
}

#[tokio::test]
async fn each_endpoint_that_an_exchange_asks_reads_of_its_own_call() {
    let (collector, one, two) = (Collector::start().await, Endpoint::listen().await, Endpoint::listen().await);
    let proxy = Proxy::serving(&traced(Config::chat([one.address(), two.address()]), collector.address()));
    let mut client = proxy.connect().await;
    client.send("GET /asked HTTP/1.1\r\nHost: chat.test\r\n\r\n").await;
    let ((lost, first), other) = first_asked(&one, &two).await;
    drop(lost);
    let (mut at_endpoint, second) = other.asked().await;
    at_endpoint.send("HTTP/1.1 204 No Content\r\n\r\n").await;
    assert_eq!(client.head().await.status(), 204);
    let told = [&first, &second].map(|head| head.value("traceparent").unwrap());
    is_lost_and_answered(&calls_of(&collector, told).await);
}

fn is_lost_and_answered([lost, answered]: &[Value; 2]) {
    assert_eq!((said(lost, "error.type"), &lost["status"]["code"]), ("answer_lost", &2.into()));
    assert_eq!((said(answered, "http.response.status_code"), answered.get("status")), ("204", None));
}

/// A request over HTTP/2: its connection, what was told in it, and where its answer goes.
type Asked = (Connection<TcpStream, Bytes>, String, SendResponse<Bytes>);

async fn asked_over_http2(endpoint: &Endpoint) -> Asked {
    let stream = endpoint.accept().await.stream;
    let mut connection = within("the preface", handshake(stream)).await.unwrap();
    let (request, answer) = within("a request", connection.accept()).await.unwrap().unwrap();
    assert_eq!(request.version(), Version::HTTP_2);
    let told = request.headers()["traceparent"].to_str().unwrap().to_owned();
    (connection, told, answer)
}

#[tokio::test]
async fn each_endpoint_that_is_asked_over_http2_reads_of_its_own_call() {
    let (collector, one, two) = (Collector::start().await, Endpoint::listen().await, Endpoint::listen().await);
    let config = Config::chat([one.address(), two.address()]).with("upstream.chat.protocol", "\"h2\"");
    let proxy = Proxy::serving(&traced(config, collector.address()));
    let mut client = proxy.connect().await;
    client.send("GET /asked HTTP/1.1\r\nHost: chat.test\r\n\r\n").await;
    let ((lost, first, _), other) = tokio::select! {
        asked = asked_over_http2(&one) => (asked, &two),
        asked = asked_over_http2(&two) => (asked, &one),
    };
    drop(lost);
    let (mut connection, second, mut answer) = asked_over_http2(other).await;
    answer.send_response(Response::builder().status(204).body(()).unwrap(), true).unwrap();
    let _driven = tokio::spawn(async move { while connection.accept().await.is_some() {} });
    assert_eq!(client.head().await.status(), 204);
    is_lost_and_answered(&calls_of(&collector, [&first, &second]).await);
}

#[tokio::test]
async fn a_method_that_nobody_knows_is_told_of_a_request_and_of_its_call_alike() {
    let (collector, endpoint) = (Collector::start().await, Endpoint::listen().await);
    let proxy = Proxy::serving(&traced(Config::chat([endpoint.address()]), collector.address()));
    let mut client = proxy.connect().await;
    client.send("BREW /asked HTTP/1.1\r\nHost: chat.test\r\n\r\n").await;
    endpoint.asked().await.0.send("HTTP/1.1 204 No Content\r\n\r\n").await;
    assert_eq!(client.head().await.status(), 204);
    for name in ["HTTP chat", "HTTP"] {
        let span = &collector.spans(name, 1).await[0];
        assert_eq!((said(span, "http.request.method"), said(span, "http.request.method_original")), ("_OTHER", "BREW"));
    }
}
