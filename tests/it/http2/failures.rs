//! What goes wrong with an endpoint, and who is asked then.

use std::time::Duration;

use h2::Reason;
use h2::server::Builder;

use super::by_frames::Frames;
use super::endpoint::Http2Endpoint;
use super::in_front_of;
use crate::rig::{Endpoint, Proxy, log};

const GET: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const POST: &str = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello";

#[tokio::test]
async fn a_request_that_was_left_unread_is_asked_again_whatever_it_is() {
    let endpoint = Endpoint::listen().await;
    let proxy = Proxy::serving(&in_front_of([endpoint.address()]));
    let mut client = proxy.connect().await;
    client.send(POST).await;
    let mut frames = Frames::accept(&endpoint).await;
    let stream = frames.asked().await;
    frames.refuse(stream).await;
    let stream = frames.asked().await;
    frames.say_nothing_more(stream).await;
    assert_eq!(client.head().await.status(), 204);
    // Beyond the last stream that a GOAWAY names, over another connection.
    client.send(POST).await;
    let stream = frames.asked().await;
    frames.go_away(stream - 2).await;
    let mut frames = Frames::accept(&endpoint).await;
    let stream = frames.asked().await;
    frames.say_nothing_more(stream).await;
    assert_eq!(client.head().await.status(), 204);
}

#[tokio::test]
async fn one_that_leaves_requests_unread_is_left_for_the_next_best() {
    let (one, two) = (Endpoint::listen().await, Endpoint::listen().await);
    let proxy = Proxy::serving(&in_front_of([one.address(), two.address()]));
    let mut client = proxy.connect().await;
    client.send(POST).await;
    let (mut refusing, other) = tokio::select! {
        frames = Frames::accept(&one) => (frames, two),
        frames = Frames::accept(&two) => (frames, one),
    };
    for _ in 0..2 {
        let stream = refusing.asked().await;
        refusing.refuse(stream).await;
    }
    let mut frames = Frames::accept(&other).await;
    let stream = frames.asked().await;
    frames.say_nothing_more(stream).await;
    assert_eq!(client.head().await.status(), 204);
}

#[tokio::test]
async fn a_reset_is_the_failure_of_one_request_and_its_siblings_live() {
    let mut lines = log::lines();
    let endpoint = Http2Endpoint::listen().await;
    let proxy = Proxy::serving(&in_front_of([endpoint.address()]));
    let (mut client, mut sibling) = (proxy.connect().await, proxy.connect().await);
    sibling.send(GET).await;
    let mut connection = endpoint.accept().await;
    let mut asked = connection.asked().await;
    client.send("POST /reset-over-http2 HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello").await;
    connection.asked().await.answer.send_reset(Reason::INTERNAL_ERROR);
    assert_eq!(client.answer().await.0.status(), 502);
    let line = lines.about("/reset-over-http2").await;
    assert_eq!(line["refusal"], "answer_lost", "{line}");
    assert!(line.to_string().contains("it reset the stream: unexpected internal error encountered"), "{line}");
    asked.say("ok");
    assert_eq!(sibling.answer().await.1, "ok");
}

#[tokio::test]
async fn what_may_be_repeated_is_asked_elsewhere_and_nothing_else_is() {
    for (request, is_repeated) in [(GET, true), (POST, false)] {
        for is_cut in [false, true] {
            let (one, two) = (Http2Endpoint::listen().await, Http2Endpoint::listen().await);
            let proxy = Proxy::serving(&in_front_of([one.address(), two.address()]));
            let mut client = proxy.connect().await;
            client.send(request).await;
            let (mut connection, other) = tokio::select! {
                connection = one.accept() => (connection, two),
                connection = two.accept() => (connection, one),
            };
            let mut asked = connection.asked().await;
            match is_cut {
                true => connection.cut(),
                false => asked.answer.send_reset(Reason::INTERNAL_ERROR),
            }
            if is_repeated {
                other.accept().await.asked().await.say("ok");
                assert_eq!(client.answer().await.1, "ok", "cut: {is_cut}");
            } else {
                assert_eq!(client.answer().await.0.status(), 502, "cut: {is_cut}");
            }
        }
    }
}

#[tokio::test]
async fn a_kept_connection_that_ends_under_a_request_is_not_noticed() {
    let endpoint = Http2Endpoint::listen().await;
    let proxy = Proxy::serving(&in_front_of([endpoint.address()]));
    let mut client = proxy.connect().await;
    client.send(GET).await;
    let mut connection = endpoint.accept().await;
    connection.asked().await.say("ok");
    client.answer().await;
    client.send(GET).await;
    let _asked = connection.asked().await;
    connection.cut();
    endpoint.accept().await.asked().await.say("again");
    assert_eq!(client.answer().await.1, "again");
}

