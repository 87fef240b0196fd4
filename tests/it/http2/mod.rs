//! Exchanges with endpoints that speak HTTP/2, in clear and with prior knowledge, for clients of HTTP/1.1.

mod asked_again;
mod by_frames;
mod connections;
mod endings;
mod endpoint;
mod failures;
mod grpc;
mod messages;
mod one_failure;
mod over_tls;
mod strange;
mod streaming;
mod to_http1;

use std::net::SocketAddr;

use crate::rig::Config;

/// A plain listener `public`, and an upstream whose endpoints are asked over HTTP/2.
fn in_front_of(addresses: impl IntoIterator<Item = SocketAddr>) -> Config {
    // One worker, so that connections are shared by all.
    Config::chat(addresses).with("upstream.chat.protocol", "\"h2\"").with("workers", "1")
}
