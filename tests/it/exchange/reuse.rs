//! Connections with endpoints rest between exchanges, and are used again only when that is safe.

use futures_util::FutureExt;

use super::by_hand::ByHand;
use super::in_front_of;
use crate::rig::{Endpoint, Proxy, ServingEndpoint, Wire};

const GET: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// One exchange that goes well.
async fn exchange(client: &mut Wire, endpoint: &mut Wire) {
    client.send(GET).await;
    endpoint.head().await;
    endpoint.send(OK).await;
    client.head().await;
    client.hears("ok").await;
}

#[tokio::test]
async fn exchanges_share_a_connection() {
    let endpoint = ServingEndpoint::named("a").await;
    let proxy = Proxy::serving(&in_front_of(&[endpoint.address()]));
    for _ in 0..3 {
        let mut client = proxy.connect().await;
        for _ in 0..10 {
            client.send(GET).await;
            client.head().await;
            client.hears("a").await;
        }
    }
    assert_eq!(endpoint.connections(), 1);
}

#[tokio::test]
async fn exchanges_at_the_same_time_have_a_connection_each() {
    let endpoint = Endpoint::listen().await;
    let proxy = Proxy::serving(&in_front_of(&[endpoint.address()]));
    let (mut one, mut other) = (proxy.connect().await, proxy.connect().await);
    one.send(GET).await;
    let mut first = endpoint.accept().await;
    first.head().await;
    other.send(GET).await;
    let mut second = endpoint.accept().await;
    second.head().await;
    second.send(OK).await;
    other.head().await;
}

#[tokio::test]
async fn a_connection_that_closed_meanwhile_is_not_noticed() {
    let endpoint = Endpoint::listen().await;
    let proxy = Proxy::serving(&in_front_of(&[endpoint.address()]));
    let mut client = proxy.connect().await;
    drop(rested(&endpoint, &mut client).await);
    // A body too: nothing of it was sent when the request comes back.
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello").await;
    let mut stream = endpoint.accept().await;
    stream.head().await;
    stream.hears("hello").await;
    stream.send(OK).await;
    assert!(client.head().await.in_lower_case().starts_with("HTTP/1.1 200 OK\r\n"));
}

#[tokio::test]
async fn a_request_that_was_read_is_not_sent_again() {
    let post = "POST / HTTP/1.1\r\nHost: a\r\n\r\n";
    let patch = "PATCH / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello";
    let put = "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello";
    // The first two may not be repeated, whatever came of them. Some of the third's body is gone.
    for (request, word) in [(post, ""), (patch, ""), (post, "HTTP/1.1 2"), (put, "")] {
        let (one, two) = (Endpoint::listen().await, Endpoint::listen().await);
        let proxy = Proxy::serving(&in_front_of(&[one.address(), two.address()]));
        let mut client = proxy.connect().await;
        client.send(GET).await;
        let (mut stream, same, other) = tokio::select! {
            stream = one.accept() => (stream, one, two),
            stream = two.accept() => (stream, two, one),
        };
        stream.head().await;
        stream.send(OK).await;
        client.head().await;
        client.hears("ok").await;
        // The second on the same connection, which ends under it.
        client.send(request).await;
        stream.head().await;
        stream.hears(request.split_once("\r\n\r\n").unwrap().1).await;
        stream.send(word).await;
        drop(stream);
        assert!(client.head().await.in_lower_case().starts_with("HTTP/1.1 502 "), "{request}");
        assert!(same.accept().now_or_never().is_none() && other.accept().now_or_never().is_none(), "{request}");
    }
}

#[tokio::test]
async fn a_request_that_may_be_repeated_crosses_the_end_of_a_kept_connection_unharmed() {
    let endpoint = Endpoint::listen().await;
    let proxy = Proxy::serving(&in_front_of(&[endpoint.address()]));
    let mut client = proxy.connect().await;
    for method in ["GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE", "PROPFIND", "MKCOL"] {
        let mut stream = rested(&endpoint, &mut client).await;
        client.send(format!("{method} /again?a=b HTTP/1.1\r\nHost: a\r\nX-One: 1\r\n\r\n")).await;
        let asked = stream.head().await.in_lower_case();
        drop(stream);
        let mut stream = endpoint.accept().await;
        assert_eq!(stream.head().await.in_lower_case(), asked);
        stream.send("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n").await;
        assert!(client.head().await.in_lower_case().starts_with("HTTP/1.1 200 OK\r\n"), "{method}");
    }
}

