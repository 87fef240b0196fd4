//! What two parsers could read in two ways never passes, in either direction: written to raw sockets, with an endpoint that
//! keeps what reaches it.

mod answers;
mod bodies;
mod heads;
mod limits;
mod names;
mod order;
mod pipelined;

use std::net::SocketAddr;

use crate::rig::{Config, Endpoint, Proxy};

/// A plain listener `public` in front of this endpoint.
fn in_front_of(address: SocketAddr) -> Config {
    Config::chat([address]).with("workers", "1")
}

/// This request is answered so, and counted so; no endpoint hears of it, and nothing that follows it is read.
async fn is_refused(proxy: &Proxy, endpoint: &Endpoint, request: impl AsRef<[u8]>, (status, reason): (u16, &str)) {
    const NEXT: &[u8] = b"GET /next HTTP/1.1\r\nHost: a\r\n\r\n";
    let (shown, before) = (request.as_ref().escape_ascii().to_string(), proxy.refusals(reason));
    let mut client = proxy.connect().await;
    client.send([request.as_ref(), NEXT].concat()).await;
    let (head, body) = endpoint.is_untouched_until(client.answer()).await;
    assert_eq!(head.status(), status, "{shown}: {body}");
    assert!(body.starts_with(&format!("{status} ")) && body.ends_with('\n'), "{shown}: {body}");
    assert_eq!(head.values("connection"), ["close"], "{shown}");
    endpoint.is_untouched_until(client.is_gone()).await;
    assert_eq!(proxy.refusals(reason), before + 1, "{shown}: {reason}");
}
