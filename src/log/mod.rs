//! The log of the process: how a line looks, and how it gets out without anybody waiting for it.
//!
//! ```text
//! tracing ──▶ layer: makes a line ──▶ queue: bounded in bytes ──▶ writer: a thread of its own ──▶ standard error
//! ```
//!
//! Invariants: whoever logs never waits for whoever reads. No text of a client's can end a line, begin another field or move
//! a terminal's cursor. What did not fit is counted, and said.

#[cfg(test)]
mod hearing;
mod layer;
mod line;
mod queue;
mod text;
mod writer;

#[cfg(test)]
pub(crate) use hearing::hearing;
pub use layer::Lines;
pub use line::{Ink, Shape, Style, line_of};
pub use queue::Queue;
pub use writer::Writer;
