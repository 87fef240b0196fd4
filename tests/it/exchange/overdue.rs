//! `request_timeout`: what it bounds, and who is to blame for an exchange that is over by it.

use tokio::io::AsyncWriteExt;

use super::by_hand::ByHand;
use super::in_front_of;
use crate::http2_front::client::Http2Client;
use crate::rig::{Config, Endpoint, Proxy, Wire, log, within};

const GET: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

/// A route whose exchanges may take a moment, and whose endpoint is left alone once it has failed.
fn in_a_hurry(endpoint: &Endpoint) -> Config {
    let (address, nobody) = (endpoint.address(), Endpoint::nobody());
    let standing_in = format!("{{ name = \"b\", address = \"{nobody}\", backup = true }}");
    in_front_of(&[endpoint.address()])
        .with("upstream.chat.endpoints", &format!("[{{ name = \"a\", address = \"{address}\" }}, {standing_in}]"))
        .with("route.chat.request_timeout", "\"200ms\"")
        .with("upstream.chat.eject", "{ after = 2, first = \"1min\" }")
        .with("listener.public.h2c", "true")
}

fn is_ejected(proxy: &Proxy) -> bool {
    let snapshot = proxy.running.proxy().snapshot();
    snapshot.upstreams().values().all(|upstream| upstream.endpoints()[0].state().is_ejected())
}

#[tokio::test]
async fn an_endpoint_that_hangs_is_found_out_though_response_timeout_is_longer() {
    let mut lines = log::lines();
    let endpoint = Endpoint::listen().await;
    let proxy = Proxy::serving(&in_a_hurry(&endpoint));
    let mut client = proxy.connect().await;
    for _ in 0..2 {
        assert!(!is_ejected(&proxy));
        let mut stream = endpoint.accept_after(&mut client, "GET /hangs HTTP/1.1\r\nHost: a\r\n\r\n").await;
        let (head, body) = client.answer().await;
        assert_eq!((head.status(), &*body), (504, "504 the request took longer than it may\n"));
        stream.is_gone().await;
    }
    assert!(is_ejected(&proxy));
    assert_eq!(proxy.refusals("overdue"), 2);
    let line = lines.about("/hangs").await;
    assert_eq!(line["detail"], "endpoint a: no answer within request_timeout", "{line}");
}

#[tokio::test]
async fn a_client_that_takes_its_time_is_no_failure_of_its_endpoint() {
    let endpoint = Endpoint::listen().await;
    let proxy = Proxy::serving(&in_a_hurry(&endpoint));
    for _ in 0..3 {
        let mut client = proxy.connect().await;
        client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n012").await;
        let mut stream = endpoint.accept().await;
        stream.head().await;
        let (head, _) = client.answer().await;
        assert_eq!(head.status(), 504, "{head:?}");
        client.is_gone().await;
        stream.rest().await;
    }
    assert!(!is_ejected(&proxy));
}

#[tokio::test]
async fn the_time_in_which_somebody_else_is_asked_counts() {
    let (endpoint, asked) = (Endpoint::listen().await, Endpoint::listen().await);
    let url = format!("\"http://{}/\"", asked.address());
    let proxy = Proxy::serving(&in_a_hurry(&endpoint).with("route.chat.authorize.url", &url));
    let mut client = proxy.connect().await;
    for _ in 0..3 {
        client.send(GET).await;
        let (_silent, _) = asked.asked().await;
        let (head, _) = endpoint.is_untouched_until(client.answer()).await;
        assert_eq!(head.status(), 504, "{head:?}");
    }
    assert_eq!(proxy.refusals("overdue"), 3);
    assert!(!is_ejected(&proxy));
}

/// Sends as much of an answer as goes, until the connection ends.
async fn sends_without_end(stream: &mut Wire) {
    let piece = vec![b'x'; 64 * 1024];
    within("the end of the endpoint's connection", async { while stream.stream.write_all(&piece).await.is_ok() {} })
        .await;
}

#[tokio::test]
async fn an_endpoint_does_not_wait_for_a_client_that_reads_nothing() {
    let mut lines = log::lines();
    let endpoint = Endpoint::listen().await;
    let proxy = ByHand::with_send_buffer(&in_a_hurry(&endpoint), 1);
    let mut client = Wire::connect_with_receive_buffer(proxy.address(), 1).await;
    let mut stream = endpoint.accept_after(&mut client, "GET /unread HTTP/1.1\r\nHost: a\r\n\r\n").await;
    stream.send("HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n").await;
    sends_without_end(&mut stream).await;
    client.head().await;
    let part = within("the end of what there was", client.drain()).await;
    assert!(!part.is_empty() && part.len() < 1_000_000, "{}", part.len());
    let line = lines.about("/unread").await;
    assert_eq!((&line["outcome"], &line["status"]), (&"overdue".into(), &200.into()), "{line}");
}

#[tokio::test]
async fn nor_for_one_that_opens_no_window() {
    let endpoint = Endpoint::listen().await;
    let proxy = Proxy::serving(&in_a_hurry(&endpoint));
    let client = Http2Client::connect(&proxy).await;
    let request = http::Request::get("http://chat.test/").body(()).unwrap();
    let (answer, _) = client.begin(request, true).await;
    let (mut stream, _) = endpoint.asked().await;
    stream.send("HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n").await;
    let mut body = within("an answer", answer).await.unwrap().into_body();
    sends_without_end(&mut stream).await;
    let mut length = 0;
    let end = loop {
        match within("more of the answer", body.data()).await {
            Some(Ok(data)) => {
                length += data.len();
                let _ = body.flow_control().release_capacity(data.len());
            }
            Some(Err(error)) => break error,
            None => panic!("an end that it does not have"),
        }
    };
    assert!(end.is_reset() && length < 10_000_000, "{end} {length}");
    assert_eq!(client.get("/").await.0.status, 504, "its siblings go on");
}
