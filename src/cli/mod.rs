//! The command line: what can be asked for, and how the answers are shown.
//!
//! `arguments` reads it, `file` knows which configuration it means, `operate` asks a running process over its admin
//! listener, `show` writes what people read.

mod arguments;
mod file;
mod follow;
mod operate;
mod show;

pub use arguments::Cli;