#[tokio::test]
async fn a_body_of_which_nothing_was_sent_goes_another_way() {
    let endpoint = Endpoint::listen().await;
    let proxy = Proxy::serving(&in_front_of(&[endpoint.address()]));
    for expectation in ["", "Expect: 100-continue\r\n"] {
        let mut client = proxy.connect().await;
        let mut stream = rested(&endpoint, &mut client).await;
        client.send(format!("PUT / HTTP/1.1\r\nHost: a\r\n{expectation}Content-Length: 5\r\n\r\n")).await;
        stream.head().await;
        drop(stream);
        let mut stream = endpoint.accept().await;
        stream.head().await;
        if !expectation.is_empty() {
            stream.send("HTTP/1.1 100 Continue\r\n\r\n").await;
            client.hears("HTTP/1.1 100 Continue\r\n\r\n").await;
        }
        client.send("hello").await;
        stream.hears("hello").await;
        stream.send(OK).await;
        assert!(client.head().await.in_lower_case().starts_with("HTTP/1.1 200 OK\r\n"), "{expectation:?}");
        client.hears("ok").await;
        // All of it was sent in the end: its connection may serve another.
        exchange(&mut client, &mut stream).await;
        drop(stream);
    }
}

/// The second connection over which one request is asked, since a kept one ended without an answer.
async fn asked_again(endpoint: &Endpoint, client: &mut Wire) -> Wire {
    let mut stream = rested(endpoint, client).await;
    client.send(GET).await;
    stream.head().await;
    drop(stream);
    let mut stream = endpoint.accept().await;
    stream.head().await;
    stream
}

#[tokio::test]
async fn a_request_is_asked_once_more_and_no_oftener() {
    let endpoint = Endpoint::listen().await;
    let proxy = Proxy::serving(&in_front_of(&[endpoint.address()]));
    let mut client = proxy.connect().await;
    drop(asked_again(&endpoint, &mut client).await);
    assert!(client.head().await.in_lower_case().starts_with("HTTP/1.1 502 "));
    assert!(endpoint.accept().now_or_never().is_none());
}

#[tokio::test]
async fn asking_once_more_does_not_put_the_deadline_off() {
    let endpoint = Endpoint::listen().await;
    let proxy = Proxy::serving(&in_front_of(&[endpoint.address()]).with("upstream.chat.response_timeout", "\"100ms\""));
    let mut client = proxy.connect().await;
    let _second = asked_again(&endpoint, &mut client).await;
    assert!(client.head().await.in_lower_case().starts_with("HTTP/1.1 504 "));
}

#[tokio::test]
async fn a_connection_whose_request_was_answered_before_it_was_sent_serves_nobody_else() {
    let endpoint = Endpoint::listen().await;
    let proxy = Proxy::serving(&in_front_of(&[endpoint.address()]));
    for (length, body) in [
        ("Content-Length: 35", "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n"),
        ("Transfer-Encoding: chunked", "3\r\nabc\r\n0\r\n\r\n"),
    ] {
        for unasked in ["", "HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nsmuggled"] {
            let (mut one, mut other) = (proxy.connect().await, proxy.connect().await);
            let early = format!("POST /early HTTP/1.1\r\nHost: a\r\n{length}\r\n\r\n");
            let mut stream = endpoint.accept_after(&mut one, &early).await;
            stream.send(OK).await;
            one.head().await;
            one.hears("ok").await;
            // It takes the rest, and nothing behind that, whatever it says meanwhile.
            stream.send(unasked).await;
            one.send(body).await;
            stream.hears(body).await;
            stream.is_gone().await;
            let mut stream = endpoint.accept_after(&mut other, GET).await;
            stream.send("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 4\r\n\r\nhers").await;
            other.head().await;
            other.hears("hers").await;
        }
    }
}

#[tokio::test]
async fn an_answer_that_crosses_the_last_of_its_request_is_early_too() {
    let endpoint = Endpoint::listen().await;
    let proxy = Proxy::serving(&in_front_of(&[endpoint.address()]));
    // Both wait for the worker together: whoever looks after the fact finds all of the request sent.
    for _ in 0..50 {
        let mut client = proxy.connect().await;
        let post = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n";
        let mut stream = endpoint.accept_after(&mut client, post).await;
        stream.send(OK).await;
        client.send("hello").await;
        client.head().await;
        client.hears("ok").await;
        stream.hears("hello").await;
        stream.is_gone().await;
    }
}

