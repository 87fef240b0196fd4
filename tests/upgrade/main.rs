//! Upgrades through the whole proxy, byte by byte: what the client reads, what the endpoint reads, and that nothing is left
//! where there is no tunnel.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

mod answers;
mod bytes;
mod lenient;
mod other_protocols;
mod placement;
mod requests;
#[path = "../rig/mod.rs"]
mod rig;
mod shortage;
mod tungstenite;
