//! TLS in front of tunnels: handshakes good and bad, certificates that change, sessions that resume.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

mod certificates;
mod handshakes;
#[path = "../rig/mod.rs"]
mod rig;
mod site;
mod storm;