#[tokio::test]
async fn an_endpoint_that_does_not_speak_http2_is_said_to_be_one() {
    let mut lines = log::lines();
    let endpoint = Endpoint::listen().await;
    let proxy = Proxy::serving(&in_front_of([endpoint.address()]).with("upstream.chat.connect_timeout", "\"1s\""));
    for (path, answer, status, words) in [
        ("/no-http2-answer", "HTTP/1.1 400 Bad Request\r\n\r\n", 502, "it does not speak HTTP/2"),
        ("/no-http2-closed", "", 502, "it closed a new connection without a word of HTTP/2"),
        ("/no-http2-silent", "", 504, "no HTTP/2 from it within connect_timeout"),
    ] {
        let mut client = proxy.connect().await;
        client.send(format!("POST {path} HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n")).await;
        let mut connection = endpoint.accept().await;
        connection.hears("PRI * HTTP/2.0").await;
        connection.send(answer).await;
        // Ended by it, or by the proxy.
        let kept = (!answer.is_empty() || status == 504).then_some(connection);
        assert_eq!(client.answer().await.0.status(), status, "{path}");
        let line = lines.about(path).await;
        assert!(line.to_string().contains(words), "{line}");
        drop(kept);
    }
}

#[tokio::test]
async fn an_answer_that_is_late_is_given_up_and_its_stream_is_reset() {
    let endpoint = Http2Endpoint::listen().await;
    let proxy = Proxy::serving(&in_front_of([endpoint.address()]).with("upstream.chat.response_timeout", "\"1s\""));
    let mut client = proxy.connect().await;
    client.send(POST).await;
    let mut connection = endpoint.accept().await;
    let mut asked = connection.asked().await;
    assert_eq!(client.answer().await.0.status(), 504);
    assert_eq!(asked.is_reset().await, Reason::CANCEL);
}

#[tokio::test]
async fn an_upload_whose_window_stays_shut_is_stuck() {
    let endpoint = Http2Endpoint::listen().await;
    let config = in_front_of([endpoint.address()]).with("upstream.chat.body_timeout", "\"1s\"");
    let proxy = Proxy::serving(&config);
    let mut client = proxy.connect().await;
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n").await;
    client.send(vec![b'x'; 100_000]).await;
    let mut connection = endpoint.accept_as(Builder::new().initial_window_size(1000)).await;
    let mut asked = connection.asked().await;
    assert_eq!(client.answer().await.0.status(), 504);
    assert_eq!(asked.is_reset().await, Reason::CANCEL);
    // Nothing of the others is held up.
    let mut sibling = proxy.connect().await;
    sibling.send(GET).await;
    connection.asked().await.say("ok");
    assert_eq!(sibling.answer().await.1, "ok");
}

#[tokio::test]
async fn a_head_without_bounds_is_none() {
    let endpoint = Http2Endpoint::listen().await;
    let proxy = Proxy::serving(&in_front_of([endpoint.address()]));
    let mut client = proxy.connect().await;
    client.send(POST).await;
    let mut connection = endpoint.accept().await;
    let mut asked = connection.asked().await;
    let mut answer = http::Response::new(());
    for number in 0..100 {
        answer
            .headers_mut()
            .append(format!("x-{number}").parse::<http::HeaderName>().unwrap(), "x".repeat(1000).parse().unwrap());
    }
    let _ = asked.answer.send_response(answer, true);
    assert_eq!(client.answer().await.0.status(), 502);
}

#[tokio::test]
async fn a_stream_that_breaks_in_the_middle_of_an_answer_does_not_look_whole() {
    let endpoint = Http2Endpoint::listen().await;
    let proxy = Proxy::serving(&in_front_of([endpoint.address()]));
    let mut client = proxy.connect().await;
    client.send(GET).await;
    let mut connection = endpoint.accept().await;
    let mut asked = connection.asked().await;
    let mut body = asked.begin(http::Response::new(()));
    body.send_data("half".into(), false).unwrap();
    client.head().await;
    client.hears("4\r\nhalf\r\n").await;
    body.send_reset(Reason::INTERNAL_ERROR);
    let rest = tokio::time::timeout(Duration::from_secs(10), client.drain()).await.unwrap();
    assert!(!rest.contains("0\r\n"), "{rest:?}");
}
