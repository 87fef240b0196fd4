//! Names to addresses: over DNS with hickory, `/etc/hosts` and `/etc/resolv.conf` as the system's own resolver reads them.
//!
//! [`Resolver`] is what others ask. Each name has a task (`name_task`) that looks it up again while it is asked for, `name_state`
//! says what of it may be used when, and `names` holds so many. `lookup` is one lookup: `hosts`, then `search`, then `queries` over
//! hickory, whose answers `answer` reads; `order` says which address is tried first.
//!
//! Invariants: every wait has an end; a name that was once found keeps its last good addresses until better ones are found; one
//! lookup of a name is under way at a time. No connecting here, and no retrying of addresses: that is `net`'s. Nothing of nsswitch.

mod answer;
mod error;
mod hosts;
mod lookup;
mod name_state;
mod name_task;
mod names;
mod order;
mod queries;
mod resolve;
#[cfg(test)]
mod scripted;
mod search;
mod system_files;
#[cfg(test)]
mod test_server;

pub use answer::{Found, ServiceRecord, addresses_of, services_of};
pub use error::LookupError;
pub use resolve::{Resolver, ResolverStatus};
#[cfg(test)]
pub(crate) use scripted::Scripted;
