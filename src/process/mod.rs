//! The operating system: descriptors and their limits, signals, systemd, and what TCP alone knows about a connection.
//!
//! It decides nothing about tunnels or configuration: it says what the system said, and tells it what it is told.
//! `fds` is the only file of the crate with `unsafe`.

mod activation;
mod fds;
mod handoff;
mod limits;
mod predecessors;
mod signals;
mod successor;
mod systemd;
mod watchdog;
mod workers;

pub use activation::{Activated, ActivationVariables, activated};
pub use fds::{Delivery, delivery, inherit, watch};
pub use handoff::{Channel, Message, PROTOCOL, Role, Secret};
pub use limits::{DescriptorLimit, MOST_TURNED_AWAY, Room, raise_descriptor_limit};
pub use predecessors::{Conversation, Predecessor, Predecessors};
pub use signals::{Signal, Signals};
pub use successor::{HANDOFF_FD, Program, StartedProcess};
pub use systemd::Notifier;
pub use watchdog::WatchdogVariables;
pub use workers::{Seat, Workers};
