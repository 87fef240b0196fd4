//! A tunnel between two of its polls, as a plain value: another process carries it on.
//!
//! What moves is a tunnel that goes on; one that has begun to end is sooner over than moved. Its streams, its limits and what it belongs to
//! are moved beside it. Nothing in it is drawn or looked up anew: whoever carries it on does what the one who froze it would have done.

mod filter;
mod frozen_tunnel;
mod leg;
mod liveness;
mod rates;

pub use frozen_tunnel::{FrozenTunnel, Unfreezable};
