//! Other proxies' configurations, written as ours: `windlass import nginx`.
//!
//! It reads files, and nothing else from the world. Whatever it could not carry over stands in a comment of what it writes, with its place,
//! what it was, why, and what to do: every directive is accounted for (`translate::ledger`), none is left out in silence. What guarded a
//! path and cannot be said closes that path.

#[cfg(test)]
mod accounted;
#[cfg(test)]
mod kept_out;
#[cfg(test)]
mod kept_out_model;
mod nginx;
mod output;
mod syntax;
mod translate;

pub use nginx::{ImportError, nginx};
pub use syntax::{Place, ReadError};
pub use translate::{Counts, Written};
