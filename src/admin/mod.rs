//! How operators look in and steer: a small HTTP and JSON interface, on a unix socket or at addresses.
//!
//! What it does: answers what can be read by looking (`routes` has the table), and hands on what is to be done as an [`AdminCommand`]. What
//! it does not: reload or drain; whoever runs the process does. Invariants: over TCP nobody steers who has not said who they are, and a
//! page in a browser asks only its own listener (`door`); every request has a bounded body, and every wait for an operator a deadline;
//! each command leaves a line (`audit`).

mod answer;
mod answering;
mod audit;
mod client;
mod close_wire;
mod command;
mod connection;
mod context;
mod dashboard;
mod door;
#[cfg(test)]
mod door_tests;
mod feed;
mod guesses;
mod holdings;
mod leave;
mod log_level;
mod look;
mod notes;
#[cfg(test)]
mod openapi_tests;
mod ordered;
mod placement;
mod places;
mod plan_wire;
mod predecessors;
mod problem;
mod rates;
mod reception;
mod reload_notes;
mod respond;
mod routes;
mod server;
mod socket;
mod spare;
mod steer;
mod tap;
mod tap_wire;
mod tunnel_look;
mod tunnel_query;
mod tunnel_wire;
mod tunnel_words;
mod tunnels;
mod upstream_status;
mod wire;

pub use answering::{BrokenOff, Lines};
pub use client::{AskError, Client, ParsedAnswer, REPLY_WITHIN};
pub use close_wire::{CloseAnswer, CloseRequest};
pub use command::{AdminCommand, CommandError, CommandSender, Reply, channel};
pub use context::Context;
pub use door::Door;
pub use feed::Lookers;
pub use holdings::holdings;
pub use log_level::{LogLevelRequest, LogLevelStatus, NotedLevel};
pub use notes::Notes;
pub use ordered::CertificateStatus;
pub use placement::{WhereAnswer, WhereEndpoint};
pub use places::Places;
pub use plan_wire::{PlanAnswer, PlanRequest, PlannedLeaving, PlannedPredecessor, PlannedTunnels};
pub use predecessors::{Answered, DrainOrder, Held, Holdings, PredecessorDrain, Question, ask};
pub use problem::Problem;
pub use rates::Rates;
pub use reload_notes::{ReloadNote, ReloadOutcome};
pub use server::serve;
pub use socket::{BoundAdmin, SocketFile};
pub use tap_wire::{SeenLine, TapLine, TapRequest};
pub use tunnel_wire::{
    InDirections, OnSides, TunnelDetail, TunnelLimits, TunnelList, TunnelOrder, TunnelRate, TunnelStatus,
    TunnelsElsewhere,
};
pub use tunnel_words::{MOST_TUNNELS, SortOrder, TunnelParameter, TunnelSort, tunnels_path};
pub use upstream_status::{CauseStatus, EndpointStatus, UpstreamSource, UpstreamStatus};
pub use wire::*;
