//! Certificates that are ordered while the process runs: the names of what is configured, and where each is kept.
//!
//! What it does: reads what is kept before a configuration is served (`kept`), begins the keeper of a name with the
//! configuration that has it and ends it with the one that has not (`orders`). What it does not: order. Invariants: a name that a
//! reload keeps keeps its certificate and its keeper; where there is nowhere to keep certificates, nothing is served that needs some.

mod kept;
mod orders;
mod prepared;

pub(super) use orders::Orders;
pub(super) use prepared::PreparedOrders;
