//! The operating system: descriptor limits, signals, systemd, and what TCP alone knows about a connection.
//!
//! It decides nothing about tunnels or configuration: it says what the system said, and tells it what it is told.
//! `fds` is the only file of the crate with `unsafe`.

mod fds;
mod limits;
mod signals;
mod systemd;
mod workers;

pub use fds::{Delivery, delivery, watch};
pub use limits::{DescriptorLimit, raise_descriptor_limit};
pub use signals::{Signal, Signals};
pub use systemd::Notifier;
pub use workers::{Seat, Workers};
