//! Plain HTTP exchanges through a whole proxy: what each side reads, byte by byte.

mod support;

mod bad_peers;
mod bodies;
mod cut;
mod deadlines;
mod expect;
mod interim;
mod lengths;
mod logged;
mod no_request;
mod owned;
mod placed;
mod reuse;
mod slow_readers;
mod tunnels;
mod upgrades;
