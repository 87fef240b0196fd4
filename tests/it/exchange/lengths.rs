//! A Content-Length that is told more than once: in an answer the same number is one, anything else ends in a refusal.

use super::in_front_of;
use crate::rig::{Endpoint, Proxy};

const REPEATED: [&str; 3] =
    ["Content-Length: 2, 2\r\n", "Content-Length: 2\r\nContent-Length: 2\r\n", "Content-Length: 2 ,2\r\n"];
const DIFFERING: [&str; 4] = [
    "Content-Length: 2, 3\r\n",
    "Content-Length: 2\r\nContent-Length: 3\r\n",
    "Content-Length: 2,\r\n",
    "Content-Length: +2\r\n",
];

#[tokio::test]
async fn an_answer_that_repeats_its_length_tells_it_once() {
    let endpoint = Endpoint::listen().await;
    let proxy = Proxy::serving(&in_front_of(&[endpoint.address()]).with("upstream.chat.keep_alive", "\"off\""));
    for lines in REPEATED {
        for (method, body) in [("GET", "ok"), ("HEAD", "")] {
            let mut client = proxy.connect().await;
            let mut stream =
                endpoint.accept_after(&mut client, &format!("{method} / HTTP/1.1\r\nHost: a\r\n\r\n")).await;
            stream.send(format!("HTTP/1.1 200 OK\r\n{lines}\r\n{body}")).await;
            let head = client.head().await.in_lower_case().to_ascii_lowercase();
            let told: Vec<_> = head.lines().filter(|line| line.starts_with("content-length")).collect();
            assert_eq!(told, ["content-length: 2"], "{lines} to {method}");
            client.hears(body).await;
        }
    }
}

#[tokio::test]
async fn an_answer_with_two_lengths_is_a_502_to_any_method() {
    let endpoint = Endpoint::listen().await;
    let proxy = Proxy::serving(&in_front_of(&[endpoint.address()]));
    for lines in DIFFERING {
        for method in ["GET", "HEAD"] {
            let mut client = proxy.connect().await;
            let mut stream =
                endpoint.accept_after(&mut client, &format!("{method} / HTTP/1.1\r\nHost: a\r\n\r\n")).await;
            stream.send(format!("HTTP/1.1 200 OK\r\n{lines}\r\nok")).await;
            assert!(client.head().await.in_lower_case().starts_with("HTTP/1.1 502 "), "{lines} to {method}");
        }
    }
}

#[tokio::test]
async fn a_request_that_tells_its_length_twice_is_refused() {
    let endpoint = Endpoint::listen().await;
    let proxy = Proxy::serving(&in_front_of(&[endpoint.address()]));
    for lines in DIFFERING.into_iter().chain(REPEATED) {
        let mut client = proxy.connect().await;
        client.send(format!("POST / HTTP/1.1\r\nHost: a\r\n{lines}\r\nok")).await;
        assert!(client.head().await.in_lower_case().starts_with("HTTP/1.1 400 "), "{lines}");
    }
}
