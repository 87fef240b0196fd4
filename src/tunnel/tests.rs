//! Tunnels over streams in memory, in paused time; each test a sentence.
//!
//! The simulation is built for fuzzing too: there its choices are the fuzzer's.
#![cfg_attr(
    not(test),
    allow(
        clippy::indexing_slicing,
        clippy::unwrap_used,
        dead_code,
        missing_docs,
        unreachable_pub,
        reason = "the fuzzer uses its share, and may panic as a test may"
    )
)]

#[cfg(test)]
mod boundary;
mod choices;
mod course;
#[cfg(test)]
mod delivery;
#[cfg(test)]
mod drained;
#[cfg(test)]
mod endings;
#[cfg(test)]
mod forbidden;
pub(crate) mod frames;
mod frozen;
#[cfg(test)]
mod inflate;
#[cfg(test)]
mod leaving;
#[cfg(test)]
mod lifetime;
#[cfg(test)]
mod limits;
mod lived;
#[cfg(test)]
mod paced;
mod peer;
#[cfg(test)]
mod pings;
#[cfg(test)]
mod pressure;
#[cfg(test)]
mod punctual;
#[cfg(test)]
mod raw;
#[cfg(test)]
mod read_after_failed_write;
mod scene;
#[cfg(test)]
pub(crate) mod seeds;
mod simulation;
#[cfg(test)]
mod timers;

#[cfg(feature = "fuzzing")]
pub use frozen::carry_on_anything;
#[cfg(feature = "fuzzing")]
pub use simulation::simulate;

/// An idle tunnel is this, its `Sleep`, its ticket in the registry and what its route asks for (rates, meters): each boxed.
/// A hundred bytes more are ten megabytes more for a hundred thousand tunnels.
#[test]
fn a_tunnel_is_small() {
    use tokio::net::TcpStream;

    let size = size_of::<super::Tunnel<TcpStream, TcpStream>>();
    assert!(size <= 696, "{size} bytes");
}
