//! How large a head may be.

use super::{in_front_of, is_refused};
use crate::rig::{Config, Endpoint, Proxy};

/// A request with a method, a target, a header line and so many more lines, of these sizes.
fn request([method, target, line, more]: [usize; 4]) -> String {
    let more = "X: 1\r\n".repeat(more);
    let (method, target) = ("M".repeat(method), "x".repeat(target - 1));
    format!("{method} /{target} HTTP/1.1\r\nHost: a\r\nY: {}\r\n{more}\r\n", "y".repeat(line - 3))
}

async fn passes(config: &Config, endpoint: &Endpoint, request: String) {
    let proxy = Proxy::serving(config);
    let mut client = proxy.connect().await;
    client.send(request).await;
    endpoint.asked().await.0.send("HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n").await;
    assert_eq!(client.head().await.status(), 204);
}

#[tokio::test]
async fn each_limit_has_its_status_and_its_label() {
    let endpoint = Endpoint::listen().await;
    let config = in_front_of(endpoint.address())
        .with("listener.public.max_target", "\"300B\"")
        .with("listener.public.max_header_line", "\"2kB\"")
        .with("listener.public.max_header_lines", "20")
        .with("listener.public.max_head", "\"4KiB\"");
    passes(&config, &endpoint, request([32, 300, 2000, 18])).await;
    let proxy = Proxy::serving(&config);
    for (sizes, refusal) in [
        ([33, 300, 10, 0], (400, "method_too_long")),
        ([3, 301, 10, 0], (414, "target_too_long")),
        ([3, 300, 2001, 0], (431, "header_line_too_long")),
        ([3, 300, 10, 19], (431, "too_many_header_lines")),
    ] {
        is_refused(&proxy, &endpoint, request(sizes), refusal).await;
    }
    let lines = format!("X: {}\r\n", "x".repeat(1000)).repeat(5);
    let large = format!("GET / HTTP/1.1\r\nHost: a\r\n{lines}\r\n");
    is_refused(&proxy, &endpoint, large, (431, "head_too_large")).await;
}

#[tokio::test]
async fn the_defaults_are_what_the_reference_says() {
    let endpoint = Endpoint::listen().await;
    let config = in_front_of(endpoint.address());
    passes(&config, &endpoint, request([32, 16 << 10, 16 << 10, 98])).await;
    let proxy = Proxy::serving(&config);
    is_refused(&proxy, &endpoint, request([3, (16 << 10) + 1, 10, 0]), (414, "target_too_long")).await;
    is_refused(&proxy, &endpoint, request([3, 10, (16 << 10) + 1, 0]), (431, "header_line_too_long")).await;
    is_refused(&proxy, &endpoint, request([3, 10, 10, 99]), (431, "too_many_header_lines")).await;
}

#[tokio::test]
async fn limits_can_be_raised() {
    let endpoint = Endpoint::listen().await;
    let config = in_front_of(endpoint.address())
        .with("listener.public.max_target", "\"65534B\"")
        .with("listener.public.max_header_line", "\"100kB\"")
        .with("listener.public.max_header_lines", "2000")
        .with("listener.public.max_head", "\"300kB\"");
    passes(&config, &endpoint, request([3, 65_534, 100_000, 1_998])).await;
    is_refused(&Proxy::serving(&config), &endpoint, request([3, 10, 10, 1_999]), (431, "too_many_header_lines")).await;
}

#[tokio::test]
async fn trailers_are_held_to_the_same() {
    let endpoint = Endpoint::listen().await;
    let proxy = Proxy::serving(&in_front_of(endpoint.address()).with("listener.public.max_header_lines", "16"));
    for (count, status) in [(16, 204), (17, 431)] {
        let mut client = proxy.connect().await;
        client.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n").await;
        let (mut stream, _) = endpoint.asked().await;
        client.send(format!("0\r\n{}\r\n", "x: 1\r\n".repeat(count))).await;
        if status == 204 {
            stream.hears("0\r\n\r\n").await;
            stream.send("HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n").await;
        }
        assert_eq!(client.head().await.status(), status, "{count} trailers");
    }
}
