//! Exchanges over streams: many at a time, each with its own end.

use bytes::Bytes;
use h2::Reason;
use h2::client::Builder;
use http::{HeaderMap, Request};
use http_body_util::{BodyExt, Full};

use super::client::{Http2Client, text};
use super::in_front_of;
use crate::rig::{Endpoint, Proxy, ServingEndpoint, log, until, within};

#[tokio::test]
async fn a_request_passes_and_its_answer_and_nothing_of_the_connection() {
    let mut log = log::lines();
    let endpoint = Endpoint::listen().await;
    let proxy = Proxy::serving(&in_front_of([endpoint.address()]));
    let client = Http2Client::connect(&proxy).await;
    let request = Request::get("http://chat.test:8080/h2/plain?a=b")
        .header("cookie", "a=b")
        .header("cookie", "c=d")
        .header("x-one", "1")
        .body(())
        .unwrap();
    let asked = client.ask(request);
    let answered = async {
        let (mut wire, head) = endpoint.asked().await;
        assert_eq!(head.first_line(), "GET /h2/plain?a=b HTTP/1.1");
        assert_eq!(head.value("host"), Some("chat.test:8080"));
        assert_eq!(head.values("cookie"), ["a=b; c=d"]);
        assert_eq!(head.value("x-one"), Some("1"));
        let answer = "HTTP/1.1 200 OK\r\nconnection: keep-alive\r\nkeep-alive: timeout=5\r\ntransfer-encoding: chunked\r\n\
            x-two: 2\r\n\r\n5\r\nhello\r\n0\r\n\r\n";
        wire.send(answer).await;
        wire
    };
    let ((head, body), _endpoint) = tokio::join!(asked, answered);
    assert_eq!((head.status.as_u16(), body.as_str()), (200, "hello"));
    assert_eq!(head.headers.keys().collect::<Vec<_>>(), ["x-two"]);
    let line = log.about("/h2/plain").await;
    assert_eq!((&line["protocol"], &line["outcome"]), (&"h2".into(), &"complete".into()), "{line}");
}

#[tokio::test]
async fn many_are_served_at_a_time_over_one_connection() {
    let endpoint = ServingEndpoint::start(|request| async move {
        let path = request.uri().path().to_owned();
        let body = request.into_body().collect().await.unwrap().to_bytes();
        http::Response::new(Full::from(Bytes::from([path.as_bytes(), b" ", &body].concat())))
    })
    .await;
    let proxy = Proxy::serving(&in_front_of([endpoint.address()]));
    let client = Http2Client::connect(&proxy).await;
    let mut begun = Vec::new();
    for number in 0..100 {
        let request = Request::post(format!("http://chat.test/{number}")).body(()).unwrap();
        begun.push(client.begin(request, false).await);
    }
    for (number, (answer, mut outgoing)) in begun.into_iter().enumerate().rev() {
        outgoing.send_data(Bytes::from(format!("body {number}")), true).unwrap();
        let body = within("an answer", answer).await.unwrap().into_body();
        assert_eq!(text(body).await.0, format!("/{number} body {number}"));
    }
    drop(client);
    proxy.is_empty().await;
}

#[tokio::test]
async fn trailers_pass_both_ways() {
    let endpoint = Endpoint::listen().await;
    let proxy = Proxy::serving(&in_front_of([endpoint.address()]));
    let client = Http2Client::connect(&proxy).await;
    let request =
        Request::post("http://chat.test/").header("trailer", "x-sum").header("te", "trailers").body(()).unwrap();
    let (answer, mut outgoing) = client.begin(request, false).await;
    outgoing.send_data(Bytes::from_static(b"ab"), false).unwrap();
    outgoing.send_trailers(HeaderMap::from_iter([("x-sum".parse().unwrap(), "7".parse().unwrap())])).unwrap();
    let (mut wire, head) = endpoint.asked().await;
    assert_eq!(head.value("transfer-encoding"), Some("chunked"));
    wire.hears("2\r\nab\r\n0\r\nX-Sum: 7\r\n\r\n").await;
    wire.send("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ntrailer: x-end\r\n\r\n1\r\nc\r\n0\r\nx-end: 9\r\n\r\n")
        .await;
    let (body, trailers) = text(within("an answer", answer).await.unwrap().into_body()).await;
    assert_eq!((body.as_str(), trailers.get("x-end").unwrap().as_bytes()), ("c", &b"9"[..]));
}

