//! Who gets in: by their rights (`rights`), as long as they do not guess (`guesses`), where there is a place for them (`places`) and a
//! descriptor (`spare`). What the connections of one listener share of that is its `reception`;
//! the `doors` that are open are known to whoever watches over certificates.
//!
//! Invariants: who may ask what is decided here alone; nobody keeps others out by doing nothing, nor by guessing.

mod doors;
mod guesses;
mod places;
mod reception;
mod rights;
#[cfg(test)]
mod rights_tests;
mod spare;

pub use doors::Doors;
pub use places::Places;
pub(in crate::admin) use places::{ANSWER_WITHIN, Guest, OperatorPlace, RequestGuard};
pub(in crate::admin) use reception::{Arrival, Reception};
pub use rights::Door;
pub(in crate::admin) use rights::{Denied, Holder, LetIn, Visitor};
pub(in crate::admin) use spare::Spare;
