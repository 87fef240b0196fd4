//! Interim answers: what an endpoint says before its answer.

use super::in_front_of;
use crate::rig::{Endpoint, Proxy};

const GET: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const UPGRADE: &str = "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
const HINTS: &str = "HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\nLink: </b.css>\r\n\r\n";

#[tokio::test]
async fn early_hints_come_before_the_answer_is_there() {
    let endpoint = Endpoint::listen().await;
    let proxy = Proxy::serving(&in_front_of(&[endpoint.address()]));
    let mut client = proxy.connect().await;
    let mut stream = endpoint.accept_after(&mut client, GET).await;
    for _ in 0..2 {
        stream.send(HINTS).await;
        client.hears(HINTS).await;
    }
    stream.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await;
    assert!(client.head().await.in_lower_case().starts_with("HTTP/1.1 200 OK\r\n"));
    client.hears("ok").await;
    // Together with the answer they are first still; and so it is with the next request on the connection.
    for _ in 0..2 {
        client.send(GET).await;
        stream.head().await;
        stream.send(format!("{HINTS}HTTP/1.1 204 No Content\r\n\r\n")).await;
        client.hears(HINTS).await;
        assert!(client.head().await.in_lower_case().starts_with("HTTP/1.1 204 No Content\r\n"));
    }
}

#[tokio::test]
async fn hints_to_a_pipelined_request_stand_behind_the_answer_to_the_first() {
    let endpoint = Endpoint::listen().await;
    let proxy = Proxy::serving(&in_front_of(&[endpoint.address()]));
    let mut client = proxy.connect().await;
    let mut stream = endpoint.accept_after(&mut client, &GET.repeat(2)).await;
    // More than a socket holds, so that much of it waits in the proxy when the next request is asked.
    let long = 8_000_000;
    let body = vec![b'x'; long];
    let answer = async {
        stream.send(format!("HTTP/1.1 200 OK\r\nContent-Length: {long}\r\n\r\n")).await;
        stream.send(&body).await;
        stream.head().await;
        stream.send(format!("{HINTS}HTTP/1.1 204 No Content\r\n\r\n")).await;
    };
    let hear = async {
        client.head().await;
        assert!(client.bytes(long).await == body);
        client.hears(HINTS).await;
        assert!(client.head().await.in_lower_case().starts_with("HTTP/1.1 204 "));
    };
    tokio::join!(answer, hear);
}

#[tokio::test]
async fn what_is_for_one_connection_is_not_in_them() {
    let endpoint = Endpoint::listen().await;
    let proxy = Proxy::serving(&in_front_of(&[endpoint.address()]));
    let mut client = proxy.connect().await;
    let mut stream = endpoint.accept_after(&mut client, GET).await;
    stream.send("HTTP/1.1 103 Early Hints\r\nConnection: x-hop\r\nX-Hop: 1\r\nLink: </a>\r\nKeep-Alive: 1\r\n").await;
    stream.send("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n").await;
    client.hears("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n").await;
}

#[tokio::test]
async fn an_old_client_gets_none() {
    let endpoint = Endpoint::listen().await;
    let proxy = Proxy::serving(&in_front_of(&[endpoint.address()]));
    let mut client = proxy.connect().await;
    let mut stream = endpoint.accept_after(&mut client, "GET / HTTP/1.0\r\nHost: a\r\n\r\n").await;
    stream.send(format!("{HINTS}HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")).await;
    assert!(client.head().await.in_lower_case().starts_with("HTTP/1.0 200 OK\r\n"));
    assert_eq!(client.drain().await, "ok");
}

#[tokio::test]
async fn our_own_answer_stands_behind_them_too() {
    let endpoint = Endpoint::listen().await;
    let proxy = Proxy::serving(&in_front_of(&[endpoint.address()]));
    let mut client = proxy.connect().await;
    let mut stream =
        endpoint.accept_after(&mut client, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n").await;
    stream.send(HINTS).await;
    drop(stream);
    client.hears(HINTS).await;
    assert!(client.head().await.in_lower_case().starts_with("HTTP/1.1 502 "));
}

#[tokio::test]
async fn an_upgrade_has_them_before_its_101() {
    let endpoint = Endpoint::listen().await;
    let proxy = Proxy::serving(&in_front_of(&[endpoint.address()]));
    let mut client = proxy.connect().await;
    let mut stream = endpoint.accept_after(&mut client, UPGRADE).await;
    stream.send("HTTP/1.1 100 Continue\r\n\r\n").await;
    stream.send(HINTS).await;
    client.hears(HINTS).await;
    let switch = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
        Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
    stream.send(format!("{HINTS}{switch}\u{1}")).await;
    client.hears(HINTS).await;
    assert!(client.head().await.in_lower_case().starts_with("HTTP/1.1 101 "));
}

#[tokio::test]
async fn a_flood_of_them_is_not_collected() {
    let endpoint = Endpoint::listen().await;
    let proxy = Proxy::serving(&in_front_of(&[endpoint.address()]));
    let mut client = proxy.connect().await;
    let mut stream = endpoint.accept_after(&mut client, GET).await;
    // One write, and so perhaps one read: what is more than may wait is dropped, and the answer is whole.
    let hints = 2_000;
    stream.send(format!("{}HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", HINTS.repeat(hints))).await;
    let mut heard = 0;
    loop {
        let head = client.head().await.text;
        if head.starts_with("HTTP/1.1 200 OK\r\n") {
            break;
        }
        assert_eq!(head, HINTS);
        heard += 1;
    }
    client.hears("ok").await;
    assert!((1..=hints).contains(&heard), "{heard}");
}
