//! The drains that are under way, each a task that tells its story in the log and among the statuses.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::future::join_all;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::config::DrainWindow;
use crate::drain::{
    Cause, Drain, DrainEnd, DrainPolicy, DrainProgress, DrainStatuses, DrainSummary, Scope, Spread, StopOrder,
    TakeBack, TunnelHandle, seconds,
};
use crate::snapshot::{EndpointState, Snapshot};

/// How often the log hears of a drain: a human pace.
const SAY: Duration = Duration::from_secs(5);

/// The drains that are under way; whoever holds it can begin one.
#[derive(Clone, Debug)]
pub(super) struct Drains {
    statuses: Arc<DrainStatuses>,
    under_way: Arc<Mutex<UnderWay>>,
}

#[derive(Debug, Default)]
struct UnderWay {
    tasks: JoinSet<()>,
    /// Each, by its number.
    all: HashMap<u64, Going>,
    /// Those of which endpoints can be taken back, by each of these.
    of_endpoints: HashMap<(Cause, Scope), Vec<Arc<TakeBack>>>,
}

/// A drain that is under way.
#[derive(Debug)]
struct Going {
    rest: DrainRest,
    take_back: Arc<TakeBack>,
}

/// What is left of a drain: whoever goes on with it tells these.
#[derive(Clone, Debug)]
pub(super) struct DrainRest {
    pub(super) cause: Cause,
    pub(super) scope: String,
    /// Each of its endpoints can be taken back out of it.
    pub(super) is_of_endpoints: bool,
    pub(super) order: StopOrder,
    /// When the last one is told.
    pub(super) told_by: Instant,
    pub(super) untold: Vec<Arc<TunnelHandle>>,
}

impl Drains {
    pub(super) fn new(statuses: Arc<DrainStatuses>) -> Self {
        Self { statuses, under_way: Arc::default() }
    }

    /// Sees a drain through, in the background; returns its number.
    pub(super) fn run(&self, cause: Cause, scope: String, drain: Drain) -> u64 {
        self.spawn(cause, scope, drain, HashSet::new())
    }

    /// The same, for the drain of `endpoints`, each of which can be taken back out of it: see [`take_back`](Self::take_back).
    pub(super) fn run_of_endpoints(&self, cause: Cause, endpoints: HashSet<Scope>, scope: String, drain: Drain) -> u64 {
        self.spawn(cause, scope, drain, endpoints)
    }

    /// Takes `endpoint` out of the drains for `cause` that are under way: who is there and was not told yet stays. A drain that is
    /// about no other ends.
    pub(super) fn take_back(&self, cause: Cause, endpoint: Scope) {
        for drain in self.under_way().of_endpoints.remove(&(cause, endpoint)).into_iter().flatten() {
            drain.note(endpoint);
        }
    }

    /// Ends the telling of every drain that is under way: whoever has what is left of one goes on with it.
    pub(super) async fn hand_on(&self) -> Vec<DrainRest> {
        let going: Vec<_> =
            self.under_way().all.values().map(|it| (it.rest.clone(), Arc::clone(&it.take_back))).collect();
        // All at once: one that ends just now keeps whoever asks it waiting.
        let rests = going.into_iter().map(async |(rest, take_back)| {
            let untold = take_back.take_untold().await;
            DrainRest { untold, ..rest }
        });
        join_all(rests).await.into_iter().filter(|rest| !rest.untold.is_empty()).collect()
    }

    /// Goes on with a drain, at the rate of `snapshot` unless its deadline needs more; but for those of its endpoints that are to drain no
    /// more.
    pub(super) fn go_on(&self, rest: DrainRest, snapshot: &Snapshot) {
        let rest = rest.but_for_returned(snapshot);
        let DrainRest { cause, scope, is_of_endpoints, order, told_by, untold } = rest;
        if untold.is_empty() {
            return;
        }
        let endpoints = untold.iter().map(|handle| Scope::Endpoint(handle.member.endpoint.1));
        let endpoints = if is_of_endpoints { endpoints.collect() } else { HashSet::new() };
        let now = Instant::now();
        let (deadline, spread) =
            (order.deadline.saturating_duration_since(now), told_by.saturating_duration_since(now));
        let policy = DrainPolicy {
            window: DrainWindow { deadline, spread: spread.min(deadline) },
            max_per_second: snapshot.settings.drain.max_per_second,
            code: order.code,
            reason: order.reason.clone(),
            spread: Spread::Exact,
        };
        self.spawn(cause, scope, Drain::of(untold, order, &policy), endpoints);
    }

