//! The file that is written: TOML with comments.

mod document;
mod value;

pub(super) use document::{Document, Table};
pub(super) use value::Value;
