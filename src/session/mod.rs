//! Client connections, from accept until they upgrade or end.
//!
//! `accept` takes them in, `serve` secures them, `http1` or `http2` drives what they speak, `request` finds the route, has who asks let in
//! (`admission`) and applies what the route says (`rules`), and then it is `renewal` (who prolongs a tunnel), or either `upgrade` (★ the story
//! of a tunnel) or `exchange` (plain HTTP). The two ask over the connections of `endpoint`, and return
//! what came of it; what cannot be served is a refusal: a value, answered and logged.
//! What these pass on are values in files of their own (`context`, `request_context`, `refused`, `served`): no imports form a circle.
//!
//! Invariants: every wait on a peer has a deadline, but for the next piece of an answer. A connection never leaves its
//! worker, on either side. A failed upgrade leaves nothing behind: no lease, no registration, no socket, no task;
//! but an endpoint that has switched meanwhile is told so (`unopened`).

mod accept;
mod access_lines;
mod access_log;
#[cfg(test)]
mod access_log_tests;
mod admission;
mod answered_without_101;
mod asked_endpoint;
mod attempt_outcome;
mod attempts;
mod body;
mod challenge;
mod closed_at_once;
mod context;
mod counted;
mod end;
mod exchange;
mod exchange_record;
mod exchanged;
mod flawed_head;
mod free_place;
mod handshake_phases;
mod handshake_turns;
mod http1;
mod http1_attempts;
mod http2;
mod http2_attempts;
#[cfg(test)]
mod in_memory;
mod inflow;
mod interim;
mod kept;
mod lateness;
mod metering;
mod moving;
mod no_request;
mod packed_record;
mod placed_by;
mod placement;
mod proxy;
#[cfg(test)]
mod punctual;
mod queued;
mod records;
mod refused;
mod relay;
mod renewal;
mod request;
mod request_context;
mod request_id;
mod rest;
mod resting;
mod retry;
mod rules;
mod running_tunnel;
mod serve;
mod served;
mod shortened;
mod summary;
mod sums;
mod switch_attempts;
mod switch_request;
mod told_client;
mod traced;
mod traced_method;
mod traced_parts;
mod tunnel_record;
mod turn;
mod unopened;
mod upgrade;
mod visitor;
mod wordless;

pub(crate) use moving::{Arrivals, Arrived, Departed, Departing, FORMAT, MovingTunnel};

pub use accept::{Afterwards, accept};
pub use admission::PasswordChecks;
pub use proxy::{Phase, PhaseTimes, Proxy, StopTimes};
pub use request_id::RequestId;
pub use tunnel_record::{PortIs, RecordedRequest, Unpacked};
