//! What a reload does to open tunnels: one test for each row of the table.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

mod drains;
mod keeps;
mod refused;
#[path = "../rig/mod.rs"]
mod rig;
mod site;
mod sockets;
mod table;
mod thousand;
