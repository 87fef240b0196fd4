//! Plain HTTP exchanges through a whole proxy: what each side reads, byte by byte.

mod bad_peers;
mod bodies;
mod by_hand;
mod cut;
mod deadlines;
mod expect;
mod interim;
mod lengths;
mod limits;
mod logged;
mod no_request;
mod overdue;
mod owned;
mod placed;
mod reuse;
mod slow_readers;
mod tunnels;
mod upgrades;

use std::net::SocketAddr;

use crate::rig::Config;

/// A plain listener `public`, and a route and an upstream `chat` with these endpoints, which have no name but their address.
fn in_front_of(addresses: &[SocketAddr]) -> Config {
    let addresses: Vec<_> = addresses.iter().map(ToString::to_string).collect();
    // One worker, so that the connections that rest are found again.
    Config::chat([]).with("upstream.chat.endpoints", &format!("{addresses:?}")).with("workers", "1")
}
