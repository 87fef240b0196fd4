//! The syntax of nginx: from files to a tree of directives, each with its place.
//!
//! What a directive means is not known here, but for `include`.

mod files;
mod glob;
mod lexer;
mod lua;
mod parser;
mod tree;

pub use files::ReadError;
pub(super) use files::{Tree, read};
#[cfg(test)]
pub(super) use parser::Numbers;
#[cfg(test)]
pub(super) use parser::parse;
pub use tree::Place;
pub(super) use tree::{Directive, Word};
