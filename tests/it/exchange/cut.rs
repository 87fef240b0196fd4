//! Answers that are cut short: what came of one is delivered, and it never looks whole. And clients that end their own side.

use std::io::ErrorKind;
use std::time::Duration;

use tokio::io::AsyncReadExt;

use windlass::session::Phase;

use super::by_hand::ByHand;
use super::in_front_of;
use crate::rig::{Endpoint, Proxy, Wire, log, within};

const GET: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const OLD_GET: &str = "GET / HTTP/1.0\r\nHost: a\r\n\r\n";
const UPGRADE: &str = "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
    Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

#[tokio::test]
async fn what_an_endpoint_said_before_a_reset_is_delivered() {
    let endpoint = Endpoint::listen().await;
    let proxy = Proxy::serving(&in_front_of(&[endpoint.address()]));
    let large = format!("{}\r\n", format!("X: {}\r\n", "x".repeat(10_000)).repeat(5));
    for request in [GET, UPGRADE, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello"] {
        for end in ["\r\n", &large] {
            let request = request.replacen("\r\n\r\n", &format!("\r\n{end}"), 1);
            for (answer, body) in [
                ("431 Too Large\r\nContent-Length: 3\r\n\r\nbig", "big"),
                ("431 Too Large\r\nConnection: close\r\n\r\nbig", "3\r\nbig\r\n"),
                ("431 Too Large\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nbig\r\n", "3\r\nbig\r\n"),
                ("431 Too Large\r\nContent-Length: 5\r\n\r\nbig", "big"),
                ("431 Too Large\r\nConnection: close\r\n\r\n", ""),
            ] {
                let mut client = proxy.connect().await;
                client.send(&request).await;
                let mut stream = endpoint.accept().await;
                // Most of the request is never read: a reset follows the answer.
                stream.bytes(1).await;
                stream.send(format!("HTTP/1.1 {answer}")).await;
                drop(stream);
                let head = client.head().await.in_lower_case();
                assert!(
                    head.starts_with("HTTP/1.1 431 "),
                    "{}: {answer}: {head}",
                    request.get(..300).unwrap_or(&request)
                );
                client.hears(body).await;
            }
        }
    }
}

#[tokio::test]
async fn an_answer_that_was_lost_before_its_head_is_a_502_and_so_says_the_log() {
    let mut lines = log::lines();
    let endpoint = Endpoint::listen().await;
    let proxy = Proxy::serving(&in_front_of(&[endpoint.address()]));
    for (path, request) in [("/lost-get", GET), ("/lost-upgrade", UPGRADE)] {
        let mut client = proxy.connect().await;
        client.send(request.replacen("GET /", &format!("GET {path}"), 1)).await;
        let mut stream = endpoint.accept().await;
        stream.bytes(1).await;
        drop(stream);
        assert!(client.head().await.in_lower_case().starts_with("HTTP/1.1 502 "));
        assert_eq!(lines.about(path).await["status"], 502);
    }
}

#[tokio::test]
async fn an_answer_that_is_cut_looks_whole_to_nobody() {
    let endpoint = Endpoint::listen().await;
    let proxy = Proxy::serving(&in_front_of(&[endpoint.address()]));
    for (request, answer, body) in [
        (OLD_GET, "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", "hello"),
        (OLD_GET, "Transfer-Encoding: chunked\r\n\r\n8\r\nhello", "hello"),
        (OLD_GET, "Content-Length: 8\r\n\r\nhello", "hello"),
        (GET, "Content-Length: 8\r\n\r\nhello", "hello"),
    ] {
        let mut client = proxy.connect().await;
        let mut stream = endpoint.accept_after(&mut client, request).await;
        stream.send(format!("HTTP/1.1 200 OK\r\n{answer}")).await;
        // Together with its end, so that nothing was out before that was known.
        drop(stream);
        client.head().await;
        client.hears(body).await;
        client.hears_a_reset().await;
    }
}

#[tokio::test]
async fn an_answer_that_its_client_takes_too_slowly_looks_whole_to_nobody() {
    const BYTES: usize = 60_000;
    let mut lines = log::lines();
    let endpoint = Endpoint::listen().await;
    let config = in_front_of(&[endpoint.address()]).with("listener.public.body_timeout", "\"100ms\"");
    let proxy = ByHand::with_send_buffer(&config, 1);
    for (path, came) in [("/slow-and-whole", BYTES), ("/slow-and-lacking", BYTES - 1)] {
        let mut client = Wire::connect_with_receive_buffer(proxy.address(), 1).await;
        let mut stream = endpoint.accept_after(&mut client, &OLD_GET.replacen('/', path, 1)).await;
        stream.send(format!("HTTP/1.1 200 OK\r\nContent-Length: {BYTES}\r\n\r\n{}", "x".repeat(came))).await;
        assert_eq!(lines.about(path).await["outcome"], if came == BYTES { "complete" } else { "client_left" });
        // Only now the client reads.
        within("the end of the session", proxy.proxy.workers.emptied()).await;
        client.head().await;
        assert!(client.is_cut_short().await < BYTES);
    }
}

