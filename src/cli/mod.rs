//! The command line: what can be asked for, and how the answers are shown.
//!
//! `arguments` reads it, `file` knows which configuration it means, `operate` asks a running process over its admin
//! listener (`failure`: why it was in vain), `show` writes what people read, `output` hands it over with an exit code.

mod arguments;
mod failure;
mod file;
mod follow;
mod log_level;
mod operate;
mod output;
mod show;

pub use arguments::Cli;
