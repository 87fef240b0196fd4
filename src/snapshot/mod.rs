//! Everything that a request may consult. Built whole, then only read.

mod routes;

pub use routes::{RouteTable, Rule};