#[tokio::test]
async fn an_answer_that_the_end_of_the_process_cuts_looks_whole_to_nobody() {
    let mut lines = log::lines();
    for (request, answer, path) in [
        (OLD_GET, "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", "/over-chunked"),
        (OLD_GET, "\r\nhello", "/over-endless"),
        (GET, "Content-Length: 8\r\n\r\nhello", "/over-long"),
    ] {
        let endpoint = Endpoint::listen().await;
        let proxy = Proxy::serving(&in_front_of(&[endpoint.address()]));
        let mut client = proxy.connect().await;
        let mut stream = endpoint.accept_after(&mut client, &request.replacen('/', path, 1)).await;
        stream.send(format!("HTTP/1.1 200 OK\r\n{answer}")).await;
        client.head().await;
        client.hears("hello").await;
        proxy.running.proxy().enter(Phase::Cutting);
        client.hears_a_reset().await;
        assert_eq!(lines.about(path).await["outcome"], "cut");
        within("the end of the session", proxy.running.proxy().workers.emptied()).await;
    }
}

#[tokio::test]
async fn a_whole_answer_ends_without_a_reset() {
    let endpoint = Endpoint::listen().await;
    let proxy = Proxy::serving(&in_front_of(&[endpoint.address()]));
    for answer in
        ["Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", "Content-Length: 5\r\n\r\nhello", "\r\nhello"]
    {
        let mut client = proxy.connect().await;
        let mut stream = endpoint.accept_after(&mut client, OLD_GET).await;
        stream.send(format!("HTTP/1.1 200 OK\r\n{answer}")).await;
        drop(stream);
        client.head().await;
        client.hears("hello").await;
        client.hears_a_fin().await;
    }
}

#[tokio::test]
async fn a_large_answer_is_delivered_as_far_as_it_came_before_it_is_cut() {
    const BYTES: usize = 4 << 20;
    let endpoint = Endpoint::listen().await;
    let proxy = Proxy::serving(&in_front_of(&[endpoint.address()]));
    let mut client = proxy.connect().await;
    let mut stream = endpoint.accept_after(&mut client, OLD_GET).await;
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", BYTES + 1);
    let ((), body) = tokio::join!(
        async {
            stream.send(head).await;
            stream.send(vec![b'x'; BYTES]).await;
            drop(stream);
        },
        async {
            client.head().await;
            client.bytes(BYTES).await
        }
    );
    assert!(body.iter().all(|byte| *byte == b'x'));
    client.hears_a_reset().await;
}

#[tokio::test]
async fn a_client_that_has_nothing_more_to_say_gets_its_answer() {
    let endpoint = Endpoint::listen().await;
    let proxy = Proxy::serving(&in_front_of(&[endpoint.address()]));
    for (request, body) in [
        (GET, ""),
        (OLD_GET, ""),
        ("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", ""),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n", "hello"),
        ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", "5\r\nhello\r\n0\r\n\r\n"),
    ] {
        let mut client = proxy.connect().await;
        client.send(format!("{request}{body}")).await;
        client.finish().await;
        let mut stream = endpoint.accept().await;
        stream.head().await;
        stream.hears(body).await;
        let pause = tokio::time::timeout(Duration::from_millis(50), stream.bytes(1)).await;
        assert!(pause.is_err(), "the exchange goes on");
        stream.send("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok").await;
        client.head().await;
        client.hears("ok").await;
        client.hears_a_fin().await;
    }
}

#[tokio::test]
async fn a_client_that_says_only_that_it_has_nothing_to_say_is_let_go() {
    let endpoint = Endpoint::listen().await;
    let proxy = Proxy::serving(&in_front_of(&[endpoint.address()]));
    for request in ["", GET, "GET / HT"] {
        let mut client = proxy.connect().await;
        if request == GET {
            let mut stream = endpoint.accept_after(&mut client, GET).await;
            stream.send("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok").await;
            client.head().await;
            client.hears("ok").await;
        } else {
            client.send(request).await;
        }
        client.finish().await;
        client.drain().await;
    }
}

#[tokio::test]
async fn a_client_that_is_gone_after_its_last_word_takes_its_exchange_along() {
    let endpoint = Endpoint::listen().await;
    let proxy = Proxy::serving(&in_front_of(&[endpoint.address()]));
    for answer in ["", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n"] {
        let mut client = proxy.connect().await;
        let mut stream = endpoint.accept_after(&mut client, GET).await;
        client.finish().await;
        if !answer.is_empty() {
            stream.send(answer).await;
            client.head().await;
            client.hears("1\r\na\r\n").await;
        }
        client.vanish();
        stream.is_gone().await;
    }
}

impl Wire {
    /// The other side ends by a reset, whatever it says before; returns how many bytes that was.
    async fn is_cut_short(&mut self) -> usize {
        let mut received = Vec::new();
        let error = within("the end of the connection", self.stream.read_to_end(&mut received)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
        received.len()
    }

    /// The other side ends by a reset, and says nothing more before.
    async fn hears_a_reset(&mut self) {
        let mut byte = [0];
        let error = within("the end of the connection", self.stream.read(&mut byte)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    }

    /// The other side ends as it should, and says nothing more before.
    async fn hears_a_fin(&mut self) {
        let mut byte = [0];
        let count = within("the end of the connection", self.stream.read(&mut byte)).await.unwrap();
        assert_eq!(count, 0);
    }
}
