//! How an open tunnel moves to another process: all that is known of it as a plain value, beside its two descriptors.
//!
//! `depart` has a tunnel that stands still say what is known of it, and `departures` takes that to whoever moves tunnels; `arrive` makes it
//! anew in the process that goes on with it. Who asks whom for what, and when it is the other one's, is `app::handoff`'s.
//!
//! Invariants: only one of the two goes on. What is made anew does nothing until it is started, and leaves nothing behind where it is not.

mod arrive;
mod depart;
mod departures;
mod moving_tunnel;

pub(crate) use arrive::{Arrivals, Arrived};
pub(crate) use depart::Departing;
pub(crate) use departures::{Departed, Departures};
pub(crate) use moving_tunnel::{FORMAT, MovingTunnel};
