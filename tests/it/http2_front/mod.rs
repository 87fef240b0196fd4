//! Clients that speak HTTP/2: exchanges, and WebSockets by RFC 8441, in clear and with prior knowledge.

mod by_frames;
pub(crate) mod client;
mod drains;
mod exchanges;
mod floods;
pub(crate) mod frames;
mod over_tls;
mod prior_knowledge;
mod siblings;
mod tunnels;

use std::net::SocketAddr;

use crate::rig::Config;

/// A plain listener `public` that takes HTTP/2, in front of these endpoints.
fn in_front_of(addresses: impl IntoIterator<Item = SocketAddr>) -> Config {
    Config::chat(addresses).with("listener.public.h2c", "true")
}
