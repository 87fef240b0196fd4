//! What routes do beyond choosing endpoints: redirects and answers of their own, other paths, other headers, more conditions.

mod answers;
mod documented;
mod error_pages;
mod headers;
mod matching;
mod over_http2;
mod paths;
mod redirects;
mod spellings;
mod unread_bodies;
mod variables;

use crate::rig::{Config, Endpoint, Head, Proxy, Wire};

/// A plain listener `public` in front of this endpoint.
fn in_front_of(endpoint: &Endpoint) -> Config {
    Config::chat([endpoint.address()]).with("workers", "1")
}

/// One with a route, and nobody behind it.
fn without_endpoint(key: &str, value: &str) -> Config {
    Config::default().with("listener.public.bind", "\"127.0.0.1:0\"").with(&format!("route.own.{key}"), value)
}

/// The answer to a GET of this target at this host.
async fn answer_to(client: &mut Wire, host: &str, target: &str) -> (Head, String) {
    client.send(format!("GET {target} HTTP/1.1\r\nHost: {host}\r\n\r\n")).await;
    client.answer().await
}

/// What the endpoint reads of such a request.
async fn read_of(proxy: &Proxy, endpoint: &Endpoint, lines: &str) -> Head {
    let mut client = proxy.connect().await;
    client.send(format!("{lines}\r\n\r\n")).await;
    let (mut wire, head) = endpoint.asked().await;
    wire.send("HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n").await;
    assert_eq!(client.head().await.status(), 204);
    head
}
