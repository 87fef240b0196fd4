//! What goes through open tunnels, counted where it goes: of each tunnel ([`TunnelTraffic`]), and of each route ([`Traffic`]).
//!
//! What it does: counters that a tunnel's own task moves by plain loads and stores, and that anybody may read at any time. What it does
//! not: measure, name metrics, know sockets. Invariants: a counter has one writer, the worker of its tunnels, so no two workers move the
//! same cache line; what is read may be some messages old, and never goes back.

mod buckets;
mod cell;
mod counted;
mod counts;
mod frozen_traffic;
mod routes;
mod second;
mod tunnel_traffic;

pub use buckets::{PING_SECONDS, SIZES, Spread};
pub use cell::RouteTraffic;
pub use counts::{Counts, Passed};
pub use frozen_traffic::FrozenTraffic;
pub use routes::Traffic;
pub use second::{Second, SecondClock};
pub use tunnel_traffic::{DirectionTraffic, TunnelTraffic, Vitals};