    fn spawn(&self, cause: Cause, scope: String, drain: Drain, endpoints: HashSet<Scope>) -> u64 {
        let id = self.statuses.begin(cause, scope.clone(), &drain);
        let take_back = Arc::new(TakeBack::of(endpoints.iter().copied()));
        // Whoever holds the tasks is not held by them.
        let (statuses, under_way) = (Arc::clone(&self.statuses), Arc::downgrade(&self.under_way));
        let mut noted = self.under_way();
        for endpoint in &endpoints {
            noted.of_endpoints.entry((cause, *endpoint)).or_default().push(Arc::clone(&take_back));
        }
        let rest = DrainRest {
            cause,
            scope: scope.clone(),
            is_of_endpoints: !endpoints.is_empty(),
            order: drain.order().clone(),
            told_by: drain.told_by(),
            untold: Vec::new(),
        };
        noted.all.insert(id, Going { rest, take_back: Arc::clone(&take_back) });
        while noted.tasks.try_join_next().is_some() {}
        noted.tasks.spawn(async move {
            see_through(&DrainLog { id, cause, scope: &scope, statuses: &statuses }, drain, &take_back).await;
            if let Some(under_way) = under_way.upgrade() {
                let mut under_way = locked(&under_way);
                under_way.all.remove(&id);
                under_way.forget(cause, &endpoints, &take_back);
            }
        });
        id
    }

    fn under_way(&self) -> MutexGuard<'_, UnderWay> {
        locked(&self.under_way)
    }
}

impl DrainRest {
    /// The same, but for the tunnels of endpoints that were taken back out of such a drain while nobody told them.
    fn but_for_returned(mut self, snapshot: &Snapshot) -> Self {
        let drains = |state: EndpointState| match self.cause {
            Cause::Operator => state.is_drained(),
            Cause::Discovery => state.is_leaving(),
            Cause::EndpointDown => state.is_down(),
            _ => true,
        };
        if self.is_of_endpoints {
            let endpoints = snapshot.upstreams().values().flat_map(|upstream| upstream.endpoints());
            let returned = endpoints.filter(|endpoint| !drains(endpoint.state()));
            let returned: HashSet<_> = returned.map(|endpoint| endpoint.life.incarnation).collect();
            self.untold.retain(|handle| !returned.contains(&handle.member.endpoint.1));
        }
        self
    }
}

impl UnderWay {
    /// A drain of these endpoints is over.
    fn forget(&mut self, cause: Cause, endpoints: &HashSet<Scope>, over: &Arc<TakeBack>) {
        for endpoint in endpoints {
            if let Entry::Occupied(mut drains) = self.of_endpoints.entry((cause, *endpoint)) {
                drains.get_mut().retain(|drain| !Arc::ptr_eq(drain, over));
                if drains.get().is_empty() {
                    drains.remove();
                }
            }
        }
    }
}

fn locked(under_way: &Mutex<UnderWay>) -> MutexGuard<'_, UnderWay> {
    // Each change leaves it whole.
    under_way.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What the log and the statuses are told about.
pub(super) struct DrainLog<'a> {
    pub(super) id: u64,
    pub(super) cause: Cause,
    pub(super) scope: &'a str,
    pub(super) statuses: &'a DrainStatuses,
}

/// Sees a drain through, and says how it goes.
pub(super) async fn see_through(story: &DrainLog<'_>, drain: Drain, take_back: &TakeBack) -> DrainSummary {
    let is_empty = drain.is_empty();
    if !is_empty {
        story.begins(&drain);
    }
    let mut say_at = Instant::now() + SAY;
    let report = drain
        .run(take_back, |progress| {
            story.statuses.note_progress(story.id, progress);
            let now = Instant::now();
            if now >= say_at {
                say_at = now + SAY;
                story.goes_on(progress);
            }
        })
        .await;
    story.statuses.note_end(story.id, report);
    if !is_empty {
        story.ends(report);
    }
    report
}

