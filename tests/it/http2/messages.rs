//! What each side reads of a request and its answer.

use bytes::Bytes;
use http::{Response, StatusCode, Version};

use super::endpoint::Http2Endpoint;
use super::in_front_of;
use crate::rig::Proxy;

#[tokio::test]
async fn a_request_says_over_http2_what_it_said_over_http1() {
    let endpoint = Http2Endpoint::listen().await;
    let proxy = Proxy::serving(&in_front_of([endpoint.address()]));
    let mut client = proxy.connect().await;
    let head = "POST /a/b?c=d HTTP/1.1\r\nHost: app.example:81\r\nCookie: a=b\r\nX-One: 1\r\nx-one: 2\r\nConnection: x-two, TE\r\n\
        X-Two: 2\r\nTE: trailers, deflate\r\nKeep-Alive: 5\r\nContent-Length: 5\r\n\r\n";
    client.send(format!("{head}hello")).await;
    let mut asked = endpoint.accept().await.asked().await;
    let body = asked.body().await;
    let head = &asked.request;
    assert_eq!((head.method().as_str(), head.version(), body.as_str()), ("POST", Version::HTTP_2, "hello"));
    assert_eq!(head.uri(), "http://app.example:81/a/b?c=d");
    let headers: Vec<_> =
        head.headers().iter().map(|(name, value)| format!("{name}: {}", value.to_str().unwrap())).collect();
    let expected = [
        "cookie: a=b",
        "x-one: 1",
        "x-one: 2",
        "te: trailers",
        "content-length: 5",
        "windlass-hops: 1",
        "x-forwarded-for: 127.0.0.1",
        "x-forwarded-proto: http",
        "x-forwarded-host: app.example:81",
        "x-forwarded-port: 81",
    ];
    assert_eq!(headers, expected);
    asked.say("ok");
    let (head, body) = client.answer().await;
    assert_eq!((head.first_line(), body.as_str()), ("HTTP/1.1 200 OK", "ok"));
}

#[tokio::test]
async fn an_answer_keeps_its_length_and_one_without_has_chunks() {
    let endpoint = Http2Endpoint::listen().await;
    let proxy = Proxy::serving(&in_front_of([endpoint.address()]));
    let mut client = proxy.connect().await;
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    let mut connection = endpoint.accept().await;
    let mut asked = connection.asked().await;
    let answer = Response::builder().status(404).header("content-length", "4").header("set-cookie", "a").body(());
    asked.begin(answer.unwrap()).send_data(Bytes::from_static(b"none"), true).unwrap();
    let (head, body) = client.answer().await;
    assert_eq!((head.status(), head.value("content-length"), head.value("set-cookie")), (404, Some("4"), Some("a")));
    assert_eq!(body, "none");
    for (method, status) in [("HEAD", 200), ("GET", 304), ("DELETE", 204)] {
        client.send(format!("{method} / HTTP/1.1\r\nHost: a\r\n\r\n")).await;
        let mut asked = connection.asked().await;
        let answer = Response::builder().status(status).header("x-one", "1").body(()).unwrap();
        asked.answer.send_response(answer, true).unwrap();
        let head = client.head().await;
        assert_eq!((head.status(), head.value("x-one")), (status, Some("1")), "{method}");
    }
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    connection.asked().await.say("chunks");
    let (head, body) = client.answer().await;
    assert_eq!((head.value("transfer-encoding"), body.as_str()), (Some("chunked"), "chunks"));
    client.has_nothing();
}

#[tokio::test]
async fn trailers_pass_in_both_directions_as_they_are_announced() {
    let endpoint = Http2Endpoint::listen().await;
    let proxy = Proxy::serving(&in_front_of([endpoint.address()]));
    let mut client = proxy.connect().await;
    let request = "POST / HTTP/1.1\r\nHost: a\r\nTE: trailers\r\nTrailer: x-sum\r\nTransfer-Encoding: chunked\r\n\r\n";
    client.send(format!("{request}2\r\nab\r\n0\r\nx-sum: 1\r\n\r\n")).await;
    let mut asked = endpoint.accept().await.asked().await;
    assert_eq!(asked.body().await, "ab");
    assert_eq!(asked.request.body_mut().trailers().await.unwrap().unwrap()["x-sum"], "1");
    let answer = Response::builder().header("trailer", "x-total").body(()).unwrap();
    let mut body = asked.begin(answer);
    body.send_data(Bytes::from_static(b"cd"), false).unwrap();
    let trailers = [("x-total", "2"), ("x-unannounced", "3"), ("authorization", "4")];
    let trailers = trailers.map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()));
    body.send_trailers(trailers.into_iter().collect()).unwrap();
    let head = client.head().await;
    assert_eq!(head.value("trailer"), Some("x-total"));
    client.hears("2\r\ncd\r\n0\r\nX-Total: 2\r\n\r\n").await;
}

#[tokio::test]
async fn interim_answers_come_before_the_answer() {
    let endpoint = Http2Endpoint::listen().await;
    let proxy = Proxy::serving(&in_front_of([endpoint.address()]));
    let mut client = proxy.connect().await;
    client.send("PUT / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n").await;
    let mut connection = endpoint.accept().await;
    let mut asked = connection.asked().await;
    assert_eq!(asked.request.headers()["expect"], "100-continue");
    let hint = Response::builder().status(103).header("link", "</a.css>").body(()).unwrap();
    asked.answer.send_informational(hint).unwrap();
    client.hears("HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n").await;
    asked.answer.send_informational(Response::builder().status(StatusCode::CONTINUE).body(()).unwrap()).unwrap();
    client.hears("HTTP/1.1 100 Continue\r\n\r\n").await;
    client.send("hello").await;
    assert_eq!(asked.body().await, "hello");
    asked.say("ok");
    assert_eq!(client.answer().await.1, "ok");
    // One that is answered without its body never gets it, and the connection serves on.
    client.send("PUT / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n").await;
    let mut asked = connection.asked().await;
    let answer = Response::builder().status(401).header("content-length", "0").body(()).unwrap();
    asked.answer.send_response(answer, true).unwrap();
    assert_eq!(client.head().await.status(), 401);
    let mut other = proxy.connect().await;
    other.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    connection.asked().await.say("ok");
    assert_eq!(other.answer().await.1, "ok");
}
