//! Answers of endpoints.

use super::in_front_of;
use crate::rig::{Endpoint, Handshake, Proxy, SWITCH, log};

const GET: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

const FLAWED_HEADS: [&str; 15] = [
    "HTTP/1.1 200 OK\nContent-Length: 0\r\n\r\n",
    "HTTP/1.1 200 OK\r\nContent-Length: 0\n\r\n",
    "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\n",
    "HTTP/1.1 200 OK\r\nX: a\rb\r\nContent-Length: 0\r\n\r\n",
    "HTTP/1.1 200 OK\r\nX: a\r\n b\r\nContent-Length: 0\r\n\r\n",
    "HTTP/1.1 200 OK\r\nX: \0\r\nContent-Length: 0\r\n\r\n",
    "HTTP/1.1 200 O\x08K\r\nContent-Length: 0\r\n\r\n",
    "HTTP/1.1 200 OK\r\nContent-Length : 0\r\n\r\n",
    "HTTP/1.1 200 OK\r\n: 0\r\nContent-Length: 0\r\n\r\n",
    "HTTP/1.1 200 OK\r\nContent-Length: 9223372036854775808\r\n\r\n",
    "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
    "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
    "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "HTTP/1.1 103 Early Hints\r\nX: a\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
];

#[tokio::test]
async fn a_head_that_can_be_read_in_two_ways_is_a_502() {
    let endpoint = Endpoint::listen().await;
    let proxy = Proxy::serving(&in_front_of(endpoint.address()));
    let handshake = String::from_utf8(Handshake::new().bytes()).unwrap();
    for request in [GET, &handshake] {
        for answer in FLAWED_HEADS {
            let before = proxy.refusals("unclean_answer");
            let mut client = proxy.connect().await;
            // It may be asked again, and is then answered with the same.
            client.send(request).await;
            let (mut stream, _) = endpoint.asked().await;
            stream.send(answer).await;
            let (head, body) = client.answer().await;
            let expected = (502, "502 the endpoint's answer made no sense\n");
            assert_eq!((head.status(), body.as_str()), expected, "{answer:?} to {request:?}");
            stream.drain().await;
            assert_eq!(proxy.refusals("unclean_answer"), before + 1, "{answer:?} to {request:?}");
        }
    }
}

#[tokio::test]
async fn the_log_says_what_was_wrong_and_with_whom() {
    let mut lines = log::lines();
    let endpoint = Endpoint::listen().await;
    let proxy = Proxy::serving(&in_front_of(endpoint.address()));
    let mut client = proxy.connect().await;
    let mut stream = endpoint.accept_after(&mut client, "GET /folded HTTP/1.1\r\nHost: a\r\n\r\n").await;
    stream.send("HTTP/1.1 200 OK\r\nX: a\r\n b\r\n\r\n").await;
    client.answer().await;
    let line = lines.about("/folded").await;
    assert_eq!((&line["refusal"], &line["fault"]), (&"unclean_answer".into(), &"upstream".into()), "{line}");
    assert_eq!(line["detail"], "endpoint a: a header line is folded", "{line}");
}

#[tokio::test]
async fn a_body_that_can_end_at_two_places_never_ends() {
    let endpoint = Endpoint::listen().await;
    let proxy = Proxy::serving(&in_front_of(endpoint.address()));
    for rest in [
        "\n0\r\n\r\n",
        "\r\n0\n\r\n",
        "\r\n0;\0\r\n\r\n",
        "\r\n0;a\rb\r\n\r\n",
        "\r\n0\r\nContent-Length: 3\r\n\r\n",
        "\r\n0\r\nTransfer-Encoding: chunked\r\n\r\n",
        "\r\n0\r\nX: a\n\r\n",
        "\r\n0\r\nX : a\r\n\r\n",
        "\r\n0\r\nX: a\r\n b\r\n\r\n",
        "\r\n8000000000000000\r\n",
    ] {
        let mut client = proxy.connect().await;
        let mut stream = endpoint.accept_after(&mut client, GET).await;
        stream.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc").await;
        assert_eq!(client.head().await.status(), 200);
        client.hears("3\r\nabc\r\n").await;
        stream.send(rest).await;
        client.is_gone().await;
        stream.drain().await;
    }
}

#[tokio::test]
async fn an_answer_that_is_odd_and_legal_passes() {
    let endpoint = Endpoint::listen().await;
    let proxy = Proxy::serving(&in_front_of(endpoint.address()));
    for (answer, status, body) in [
        ("HTTP/1.1 200\r\nContent-Length: 2\r\n\r\nok", 200, "ok"),
        ("HTTP/1.0 404 Nicht da!\r\ncontent-length:2\r\n\r\nno", 404, "no"),
        ("HTTP/1.1 200 OK\r\nX:\r\nTransfer-Encoding: CHUNKED\r\n\r\n2 ;x\r\nok\r\n0\r\nX-Sum: 1\r\n\r\n", 200, "ok"),
        ("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", 200, "ok"),
    ] {
        let mut client = proxy.connect().await;
        let mut stream = endpoint.accept_after(&mut client, GET).await;
        stream.send(answer).await;
        let (mut head, mut text) = (client.head().await, String::new());
        if head.status() == 100 {
            head = client.head().await;
        }
        match head.value("content-length") {
            Some(_) => client.hears(body).await,
            None => text = format!("2\r\n{body}\r\n0\r\n\r\n"),
        }
        client.hears(&text).await;
        assert_eq!(head.status(), status, "{answer}");
        drop(stream);
    }
}

#[tokio::test]
async fn a_switch_with_a_flaw_opens_no_tunnel() {
    let endpoint = Endpoint::listen().await;
    let proxy = Proxy::serving(&in_front_of(endpoint.address()));
    for flawed in
        [SWITCH.replace("Upgrade: websocket\r\n", "Upgrade: websocket\n"), SWITCH.replace("Accept:", "Accept :")]
    {
        let mut client = proxy.connect().await;
        client.send(Handshake::new().bytes()).await;
        let (mut stream, _) = endpoint.asked().await;
        stream.send(&flawed).await;
        assert_eq!(client.answer().await.0.status(), 502, "{flawed:?}");
        stream.is_gone().await;
        drop(client);
        proxy.is_empty().await;
    }
}