#[tokio::test]
async fn answers_without_a_body_have_none() {
    let endpoint = ServingEndpoint::start(|request| async move {
        let status = if request.method() == "HEAD" { 200 } else { 204 };
        http::Response::builder().status(status).header("x-length", "5").body(Full::default()).unwrap()
    })
    .await;
    let proxy = Proxy::serving(&in_front_of([endpoint.address()]));
    let client = Http2Client::connect(&proxy).await;
    for (method, status) in [("HEAD", 200), ("DELETE", 204)] {
        let request = Request::builder().method(method).uri("http://chat.test/").body(()).unwrap();
        let (answer, _) = client.begin(request, true).await;
        let answer = within("an answer", answer).await.unwrap();
        assert_eq!(answer.status(), status);
        assert!(answer.body().is_end_stream(), "{method}");
    }
}

#[tokio::test]
async fn a_refusal_ends_its_stream_alone() {
    let endpoint = ServingEndpoint::named("served").await;
    let proxy = Proxy::serving(&in_front_of([endpoint.address()]).with("route.chat.hosts", "[\"chat.test\"]"));
    let client = Http2Client::connect(&proxy).await;
    let ask = async |uri: &str, host: &str| {
        let request = Request::get(uri).header("host", host).body(()).unwrap();
        client.ask(request).await
    };
    let (head, body) = ask("http://other.test/", "other.test").await;
    assert_eq!((head.status.as_u16(), body.as_str()), (404, "404 no route for this host and path\n"));
    assert!(head.headers.get("connection").is_none());
    let (head, body) = ask("http://chat.test/", "other.test").await;
    assert_eq!(head.status, 400, "{body}");
    let connect = Request::connect("chat.test:443").body(()).unwrap();
    let (answer, _outgoing) = client.begin(connect, false).await;
    assert_eq!(within("an answer", answer).await.unwrap().status(), 405);
    assert_eq!(client.get("/").await.1, "served", "nothing of that is about the connection");
}