impl DrainLog<'_> {
    fn begins(&self, drain: &Drain) {
        let Self { cause, scope, .. } = self;
        let pace = drain.pace();
        tracing::info!(
            %cause,
            scope,
            tunnels = drain.len(),
            over_seconds = seconds(pace.duration()),
            "drain begins"
        );
        if let Some(raised_to_per_second) = pace.raised_to() {
            tracing::warn!(
                %cause,
                scope,
                raised_to_per_second,
                "max_per_second does not allow everybody to be told before the deadline: it is raised"
            );
        }
    }

    fn goes_on(&self, progress: DrainProgress) {
        let Self { cause, scope, .. } = self;
        let DrainProgress { left, told, closed, cut, ends_at, .. } = progress;
        let ends_in_seconds = ends_at.saturating_duration_since(Instant::now()).as_secs();
        tracing::info!(%cause, scope, left, told, closed, cut, ends_in_seconds, "draining");
    }

    fn ends(&self, report: DrainSummary) {
        let Self { cause, scope, .. } = self;
        let DrainSummary { end, tunnels, cut, took } = report;
        let took_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        match end {
            DrainEnd::Complete => tracing::info!(%cause, scope, tunnels, cut, took_ms, "drained"),
            DrainEnd::TakenBack => tracing::info!(%cause, scope, tunnels, cut, took_ms, "drain was taken back"),
            DrainEnd::HandedOn => tracing::info!(
                %cause,
                scope,
                tunnels,
                cut,
                took_ms,
                "drained whom it had told; another drain goes on with the others"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};
    use std::path::Path;

    use super::*;
    use crate::config::parse;
    use crate::drain::{Incarnation, Member, Registry};
    use crate::snapshot::{EndpointEvent, FileContents};
    use crate::tls::TicketKeys;
    use crate::websocket::CloseCode;

    const TWO_ENDPOINTS: &str = r#"
[listener.public]
bind = "127.0.0.1:0"
[upstream.chat]
endpoints = ["127.0.0.1:1", "127.0.0.1:2"]
[route.all]
upstream = "chat"
"#;

    #[test]
    fn what_was_taken_back_while_nobody_told_is_told_no_more() {
        let settings = parse(TWO_ENDPOINTS, Path::new("test.toml")).unwrap_or_else(|wrong| panic!("{wrong}"));
        let keys = TicketKeys::generate().unwrap();
        let snapshot = Snapshot::assemble(settings.into(), FileContents::default(), &keys, None);
        let registry = Registry::new(1);
        let endpoints = snapshot.upstreams()["chat"].endpoints();
        let lives = endpoints.iter().map(|endpoint| endpoint.life.incarnation).chain([Incarnation(u64::MAX)]);
        let on = |life| {
            let member = Member { endpoint: ("e".into(), life), ..Member::of_route("all") };
            registry.register(0, member, IpAddr::from(Ipv4Addr::LOCALHOST))
        };
        let tunnels: Vec<_> = lives.map(on).collect();
        let rest = |is_of_endpoints| DrainRest {
            cause: Cause::Operator,
            scope: "upstream/chat".into(),
            is_of_endpoints,
            order: StopOrder {
                cause: Cause::Operator,
                code: CloseCode::SERVICE_RESTART,
                reason: None,
                deadline: Instant::now(),
            },
            told_by: Instant::now(),
            untold: tunnels.iter().map(|tunnel| Arc::clone(tunnel.handle())).collect(),
        };
        endpoints[1].transition(EndpointEvent::Drained);

        let left = rest(true).but_for_returned(&snapshot).untold;
        let left: Vec<_> = left.iter().map(|handle| handle.id).collect();
        assert_eq!(
            left,
            [tunnels[1].handle().id, tunnels[2].handle().id],
            "of one that is gone nobody has taken it back"
        );
        assert_eq!(rest(false).but_for_returned(&snapshot).untold.len(), 3, "it is not about endpoints");
    }
}