#[tokio::test]
async fn a_connection_whose_answer_may_end_elsewhere_serves_nobody_else() {
    let endpoint = Endpoint::listen().await;
    let proxy = Proxy::serving(&in_front_of(&[endpoint.address()]));
    for (method, answer) in [
        ("GET", "200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
        ("GET", "200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nok"),
        ("GET", "200 OK\r\nContent-Length: 2\r\n\r\nok, and more"),
        ("GET", "200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
        ("HEAD", "200 OK\r\nContent-Length: 2\r\n\r\nok"),
        ("GET", "204 No Content\r\nContent-Length: 2\r\n\r\nok"),
        ("GET", "204 No Content\r\nContent-Length: 2\r\n\r\n"),
        ("GET", "304 Not Modified\r\nContent-Length: 2\r\n\r\nok"),
    ] {
        let mut client = proxy.connect().await;
        let request = format!("{method} / HTTP/1.1\r\nHost: a\r\n\r\n");
        let mut stream = endpoint.accept_after(&mut client, &request).await;
        stream.send(format!("HTTP/1.1 {answer}")).await;
        client.head().await;
        stream.is_gone().await;
    }
}

#[tokio::test]
async fn a_connection_rests_for_keep_alive() {
    let endpoint = Endpoint::listen().await;
    let proxy = Proxy::serving(&in_front_of(&[endpoint.address()]).with("upstream.chat.keep_alive", "\"50ms\""));
    let mut client = proxy.connect().await;
    let mut stream = endpoint.accept_after(&mut client, GET).await;
    stream.send(OK).await;
    stream.is_gone().await;
}

#[tokio::test]
async fn no_more_connections_rest_than_there_is_room_for() {
    let endpoint = Endpoint::listen().await;
    let proxy = ByHand::with_resting(&in_front_of(&[endpoint.address()]), 1);
    let (mut one, mut other) = (proxy.connect().await, proxy.connect().await);
    let mut kept = endpoint.accept_after(&mut one, GET).await;
    let mut closed = endpoint.accept_after(&mut other, GET).await;
    kept.send(OK).await;
    one.head().await;
    one.hears("ok").await;
    closed.send(OK).await;
    other.head().await;
    other.hears("ok").await;
    closed.is_gone().await;
    // The place of one that is taken again is free again.
    exchange(&mut other, &mut kept).await;
    exchange(&mut one, &mut kept).await;
}

#[tokio::test]
async fn no_more_than_128_connections_rest() {
    let endpoint = Endpoint::listen().await;
    let proxy = Proxy::serving(&in_front_of(&[endpoint.address()]).with("upstream.chat.keep_alive", "\"1h\""));
    let mut busy = Vec::new();
    for _ in 0..129 {
        let mut client = proxy.connect().await;
        let stream = endpoint.accept_after(&mut client, GET).await;
        busy.push((client, stream));
    }
    for (client, stream) in &mut busy {
        stream.send(OK).await;
        client.head().await;
        client.hears("ok").await;
    }
    // The one that has rested longest makes place for the last, which is the first to be used again.
    let (mut client, mut longest) = busy.swap_remove(0);
    longest.is_gone().await;
    let (_, last) = &mut busy[0];
    exchange(&mut client, last).await;
}

#[tokio::test]
async fn no_connection_rests_where_that_is_off() {
    let endpoint = Endpoint::listen().await;
    let proxy = Proxy::serving(&in_front_of(&[endpoint.address()]).with("upstream.chat.keep_alive", "\"off\""));
    let mut client = proxy.connect().await;
    client.send(GET).await;
    let mut stream = endpoint.accept().await;
    assert!(stream.head().await.in_lower_case().contains("connection: close\r\n"));
    stream.send(OK).await;
    stream.is_gone().await;
    // Which is not the client's business.
    assert!(!client.head().await.in_lower_case().contains("close"));
}

#[tokio::test]
async fn an_endpoint_that_wants_to_close_is_let_go() {
    let endpoint = Endpoint::listen().await;
    let proxy = Proxy::serving(&in_front_of(&[endpoint.address()]));
    for head in ["HTTP/1.1 200 OK\r\nConnection: close", "HTTP/1.0 200 OK\r\nConnection: keep-alive"] {
        let mut client = proxy.connect().await;
        let mut stream = endpoint.accept_after(&mut client, GET).await;
        stream.send(format!("{head}\r\nContent-Length: 0\r\n\r\n")).await;
        let head = client.head().await.in_lower_case();
        assert!(head.starts_with("HTTP/1.1 200 OK\r\n") && !head.contains("connection:"), "{head}");
        stream.is_gone().await;
    }
}

#[tokio::test]
async fn a_reload_closes_what_rests_for_an_endpoint_that_is_gone() {
    let (gone, kept) = (Endpoint::listen().await, Endpoint::listen().await);
    let config = in_front_of(&[gone.address()]);
    let mut proxy = Proxy::serving(&config);
    let mut client = proxy.connect().await;
    let mut stream = rested(&gone, &mut client).await;
    proxy.reload(&config.with("listener.public.head_timeout", "\"50s\"")).unwrap();
    exchange(&mut client, &mut stream).await;
    proxy.reload(&in_front_of(&[kept.address()])).unwrap();
    stream.is_gone().await;
    let mut stream = rested(&kept, &mut client).await;
    exchange(&mut client, &mut stream).await;
}

#[tokio::test]
async fn an_answer_that_outlives_its_endpoint_gives_its_connection_up() {
    let (gone, kept) = (Endpoint::listen().await, Endpoint::listen().await);
    let mut proxy = Proxy::serving(&in_front_of(&[gone.address()]));
    let mut client = proxy.connect().await;
    let mut stream = gone.accept_after(&mut client, GET).await;
    proxy.reload(&in_front_of(&[kept.address()])).unwrap();
    stream.send(OK).await;
    client.head().await;
    client.hears("ok").await;
    stream.is_gone().await;
}

/// A connection that rests after one exchange.
async fn rested(endpoint: &Endpoint, client: &mut Wire) -> Wire {
    let mut stream = endpoint.accept_after(client, GET).await;
    stream.send(OK).await;
    client.head().await;
    client.hears("ok").await;
    stream
}
