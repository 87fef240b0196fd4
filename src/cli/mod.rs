//! The command line: what can be asked for, and how the answers are shown.
//!
//! `arguments` reads it, `operate` asks a running process over its admin listener, `show` writes what people read.

mod arguments;
mod operate;
mod show;

pub use arguments::Cli;
