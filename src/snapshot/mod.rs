//! Everything a request may consult: which route, which upstream, which endpoint, under which limits.
//!
//! A snapshot is immutable but for the counters and the states of its endpoints, and replaced whole. What keeps its identity keeps its
//! [`Incarnation`](crate::drain::Incarnation) and its counters and state; what lost it is named by [`Diff`]. No sockets here, and
//! no tunnel holds a snapshot: one that is open for days must not keep an old configuration alive.

mod admin_contents;
mod arrival;
mod assemble;
mod auth_server;
mod branch;
mod change;
mod collector;
mod diff;
mod doors;
mod eligibility;
mod endpoint;
mod endpoint_health;
mod endpoint_state;
mod file_contents;
mod health_changes;
mod in_order;
mod key_source;
mod listener;
mod picks;
mod pin_tokens;
mod pins;
mod reach;
mod renames;
mod retirement;
mod retries;
mod route;
mod routes;
mod secret_file;
mod spellings;
mod strangers;
mod target;
mod upstream;

pub use admin_contents::{AdminContents, read_operator_token};
pub use assemble::Snapshot;
pub use auth_server::AuthServer;
pub use branch::{Branch, Branches};
pub use change::{Change, Subject};
pub use collector::{Collector, CollectorContents};
pub use diff::{Diff, Vanished};
pub use doors::{Doors, TokenKeys};
pub use eligibility::{Eligibility, PlacedAs};
pub use endpoint::{Endpoint, Lease};
pub use endpoint_health::{HealthCounts, ProberNumber};
pub use endpoint_state::{EndedCause, EndpointEvent, EndpointState, StateCause, StateChange};
pub use file_contents::FileContents;
pub use health_changes::Trial;
pub use in_order::in_order;
pub use key_source::{Fetched, KeyCounts, KeySource};
pub use listener::Listener;
pub use picks::{Pick, Picks};
pub use reach::{Outage, Reach};
pub use renames::Rename;
pub use retirement::Retirement;
pub use retries::{Retries, RetryCounts, RetryVerdict};
pub use route::Route;
pub use routes::{RouteTable, Rule};
pub use spellings::Spellings;
pub use strangers::Strangers;
pub use target::Target;
pub use upstream::Upstream;
