//! What there is to see: the sections of the status, and the counters that the page draws.

use serde::Serialize;

use super::counted;
use super::event::Sections;
use crate::admin::context::Context;
use crate::admin::look::{certificate_ends, status};
use crate::admin::wire::Status;
use crate::metrics::ProcessUsage;
use crate::process::usage;
use crate::session::Phase;

/// The process: what of it hardly ever changes.
#[derive(Debug, Serialize)]
struct ProcessSection {
    version: String,
    pid: u32,
    /// Since when it serves, in seconds since 1970.
    since: u64,
    phase: String,
    /// Whether newcomers are welcome.
    ready: bool,
    generation: u64,
    /// How many sessions and tunnels there is room for.
    most_tunnels: usize,
}

/// What changes all the time.
#[derive(Debug, Serialize)]
struct NowSection {
    sessions: usize,
    tunnels: usize,
    tunnels_of_predecessors: usize,
    tunnels_of_what_is_gone: usize,
    /// Time on a core, since the process began.
    cpu_seconds: Option<f64>,
    resident_bytes: Option<u64>,
    descriptors: Option<u64>,
    /// How many there may be.
    most_descriptors: Option<u64>,
}

/// Looks at everything once.
pub(in crate::admin) async fn sections(context: &Context) -> Sections {
    let Context { proxy, notes, .. } = context;
    let elsewhere = context.ask_predecessors().await;
    let status = status(proxy, notes, elsewhere);
    let Status { listeners, routes, upstreams, certificates, predecessors, drains, reloads, .. } = &status;
    let process = ProcessSection {
        version: status.version.clone(),
        pid: status.pid,
        since: status.counting_since,
        phase: status.phase.clone(),
        ready: proxy.phase() == Phase::Serving && !proxy.is_full(),
        generation: status.generation,
        most_tunnels: proxy.most_tunnels,
    };
    let ProcessUsage { cpu_seconds, resident_bytes, descriptors, most_descriptors, .. } = usage();
    let now = NowSection {
        sessions: status.sessions,
        tunnels: status.tunnels,
        tunnels_of_predecessors: status.tunnels_of_predecessors,
        tunnels_of_what_is_gone: status.tunnels_of_what_is_gone,
        cpu_seconds,
        resident_bytes,
        descriptors,
        most_descriptors,
    };
    let counted = counted::since_the_start(proxy);
    vec![
        section("process", &process),
        section("reloads", reloads),
        section("listeners", listeners),
        section("listener_certificates", &certificate_ends(context)),
        section("routes", routes),
        section("upstreams", upstreams),
        section("certificates", certificates),
        section("predecessors", predecessors),
        section("drains", drains),
        section("now", &now),
        section("traffic", &counted.traffic),
        section("endings", &counted.endings),
        section("refusals", &counted.refusals),
        section("reconnections", &counted.reconnections),
        section("handshakes", &counted.handshakes),
    ]
}

fn section(name: &'static str, value: &impl Serialize) -> (&'static str, String) {
    // Only types whose keys are texts are shown.
    (name, serde_json::to_string(value).unwrap_or_else(|_| "null".to_owned()))
}
