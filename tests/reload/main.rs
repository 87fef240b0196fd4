//! What a reload does to open tunnels: one test for each row of the table.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

mod drains;
mod keeps;
mod refused;
#[path = "../support/rig/mod.rs"]
#[allow(dead_code, unreachable_pub, unused_imports, reason = "each test uses its share of the rig")]
mod rig;
mod site;
mod sockets;
mod table;
mod thousand;