#[tokio::test]
async fn interim_answers_pass_and_a_100_asks_for_the_body() {
    let endpoint = Endpoint::listen().await;
    let proxy = Proxy::serving(&in_front_of([endpoint.address()]));
    let client = Http2Client::connect(&proxy).await;
    let request = Request::put("http://chat.test/").header("expect", "100-continue").body(()).unwrap();
    let (mut answer, mut outgoing) = client.begin(request, false).await;
    let (mut wire, head) = endpoint.asked().await;
    assert_eq!(head.value("expect"), Some("100-continue"));
    wire.send("HTTP/1.1 103 Early Hints\r\nlink: </a.css>\r\n\r\n").await;
    let interim = std::future::poll_fn(|cx| answer.poll_informational(cx));
    let interim = within("an interim answer", interim).await.unwrap().unwrap();
    assert_eq!((interim.status().as_u16(), interim.headers()["link"].as_bytes()), (103, &b"</a.css>"[..]));
    wire.send("HTTP/1.1 100 Continue\r\n\r\n").await;
    let interim = std::future::poll_fn(|cx| answer.poll_informational(cx));
    assert_eq!(within("a 100", interim).await.unwrap().unwrap().status(), 100);
    outgoing.send_data(Bytes::from_static(b"body"), true).unwrap();
    wire.hears("4\r\nbody\r\n0\r\n\r\n").await;
    wire.send("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await;
    assert_eq!(text(within("an answer", answer).await.unwrap().into_body()).await.0, "ok");
}

#[tokio::test]
async fn a_client_that_resets_a_request_takes_the_endpoints_connection_along_and_no_other() {
    let mut log = log::lines();
    let endpoint = Endpoint::listen().await;
    let proxy = Proxy::serving(&in_front_of([endpoint.address()]));
    let client = Http2Client::connect(&proxy).await;
    let ask = async |path: &str| {
        let request = Request::get(format!("http://chat.test{path}")).body(()).unwrap();
        let (answer, outgoing) = client.begin(request, true).await;
        (answer, outgoing, endpoint.asked().await.0)
    };
    let (_first, mut outgoing, mut left) = ask("/h2/reset").await;
    let (second, _outgoing, mut kept) = ask("/h2/kept").await;
    outgoing.send_reset(Reason::CANCEL);
    left.is_gone().await;
    kept.send("HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nkept").await;
    assert_eq!(text(within("an answer", second).await.unwrap().into_body()).await.0, "kept");
    assert_eq!(log.about("/h2/reset").await["outcome"], "client_left");
}

#[tokio::test]
async fn an_answer_that_is_cut_is_reset_and_looks_like_no_end() {
    let endpoint = Endpoint::listen().await;
    let proxy = Proxy::serving(&in_front_of([endpoint.address()]));
    let client = Http2Client::connect(&proxy).await;
    let request = Request::get("http://chat.test/").body(()).unwrap();
    let (answer, _) = client.begin(request, true).await;
    let (mut wire, _) = endpoint.asked().await;
    wire.send("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf").await;
    let mut body = within("an answer", answer).await.unwrap().into_body();
    assert_eq!(within("half a body", body.data()).await.unwrap().unwrap(), "half");
    drop(wire);
    let error = within("the end", body.data()).await.unwrap().unwrap_err();
    assert_eq!(error.reason(), Some(Reason::INTERNAL_ERROR));
}

#[tokio::test]
async fn an_upload_that_nobody_reads_holds_up_its_own_stream() {
    let endpoint = Endpoint::listen().await;
    let proxy = Proxy::serving(&in_front_of([endpoint.address()]));
    let client = Http2Client::connect(&proxy).await;
    let request = Request::post("http://chat.test/").body(()).unwrap();
    let (_answer, mut outgoing) = client.begin(request, false).await;
    let (_unread, _) = endpoint.asked().await;
    // More than the kernels between us take, and its stream's window.
    outgoing.send_data(Bytes::from(vec![0; 16 << 20]), false).unwrap();
    for _ in 0..3 {
        let (answer, _) = client.begin(Request::get("http://chat.test/").body(()).unwrap(), true).await;
        let (mut wire, _) = endpoint.asked().await;
        wire.send("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await;
        assert_eq!(text(within("an answer", answer).await.unwrap().into_body()).await.0, "ok");
    }
}

#[tokio::test]
async fn a_client_that_reads_nothing_of_one_answer_loses_that_alone() {
    let mut log = log::lines();
    let endpoint = ServingEndpoint::start(|request| async move {
        let length = if request.uri().path().ends_with("long") { 1 << 20 } else { 5 };
        http::Response::new(Full::from(vec![b'a'; length]))
    })
    .await;
    let proxy = Proxy::serving(&in_front_of([endpoint.address()]).with("listener.public.body_timeout", "\"1s\""));
    let client = Http2Client::connect_as(&proxy, Builder::new().initial_connection_window_size(1 << 24)).await;
    let (answer, _) = client.begin(Request::get("http://chat.test/h2/long").body(()).unwrap(), true).await;
    let mut unread = within("an answer", answer).await.unwrap().into_body();
    assert_eq!(client.get("/short").await.1, "aaaaa");
    let error = loop {
        // Nothing is given back.
        match within("more", unread.data()).await.unwrap() {
            Ok(_) => {}
            Err(error) => break error,
        }
    };
    assert_eq!(error.reason(), Some(Reason::CANCEL));
    assert_eq!(client.get("/short").await.1, "aaaaa");
    assert_eq!(log.about("/h2/long").await["outcome"], "client_left");
    until("nothing is left", || proxy.open() == 0).await;
}
