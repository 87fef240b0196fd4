//! The operating system: descriptors and their limits, signals, systemd, files that change, and what the kernel alone knows about
//! a connection.
//!
//! It decides nothing about tunnels or configuration: it says what the system said, and tells it what it is told.
//! `fds` is the only file of the crate with `unsafe`.

mod activation;
mod descriptor_store;
mod fds;
mod file_watch;
mod file_work;
mod fingerprints;
mod limits;
mod local_ports;
mod reaper;
mod signals;
mod supervisor;
mod system_moment;
mod systemd;
mod usage;
mod users;
mod wall_clock;
mod watchdog;
mod workers;

pub use activation::{Activated, ActivationVariables, activated};
pub use descriptor_store::{KEPT_STATE, KEPT_TUNNELS, MOST_KEPT};
pub use fds::{
    Delivery, LEAST_OF_A_WRITE, choose_port_when_connecting, delivery, has_fin, ignore_reopen_signal, inherit,
    look_from_the_beginning, unix_delivery, watch, watch_both,
};
pub use file_watch::{FileWatch, WatchError};
pub use file_work::{FileTask, FileWork, FileWorkError};
pub use fingerprints::Fingerprints;
pub use limits::{DescriptorLimit, MOST_TURNED_AWAY, OPERATORS_PER_LISTENER, Room, raise_descriptor_limit};
pub use local_ports::local_ports;
pub use reaper::reap_orphans;
pub use signals::{Signal, Signals, ask_for_reload, ask_to_reopen_log};
pub use supervisor::Watcher;
pub use system_moment::SystemMoment;
pub use systemd::Notifier;
pub use usage::usage;
pub use users::Users;
pub use wall_clock::{unix_milliseconds, unix_seconds, unix_time};
pub use watchdog::WatchdogVariables;
pub use workers::{Seat, Workers};
