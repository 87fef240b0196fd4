//! TLS in front of tunnels: handshakes good and bad, certificates that change, sessions that resume.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

mod certificates;
mod handshakes;
#[path = "../support/rig/mod.rs"]
#[allow(dead_code, unreachable_pub, unused_imports, reason = "each test uses its share of the rig")]
mod rig;
mod site;
mod storm;
