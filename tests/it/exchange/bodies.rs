//! Bodies stream, both ways, with their lengths, chunks and trailers.

use http::Response;
use http_body_util::{BodyExt, Full};

use super::in_front_of;
use crate::rig::{Endpoint, Proxy, ServingEndpoint};

#[tokio::test]
async fn an_event_arrives_before_the_next_is_sent() {
    let endpoint = Endpoint::listen().await;
    let proxy = Proxy::serving(&in_front_of(&[endpoint.address()]));
    let mut client = proxy.connect().await;
    client.send("GET /events HTTP/1.1\r\nHost: a\r\n\r\n").await;
    let mut stream = endpoint.accept().await;
    stream.head().await;
    stream.send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n").await;
    assert!(client.head().await.in_lower_case().contains("content-type: text/event-stream\r\n"));
    for _ in 0..3 {
        stream.send("9\r\ndata: 1\n\n\r\n").await;
        client.hears("9\r\ndata: 1\n\n\r\n").await;
    }
    stream.send("0\r\n\r\n").await;
    client.hears("0\r\n\r\n").await;
}

#[tokio::test]
async fn a_piece_of_an_upload_arrives_before_the_next_is_sent() {
    let endpoint = Endpoint::listen().await;
    let proxy = Proxy::serving(&in_front_of(&[endpoint.address()]));
    let mut client = proxy.connect().await;
    client.send("POST /up HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n").await;
    let mut stream = endpoint.accept().await;
    assert!(stream.head().await.in_lower_case().contains("transfer-encoding: chunked\r\n"));
    for _ in 0..3 {
        client.send("3\r\nabc\r\n").await;
        stream.hears("3\r\nabc\r\n").await;
    }
    client.send("0\r\n\r\n").await;
    stream.hears("0\r\n\r\n").await;
    stream.send("HTTP/1.1 204 No Content\r\n\r\n").await;
    assert!(client.head().await.in_lower_case().starts_with("HTTP/1.1 204 No Content\r\n"));
}

#[tokio::test]
async fn a_get_keeps_its_chunked_body() {
    let endpoint = Endpoint::listen().await;
    let proxy = Proxy::serving(&in_front_of(&[endpoint.address()]));
    let mut client = proxy.connect().await;
    client.send("GET /search HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n").await;
    let mut stream = endpoint.accept().await;
    assert!(stream.head().await.in_lower_case().contains("transfer-encoding: chunked\r\n"));
    stream.hears("3\r\nabc\r\n0\r\n\r\n").await;
}

#[tokio::test]
async fn trailers_pass_both_ways() {
    let endpoint = Endpoint::listen().await;
    let proxy = Proxy::serving(&in_front_of(&[endpoint.address()]));
    let mut client = proxy.connect().await;
    let head = "POST / HTTP/1.1\r\nHost: a\r\nTE: trailers\r\nTrailer: x-sum\r\nTransfer-Encoding: chunked\r\n\r\n";
    client.send(format!("{head}3\r\nabc\r\n0\r\nx-sum: 1\r\n\r\n")).await;
    let mut stream = endpoint.accept().await;
    let head = stream.head().await.in_lower_case();
    assert!(head.contains("te: trailers\r\n") && head.contains("trailer: x-sum\r\n"), "{head}");
    stream.hears("3\r\nabc\r\n0\r\nX-Sum: 1\r\n\r\n").await;
    stream.send("HTTP/1.1 200 OK\r\nTrailer: x-end\r\nTransfer-Encoding: chunked\r\n\r\n").await;
    stream.send("2\r\nhi\r\n0\r\nx-end: 2\r\n\r\n").await;
    assert!(client.head().await.in_lower_case().contains("trailer: x-end\r\n"));
    client.hears("2\r\nhi\r\n0\r\nX-End: 2\r\n\r\n").await;
}

