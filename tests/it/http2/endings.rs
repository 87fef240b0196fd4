//! Clients that leave, and what is heard of that.

use h2::Reason;
use http::Response;

use super::endpoint::Http2Endpoint;
use super::in_front_of;
use crate::rig::Proxy;

const GET: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

#[tokio::test]
async fn a_client_that_leaves_ends_its_stream_and_no_other() {
    let endpoint = Http2Endpoint::listen().await;
    let proxy = Proxy::serving(&in_front_of([endpoint.address()]));
    let mut sibling = proxy.connect().await;
    sibling.send(GET).await;
    let mut connection = endpoint.accept().await;
    let mut served = connection.asked().await;
    // Before the answer.
    let mut client = proxy.connect().await;
    client.send(GET).await;
    let mut asked = connection.asked().await;
    client.vanish();
    assert_eq!(asked.is_reset().await, Reason::CANCEL);
    // In the middle of it, with its request whole or not.
    for request in [GET, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhalf"] {
        let mut client = proxy.connect().await;
        client.send(request).await;
        let mut asked = connection.asked().await;
        let mut body = asked.begin(Response::new(()));
        body.send_data("half".into(), false).unwrap();
        client.head().await;
        client.hears("4\r\nhalf\r\n").await;
        client.vanish();
        assert_eq!(std::future::poll_fn(|cx| body.poll_reset(cx)).await.unwrap(), Reason::CANCEL);
    }
    served.say("ok");
    assert_eq!(sibling.answer().await.1, "ok");
}

#[tokio::test]
async fn a_body_that_breaks_off_is_not_taken_for_whole() {
    let endpoint = Http2Endpoint::listen().await;
    let proxy = Proxy::serving(&in_front_of([endpoint.address()]));
    let mut client = proxy.connect().await;
    client.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\nnonsense").await;
    let mut asked = endpoint.accept().await.asked().await;
    assert_eq!(asked.is_reset().await, Reason::CANCEL);
    assert_eq!(client.answer().await.0.status(), 400);
}

#[tokio::test]
async fn an_endpoint_that_answers_early_gets_the_rest() {
    let endpoint = Http2Endpoint::listen().await;
    let proxy = Proxy::serving(&in_front_of([endpoint.address()]));
    let mut client = proxy.connect().await;
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 8\r\n\r\nhalf").await;
    let mut asked = endpoint.accept().await.asked().await;
    assert_eq!(asked.piece().await, "half");
    let answer = Response::builder().header("content-length", "2").body(()).unwrap();
    asked.begin(answer).send_data("ok".into(), true).unwrap();
    assert_eq!(client.answer().await.1, "ok");
    client.send("rest").await;
    assert_eq!(asked.body().await, "rest");
}
