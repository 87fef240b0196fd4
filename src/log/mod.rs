//! The log of the process: how a line looks, and how it gets out without anybody waiting for it.
//!
//! ```text
//! tracing ──▶ layer: makes a line ──▶ queue: bounded in bytes ──▶ writer: a thread of its own ──▶ output: standard error, a file, the journal
//! access: a line for other tools  ──▶ a queue of its own      ──▶ a thread of its own         ──▶ a file
//! ```
//!
//! Invariants: whoever logs never waits for whoever reads (but for the thread that tells what another place has not taken: `patience`). No
//! text of a client's can end a line, begin another field or move a terminal's cursor. What did not fit is counted, and said; an error is
//! summed at the least.

mod access;
mod access_entry;
mod batch;
mod combined;
#[cfg(test)]
mod hearing;
mod journal;
mod layer;
mod line;
mod log_file;
mod missing;
mod output;
mod patience;
mod queue;
mod sink;
mod stream;
mod style;
mod text;
mod trouble;
mod waiting;
mod writer;
mod writing;

pub use access::AccessLog;
pub use access_entry::AccessEntry;
#[cfg(test)]
pub(crate) use hearing::hearing;
pub use journal::{JOURNAL_SOCKET, Journal};
pub use layer::Lines;
pub use line::line_of;
pub use log_file::LogFile;
pub use output::Output;
pub use queue::Queue;
pub use sink::{Sink, retire};
pub use stream::StreamOutput;
pub use style::{Ink, Shape, Style};
pub use text::harmless;
pub use trouble::TROUBLE;