#[tokio::test]
async fn trailers_say_nothing_that_belongs_into_the_headers() {
    let endpoint = Endpoint::listen().await;
    let proxy = Proxy::serving(&in_front_of(&[endpoint.address()]));
    let mut client = proxy.connect().await;
    let trailers = "Trailer: x-forwarded-for, X-Real-IP, forwarded, cookie, connection, x-hop, x-mine\r\n";
    let head = "POST / HTTP/1.1\r\nHost: a\r\nConnection: x-hop\r\nTE: trailers\r\nTransfer-Encoding: chunked\r\n";
    client.send(format!("{head}{trailers}\r\n3\r\nabc\r\n0\r\nX-Forwarded-For: 6.6.6.6\r\n")).await;
    client.send("X-Real-IP: 6.6.6.6\r\nForwarded: for=6.6.6.6\r\nCookie: a=b\r\nConnection: x\r\nX-Hop: 1\r\n").await;
    client.send("X-Mine: 1\r\n\r\n").await;
    let mut stream = endpoint.accept().await;
    let head = stream.head().await.in_lower_case();
    assert!(head.contains("\r\ntrailer: x-mine\r\n"), "{head}");
    stream.hears("3\r\nabc\r\n0\r\nX-Mine: 1\r\n\r\n").await;
    stream.send("HTTP/1.1 200 OK\r\nTrailer: set-cookie, upgrade, x-end\r\nTransfer-Encoding: chunked\r\n\r\n").await;
    stream.send("2\r\nhi\r\n0\r\nset-cookie: a=b\r\nupgrade: x\r\nx-end: 2\r\n\r\n").await;
    assert!(client.head().await.in_lower_case().contains("\r\ntrailer: x-end\r\n"));
    client.hears("2\r\nhi\r\n0\r\nX-End: 2\r\n\r\n").await;
}

#[tokio::test]
async fn names_keep_their_spelling_and_lines_their_order() {
    let endpoint = Endpoint::listen().await;
    let proxy = Proxy::serving(&in_front_of(&[endpoint.address()]));
    let mut client = proxy.connect().await;
    let lines = "\r\nx-FIRST: 1\r\nHOST: plc\r\nConnection: keep-alive\r\nx-Bread: a\r\nX-BREAD: b\r\naccept: */*\r\n";
    client.send(format!("POST /set HTTP/1.1{lines}Content-Length: 2\r\nETag: x\r\n\r\nhi")).await;
    let mut stream = endpoint.accept().await;
    let head = stream.head().await.text;
    let kept = lines.replace("Connection: keep-alive\r\n", "");
    let ours = "Windlass-Hops: 1\r\nX-Forwarded-For: 127.0.0.1\r\nX-Forwarded-Proto: http\r\nX-Forwarded-Host: plc\r\nX-Forwarded-Port: 80\r\n\r\n";
    assert_eq!(head, format!("POST /set HTTP/1.1{kept}Content-Length: 2\r\nETag: x\r\n{ours}"));
    stream.hears("hi").await;
    let lines = "\r\nDATE: now\r\nServer: x\r\nset-Cookie: a=b\r\nSet-Cookie: c=d\r\ntransfer-ENCODING: chunked\r\nwww-Authenticate: x\r\n";
    stream
        .send(format!(
            "HTTP/1.1 200 OK{}Keep-Alive: 1\r\nX-last: 2\r\n\r\n0\r\n\r\n",
            lines.replace("DATE", "Keep-Alive: 2\r\nDATE")
        ))
        .await;
    assert_eq!(client.head().await.text, format!("HTTP/1.1 200 OK{lines}X-last: 2\r\n\r\n"));
    client.hears("0\r\n\r\n").await;
}

