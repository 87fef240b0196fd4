//! Bodies that go on and on, both ways, and readers that do not.

use bytes::Bytes;
use http::Response;

use super::endpoint::Http2Endpoint;
use super::in_front_of;
use crate::rig::{Proxy, Wire, within};

#[tokio::test]
async fn both_directions_stream_at_the_same_time() {
    let endpoint = Http2Endpoint::listen().await;
    let proxy = Proxy::serving(&in_front_of([endpoint.address()]));
    let mut client = proxy.connect().await;
    client.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n").await;
    let mut asked = endpoint.accept().await.asked().await;
    let mut body = asked.begin(Response::new(()));
    client.head().await;
    for turn in 0..20 {
        let text = format!("turn {turn:02}");
        client.send(format!("7\r\n{text}\r\n")).await;
        assert_eq!(asked.piece().await, text);
        body.send_data(Bytes::from(text.clone()), false).unwrap();
        client.hears(&format!("7\r\n{text}\r\n")).await;
    }
    client.send("0\r\n\r\n").await;
    assert_eq!(asked.body().await, "");
    body.send_data(Bytes::new(), true).unwrap();
    client.hears("0\r\n\r\n").await;
}

#[tokio::test]
async fn large_bodies_arrive_whole_both_ways() {
    const LARGE: usize = 5_000_000;
    let endpoint = Http2Endpoint::listen().await;
    let proxy = Proxy::serving(&in_front_of([endpoint.address()]));
    endpoint.serve(|mut asked| async move {
        let body = asked.body().await;
        assert!(body.len() == LARGE && body.bytes().all(|byte| byte == b'x'));
        asked.say(&body);
    });
    let Wire { stream, .. } = proxy.connect().await;
    let (read, write) = stream.into_split();
    let sending = async move {
        let mut write = write;
        let head = format!("POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: {LARGE}\r\n\r\n");
        tokio::io::AsyncWriteExt::write_all(&mut write, head.as_bytes()).await.unwrap();
        tokio::io::AsyncWriteExt::write_all(&mut write, &vec![b'x'; LARGE]).await.unwrap();
        write
    };
    let reading = async move {
        let (mut read, mut all) = (read, Vec::new());
        tokio::io::AsyncReadExt::read_to_end(&mut read, &mut all).await.unwrap();
        all
    };
    let (_, all) = within("a large answer", async { tokio::join!(sending, reading) }).await;
    assert!(all.iter().filter(|byte| **byte == b'x').count() >= LARGE);
}

#[tokio::test]
async fn clients_that_do_not_read_hold_up_nobody_else() {
    let endpoint = Http2Endpoint::listen().await;
    let proxy = Proxy::serving(&in_front_of([endpoint.address()]));
    let connections = endpoint.serve(|mut asked| async move {
        if asked.request.uri().path() == "/small" {
            return asked.say("small");
        }
        let mut body = asked.begin(Response::new(()));
        loop {
            body.reserve_capacity(64 * 1024);
            match std::future::poll_fn(|cx| body.poll_capacity(cx)).await {
                Some(Ok(capacity)) => body.send_data(vec![b'x'; capacity].into(), false).unwrap(),
                _ => return,
            }
        }
    });
    let mut readers = Vec::new();
    for _ in 0..40 {
        let mut reader = Wire::connect_with_receive_buffer(proxy.address("public"), 4096).await;
        reader.send("GET /endless HTTP/1.1\r\nHost: a\r\n\r\n").await;
        reader.head().await;
        readers.push(reader);
    }
    let mut client = proxy.connect().await;
    for _ in 0..10 {
        client.send("GET /small HTTP/1.1\r\nHost: a\r\n\r\n").await;
        assert_eq!(client.answer().await.1, "small");
    }
    assert_eq!(connections.load(std::sync::atomic::Ordering::Relaxed), 1);
    drop(readers);
}
