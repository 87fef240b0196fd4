//! Endpoints that are learned while the proxy runs, end to end: the file as a source.

mod file;
mod last_good;
mod operators;
pub(crate) mod site;
