//! Asking endpoints how they are: a task for each endpoint of an upstream with `health`, begun and ended as configurations are
//! served.
//!
//! What it does: asks in turn (`asking`, over TCP, HTTP or a WebSocket of its own), has `health` judge what comes of it, and tells
//! the endpoint and whoever acts on it. What it does not: open tunnels, rest connections, decide what becomes of open tunnels.
//! Invariants: of each endpoint one task is believed; all of a probe is over within its `timeout`; no more probes are under way
//! than there are permits for, whatever becomes of them.

mod asking;
mod deadline;
mod failure;
mod http;
mod probe_verdict;
mod probes;
mod task;
mod websocket;

pub use probe_verdict::ProbeVerdict;
pub use probes::Probes;
