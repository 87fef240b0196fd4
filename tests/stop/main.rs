//! How the real program ends, and with which exit code.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

mod exit_codes;
mod polite;
#[path = "../rig/mod.rs"]
mod rig;
mod storm;
