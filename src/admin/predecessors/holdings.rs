//! What this process holds, for the one that it has handed over to.

use tokio::time::Instant;

use super::ask::{Held, Holdings};
use crate::admin::look::Tunnels;
use crate::admin::wire::{DrainState, DrainStatus};
use crate::drain::{DrainEnd, DrainEntry, Member};
use crate::session::Proxy;
use crate::snapshot::Snapshot;

/// The open tunnels and the drains of this process, and when it ends.
pub fn holdings(proxy: &Proxy) -> Holdings {
    let snapshot = proxy.snapshot();
    let tunnels = Tunnels::count(proxy);
    let ends_at = proxy.phases().borrow().drain.map(|times| times.deadline);
    Holdings {
        tunnels: tunnels.places().map(|(member, count)| held(&snapshot, member, count)).collect(),
        drains: proxy.drains.all().into_iter().map(drain_status).collect(),
        ends_in_seconds: ends_at.map(|at| at.saturating_duration_since(Instant::now()).as_secs()),
    }
}

fn held(snapshot: &Snapshot, member: &Member, tunnels: usize) -> Held {
    let Member { listener, route, upstream, endpoint, .. } = member;
    let configured = snapshot.upstreams().get(&upstream.0).into_iter().flat_map(|it| it.endpoints());
    let mut same = configured.filter(|it| it.life.incarnation == endpoint.1);
    Held {
        address: same.next().map(|it| it.address.to_string()),
        listener: listener.0.to_string(),
        route: route.0.to_string(),
        upstream: upstream.0.to_string(),
        endpoint: endpoint.0.to_string(),
        tunnels,
    }
}

/// How a drain stands, for whoever asks.
pub(in crate::admin) fn drain_status(note: DrainEntry) -> DrainStatus {
    let progress = note.progress;
    DrainStatus {
        id: note.id,
        cause: note.cause.to_string(),
        scope: note.scope,
        state: match note.end {
            None => DrainState::Running,
            Some(DrainEnd::Complete) => DrainState::Complete,
            Some(DrainEnd::TakenBack) => DrainState::TakenBack,
            Some(DrainEnd::HandedOn) => DrainState::HandedOn,
        },
        tunnels: progress.tunnels,
        left: progress.left,
        told: progress.told,
        closed: progress.closed,
        cut: progress.cut,
        ends_in_seconds: progress.ends_at.saturating_duration_since(Instant::now()).as_secs(),
        raised_to_per_second: note.raised_to,
    }
}