#[tokio::test]
async fn answers_without_a_body_keep_their_length() {
    let endpoint = Endpoint::listen().await;
    let proxy = Proxy::serving(&in_front_of(&[endpoint.address()]));
    let mut client = proxy.connect().await;
    client.send("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    let mut stream = endpoint.accept().await;
    assert!(stream.head().await.in_lower_case().starts_with("HEAD / HTTP/1.1\r\n"));
    stream.send("HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n").await;
    assert!(client.head().await.in_lower_case().contains("content-length: 5000\r\n"));
    for (status, request, length) in [
        ("204 No Content", "DELETE", ""),
        ("304 Not Modified", "GET", "Content-Length: 10\r\n"),
        ("200 OK", "GET", "Content-Length: 0\r\n"),
    ] {
        client.send(format!("{request} / HTTP/1.1\r\nHost: a\r\n\r\n")).await;
        stream.head().await;
        stream.send(format!("HTTP/1.1 {status}\r\n{length}\r\n")).await;
        let head = client.head().await.in_lower_case();
        assert!(head.starts_with(&format!("HTTP/1.1 {status}\r\n")), "{head}");
        assert!(!head.contains("transfer-encoding"), "{head}");
    }
}

#[tokio::test]
async fn the_length_of_a_chunked_answer_is_its_chunks() {
    let endpoint = Endpoint::listen().await;
    let proxy = Proxy::serving(&in_front_of(&[endpoint.address()]));
    let mut client = proxy.connect().await;
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    let mut stream = endpoint.accept().await;
    stream.head().await;
    stream
        .send("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n")
        .await;
    assert!(!client.head().await.in_lower_case().contains("content-length"));
    client.hears("3\r\nabc\r\n0\r\n\r\n").await;
}

#[tokio::test]
async fn an_old_client_gets_what_it_understands() {
    let endpoint = Endpoint::listen().await;
    let proxy = Proxy::serving(&in_front_of(&[endpoint.address()]));
    let mut client = proxy.connect().await;
    client.send("POST / HTTP/1.0\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\nhi").await;
    let mut stream = endpoint.accept().await;
    let head = stream.head().await.in_lower_case();
    assert!(head.starts_with("POST / HTTP/1.1\r\n") && !head.contains("expect"), "{head}");
    stream.hears("hi").await;
    stream.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n").await;
    let head = client.head().await.in_lower_case();
    assert!(head.starts_with("HTTP/1.0 200 OK\r\n") && !head.contains("chunked"), "{head}");
    assert_eq!(client.drain().await, "abc");
}

#[tokio::test]
async fn an_absolute_target_goes_on_as_a_path() {
    let endpoint = Endpoint::listen().await;
    let proxy = Proxy::serving(&in_front_of(&[endpoint.address()]));
    let mut client = proxy.connect().await;
    client.send("GET http://chat.example?a=b HTTP/1.1\r\nHost: chat.example\r\n\r\n").await;
    let head = endpoint.accept().await.head().await.in_lower_case();
    assert!(head.starts_with("GET /?a=b HTTP/1.1\r\n"), "{head}");
    assert!(head.contains("host: chat.example\r\n"), "{head}");
    assert!(head.contains("x-forwarded-for: 127.0.0.1\r\n"), "{head}");
}

#[tokio::test]
async fn a_target_of_a_websocket_uri_goes_on_as_a_path() {
    let endpoint = Endpoint::listen().await;
    let proxy = Proxy::serving(&in_front_of(&[endpoint.address()]));
    for target in ["ws://chat.example/a?b=c", "wss://chat.example:443/a?b=c"] {
        let mut client = proxy.connect().await;
        client.send(format!("GET {target} HTTP/1.1\r\nHost: chat.example\r\n\r\n")).await;
        let head = endpoint.accept().await.head().await.in_lower_case();
        assert!(head.starts_with("GET /a?b=c HTTP/1.1\r\nhost: chat.example\r\n"), "{head}");
    }
}

#[tokio::test]
async fn an_old_client_may_name_no_host() {
    let endpoint = Endpoint::listen().await;
    let config = in_front_of(&[endpoint.address()]);
    let (any, named) =
        (Proxy::serving(&config), Proxy::serving(&config.with("route.chat.hosts", "[\"chat.example\"]")));
    let mut client = any.connect().await;
    let mut stream = endpoint.accept_after(&mut client, "GET /a HTTP/1.0\r\nAccept: x\r\n\r\n").await;
    stream.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await;
    assert!(client.head().await.in_lower_case().starts_with("HTTP/1.0 200 OK\r\n"));
    assert_eq!(client.drain().await, "ok");
    let mut client = any.connect().await;
    client.send("GET /a HTTP/1.0\r\nAccept: x\r\n\r\n").await;
    let head = stream.head().await.in_lower_case();
    assert!(head.starts_with("GET /a HTTP/1.1\r\nhost:\r\naccept: x\r\n"), "{head}");
    assert!(!head.contains("x-forwarded-host"), "{head}");
    let mut client = named.connect().await;
    client.send("GET /a HTTP/1.0\r\nAccept: x\r\n\r\n").await;
    assert!(client.head().await.in_lower_case().starts_with("HTTP/1.0 404 "));
    let mut client = named.connect().await;
    client.send("GET http://chat.example/a HTTP/1.0\r\nAccept: x\r\n\r\n").await;
    let head = endpoint.accept().await.head().await.in_lower_case();
    assert!(head.starts_with("GET /a HTTP/1.1\r\nhost: chat.example\r\n"), "{head}");
}

#[tokio::test]
async fn a_large_body_comes_back_whole() {
    const PIECE: usize = 1 << 20;
    const PIECES: usize = 16;
    // What it has read, it answers: the proxy streams both ways, the endpoint need not.
    let endpoint = ServingEndpoint::start(|request| async {
        Response::new(Full::new(request.into_body().collect().await.unwrap().to_bytes()))
    })
    .await;
    let proxy = Proxy::serving(&in_front_of(&[endpoint.address()]));
    let mut client = proxy.connect().await;
    client.send(format!("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n", PIECE * PIECES)).await;
    for piece in 0..PIECES {
        client.send(vec![piece as u8; PIECE]).await;
    }
    assert!(client.head().await.in_lower_case().contains(&format!("content-length: {}\r\n", PIECE * PIECES)));
    for piece in 0..PIECES {
        assert!(client.bytes(PIECE).await.iter().all(|byte| usize::from(*byte) == piece), "piece {piece}");
    }
}

#[tokio::test]
async fn a_reader_that_stops_stops_the_writer() {
    use tokio::io::AsyncWriteExt;
    let endpoint = Endpoint::listen().await;
    let proxy = Proxy::serving(&in_front_of(&[endpoint.address()]));
    let mut client = proxy.connect().await;
    client.send("PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n").await;
    let mut stream = endpoint.accept().await;
    stream.head().await;
    // The endpoint reads nothing: what the client can send is what sockets and two buffers of 64 KiB hold, not 1 GiB.
    let chunk = format!("10000\r\n{}\r\n", "x".repeat(0x10000));
    let mut sent = 0;
    let pause = std::time::Duration::from_millis(500);
    while tokio::time::timeout(pause, client.stream.write_all(chunk.as_bytes())).await.is_ok() {
        sent += chunk.len();
        assert!(sent < 1 << 28, "the proxy collects the body");
    }
    // And the endpoint can have all of it.
    stream.bytes(sent).await;
}

#[tokio::test]
async fn an_early_answer_passes_while_the_upload_goes_on() {
    let endpoint = Endpoint::listen().await;
    let proxy = Proxy::serving(&in_front_of(&[endpoint.address()]));
    let mut client = proxy.connect().await;
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\nabc").await;
    let mut stream = endpoint.accept().await;
    stream.head().await;
    stream.hears("abc").await;
    stream.send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nearly").await;
    client.head().await;
    client.hears("early").await;
    client.send("def").await;
    stream.hears("def").await;
    // The client's side is as good as before. What the endpoint makes of the rest of the request is its own affair.
    stream.is_gone().await;
    client.send("GET /next HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert!(endpoint.accept().await.head().await.in_lower_case().starts_with("GET /next "));
}

#[tokio::test]
async fn what_an_endpoint_said_before_it_closed_is_heard() {
    let endpoint = Endpoint::listen().await;
    let proxy = Proxy::serving(&in_front_of(&[endpoint.address()]));
    let mut client = proxy.connect().await;
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000000\r\n\r\n").await;
    let mut stream = endpoint.accept().await;
    stream.head().await;
    stream.send("HTTP/1.1 413 Content Too Large\r\nContent-Length: 3\r\n\r\nbig").await;
    // With unread input: a reset follows.
    client.send("x".repeat(100_000)).await;
    drop(stream);
    assert!(client.head().await.in_lower_case().starts_with("HTTP/1.1 413 "));
    client.hears("big").await;
}
