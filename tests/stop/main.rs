//! How the real program ends, and with which exit code.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

mod exit_codes;
mod polite;
#[path = "../support/rig/mod.rs"]
#[allow(dead_code, unreachable_pub, unused_imports, reason = "each test uses its share of the rig")]
mod rig;
mod storm;
