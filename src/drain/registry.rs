//! Every open tunnel, so that none is forgotten: listed, told and counted.
//!
//! Invariants: what is in a shard is open, under a number that was given out to it alone. Of the orders that wait, no two are
//! for the same cause and scope.
//! [`check_invariants`](Registry::check_invariants) says the same in code, for tests: it looks at everything. In a debug
//! build each step looks at what it has changed.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::Waker;
use std::time::Duration;

use slab::Slab;
use tokio::time::Instant;

use super::policy::{Cause, StopOrder};
use super::revocation::Revocation;
use super::scope::{Member, Scope, TunnelId};
use super::tunnel_handle::TunnelHandle;
use crate::access::Permit;
use crate::traffic::Traffic;

/// Every open tunnel of the process, in shards so that workers do not wait for each other.
#[derive(Debug)]
pub struct Registry {
    shards: Box<[Mutex<Slab<Arc<TunnelHandle>>>]>,
    /// By scope: thousands of endpoints may leave at once, and who registers is in five of them at the most.
    standing: Mutex<HashMap<Scope, Vec<StandingOrder>>>,
    /// What was taken back lately, and when: who was let in before, and registers only now, is told too.
    revoked: Mutex<VecDeque<(Instant, Revocation)>>,
    /// The last id that was given out; not all of them opened.
    last: AtomicU64,
    traffic: Traffic,
}

/// An order for tunnels that register after their drain began.
#[derive(Clone, Debug)]
pub struct StandingOrder {
    /// Whom it is for.
    pub scope: Scope,
    /// What they find.
    pub order: StopOrder,
    /// The order is forgotten when this is gone, since nobody can register under it any more; `None` is never.
    pub while_alive: Option<Weak<()>>,
}

/// A tunnel's own side: it is registered as long as this lives.
#[derive(Debug)]
pub struct Registration {
    handle: Arc<TunnelHandle>,
    registry: Arc<Registry>,
    shard: usize,
    key: usize,
}

impl Registry {
    /// An empty registry with a shard for each worker.
    pub fn new(workers: usize) -> Arc<Self> {
        let shards = (0..workers.max(1)).map(|_| Mutex::default()).collect();
        let (standing, revoked, traffic) = (Mutex::default(), Mutex::default(), Traffic::new(workers));
        Arc::new(Self { shards, standing, revoked, last: AtomicU64::new(0), traffic })
    }

    /// Registers a tunnel that is about to open on `worker`, for which nobody was asked. Where its scope is already draining, its
    /// order waits.
    pub fn register(self: &Arc<Self>, worker: usize, member: Member) -> Registration {
        self.insert(worker, member, None)
    }

    /// The same, for as long as it is permitted: it was let in at a time that may be long ago, and has its order where that was taken
    /// back since.
    pub fn register_permitted(
        self: &Arc<Self>,
        worker: usize,
        member: Member,
        permit: Box<Permit>,
        let_in: Instant,
    ) -> Registration {
        let registration = self.insert(worker, member, Some(permit));
        // After the insert: what is taken back now either finds the handle or is found by it.
        for (given, revocation) in &*locked(&self.revoked) {
            if *given >= let_in && revocation.is_about(&registration.handle) {
                registration.handle.order_close(revocation.order());
            }
        }
        registration
    }

    fn insert(self: &Arc<Self>, worker: usize, member: Member, permit: Option<Box<Permit>>) -> Registration {
        let shard = worker % self.shards.len();
        let id = TunnelId(self.last.fetch_add(1, Ordering::Relaxed) + 1);
        let traffic = self.traffic.begin(shard, &member.route.0);
        let handle = Arc::new(TunnelHandle::new(id, member, traffic, permit));
        let key = self.shard(shard).insert(Arc::clone(&handle));
        // After the insert: a drain that starts now either finds the handle or is found by it.
        let standing = locked(&self.standing);
        for standing in handle.member.scopes().iter().filter_map(|scope| standing.get(scope)).flatten() {
            handle.order_close(standing.order.clone());
        }
        drop(standing);
        Registration { handle, registry: Arc::clone(self), shard, key }
    }

    /// Lets orders wait for everybody who registers in their scopes from now on, and returns who is already there. What
    /// waited in a scope for the same cause is replaced: asked for again and again, a drain leaves one order.
    pub fn begin(&self, standing: impl IntoIterator<Item = StandingOrder>) -> Vec<Arc<TunnelHandle>> {
        let mut scopes = HashSet::new();
        {
            let mut waiting = locked(&self.standing);
            waiting.retain(|_, orders| {
                orders.retain(StandingOrder::is_alive);
                !orders.is_empty()
            });
            for new in standing {
                scopes.insert(new.scope);
                let orders = waiting.entry(new.scope).or_default();
                orders.retain(|old| !new.replaces(old));
                orders.push(new);
                debug_assert!(are_apart(orders), "two orders of a cause wait in one scope: {orders:?}");
            }
        }
        self.tunnels(|handle| handle.member.scopes().iter().any(|scope| scopes.contains(scope)))
    }

    /// Has every tunnel end at once that `revocation` is about: those that are open, of which it returns the number, and those that were
    /// let in already and open within [`REMEMBERED`].
    pub fn revoke(&self, revocation: &Revocation) -> usize {
        {
            let (mut lately, now) = (locked(&self.revoked), Instant::now());
            lately.retain(|(given, old)| *given + REMEMBERED > now && old != revocation);
            if lately.len() >= MOST_REMEMBERED {
                lately.pop_front();
            }
            lately.push_back((now, revocation.clone()));
        }
        let handles = self.tunnels(|handle| revocation.is_about(handle));
        handles.iter().for_each(|handle| handle.order_close(revocation.order()));
        handles.len()
    }

    /// Takes back the orders of `cause` that wait in `scope`: who registers there from now on is welcome again.
    pub fn forget(&self, cause: Cause, scope: Scope) {
        if let Some(orders) = locked(&self.standing).get_mut(&scope) {
            orders.retain(|standing| standing.order.cause != cause);
        }
    }

    /// The open tunnels that `wanted` accepts.
    pub fn tunnels(&self, wanted: impl Fn(&TunnelHandle) -> bool) -> Vec<Arc<TunnelHandle>> {
        let mut found = Vec::new();
        self.each(|handle| {
            if wanted(handle) {
                found.push(Arc::clone(handle));
            }
        });
        found
    }

    /// Shows every open tunnel to `look`. Nobody waits for it: a shard is held only while some of its handles are copied.
    ///
    /// Who is open all the while is shown once; who opens or ends meanwhile, once or not at all.
    pub fn each(&self, mut look: impl FnMut(&Arc<TunnelHandle>)) {
        let mut some = Vec::with_capacity(AT_ONCE);
        for shard in 0..self.shards.len() {
            for first in (0..).step_by(AT_ONCE) {
                // A handle keeps its key.
                let handles = self.shard(shard);
                if first >= handles.capacity() {
                    break;
                }
                some.extend((first..first + AT_ONCE).filter_map(|key| handles.get(key)).cloned());
                drop(handles);
                some.drain(..).for_each(|handle| look(&handle));
            }
        }
    }

    /// What goes through the tunnels of each route.
    pub fn traffic(&self) -> &Traffic {
        &self.traffic
    }

    /// The last number that was given out.
    pub fn last(&self) -> TunnelId {
        TunnelId(self.last.load(Ordering::Relaxed))
    }

    /// Gives out no number up to this one from now on: other tunnels have them.
    pub fn number_on(&self, last: TunnelId) {
        self.last.fetch_max(last.0, Ordering::Relaxed);
    }

    /// How many tunnels are open.
    pub fn len(&self) -> usize {
        (0..self.shards.len()).map(|shard| self.shard(shard).len()).sum()
    }

    /// Whether no tunnel is open.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Panics unless every invariant holds.
    pub fn check_invariants(&self) {
        for (scope, orders) in &*locked(&self.standing) {
            assert!(are_apart(orders), "two orders of a cause wait in one scope: {orders:?}");
            assert!(orders.iter().all(|order| order.scope == *scope), "an order waits elsewhere: {orders:?}");
        }
        let mut ids = HashSet::new();
        for shard in 0..self.shards.len() {
            for (_, handle) in &*self.shard(shard) {
                handle.check_invariants();
                assert!(!handle.is_ended(), "tunnel {} has ended, and is registered", handle.id);
                assert!(handle.id.0 <= self.last().0, "tunnel {} has a number that was not given out", handle.id);
                assert!(ids.insert(handle.id), "two tunnels are number {}", handle.id);
            }
        }
    }

    #[expect(clippy::indexing_slicing, reason = "every caller takes the shard modulo their number")]
    fn shard(&self, shard: usize) -> MutexGuard<'_, Slab<Arc<TunnelHandle>>> {
        locked(&self.shards[shard])
    }
}

impl StandingOrder {
    fn is_alive(&self) -> bool {
        self.while_alive.as_ref().is_none_or(|alive| alive.strong_count() > 0)
    }

    fn replaces(&self, old: &Self) -> bool {
        (self.order.cause, self.scope) == (old.order.cause, old.scope)
    }
}

impl Registration {
    /// The registry's side of this tunnel.
    pub fn handle(&self) -> &Arc<TunnelHandle> {
        &self.handle
    }

    /// Wakes `waker` from now on when an order comes, when its deadline comes nearer, or when the end of what the tunnel is permitted
    /// moves.
    pub fn listen(&self, waker: &Waker) {
        self.handle.register_waker(waker);
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        let removed = self.registry.shard(self.shard).try_remove(self.key);
        debug_assert!(
            removed.is_some_and(|removed| Arc::ptr_eq(&removed, &self.handle)),
            "tunnel {} was not where it was registered",
            self.handle.id
        );
        self.handle.note_ended();
    }
}

/// Whether no two of `standing` are for the same cause and scope.
fn are_apart(standing: &[StandingOrder]) -> bool {
    standing.iter().enumerate().all(|(at, one)| standing.iter().skip(at + 1).all(|other| !one.replaces(other)))
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A panic while a list was held leaves the list whole: each change to it is a single call.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How many handles are copied while a worker may wait for their shard.
const AT_ONCE: usize = 256;

/// For how long a revocation is for those who were let in before it: as long as nearly any wait for an endpoint.
const REMEMBERED: Duration = Duration::from_secs(600);

/// Of how many it is known; the oldest is forgotten first.
const MOST_REMEMBERED: usize = 1024;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::Instant;

    use super::super::Incarnation;
    use super::*;
    use crate::websocket::CloseCode;

    fn member(route: u64) -> Member {
        Member { route: ("chat".into(), Incarnation(route)), ..Member::of_route("chat") }
    }

    fn order(seconds: u64) -> StopOrder {
        let deadline = Instant::now() + Duration::from_secs(seconds);
        StopOrder { cause: Cause::Reload, code: CloseCode::SERVICE_RESTART, reason: None, deadline }
    }

    fn standing(route: u64, while_alive: Option<Weak<()>>) -> StandingOrder {
        StandingOrder { scope: Scope::Route(Incarnation(route)), order: order(10), while_alive }
    }

    #[tokio::test(start_paused = true)]
    async fn forgets_a_tunnel_when_its_registration_goes() {
        let registry = Registry::new(2);
        let registration = registry.register(1, member(2));
        assert_eq!(registry.len(), 1);
        drop(registration);
        assert!(registry.is_empty());
        registry.check_invariants();
    }

    #[tokio::test(start_paused = true)]
    async fn a_look_at_all_shows_each_once_and_holds_nobody_up() {
        let registry = Registry::new(2);
        let all: Vec<_> = (0..5 * AT_ONCE).map(|number| registry.register(number, member(2))).collect();
        let (gone, left): (Vec<_>, Vec<_>) = all.into_iter().partition(|it| it.handle().id.0.is_multiple_of(3));
        drop(gone);
        let mut seen = Vec::new();
        registry.each(|handle| {
            assert!(registry.shards.iter().all(|shard| shard.try_lock().is_ok()), "a worker can open and end tunnels");
            seen.push(handle.id.0);
        });
        seen.sort_unstable();
        assert_eq!(seen, left.iter().map(|it| it.handle().id.0).collect::<Vec<_>>());
        registry.check_invariants();
    }

    #[tokio::test(start_paused = true)]
    async fn a_late_registration_finds_its_order_waiting() {
        let registry = Registry::new(1);
        let early = registry.register(0, member(2));
        let found = registry.begin([standing(2, None)]);
        assert_eq!(found.len(), 1);
        assert!(early.handle().order().is_none(), "who was there before is told by the pace");
        assert!(registry.register(0, member(2)).handle().order().is_some());
        assert!(registry.register(0, member(9)).handle().order().is_none(), "another route is not concerned");
        registry.check_invariants();
    }

    #[tokio::test(start_paused = true)]
    async fn a_standing_order_lasts_as_long_as_somebody_can_register_under_it() {
        let registry = Registry::new(1);
        let old_route = Arc::new(());
        registry.begin([standing(2, Some(Arc::downgrade(&old_route)))]);
        drop(old_route);
        registry.begin([]);
        assert!(locked(&registry.standing).is_empty());
        registry.check_invariants();
    }

    #[tokio::test(start_paused = true)]
    async fn an_order_takes_the_place_of_one_of_the_same_cause_and_scope() {
        let registry = Registry::new(1);
        let of_operator = |seconds| StandingOrder {
            order: StopOrder { cause: Cause::Operator, ..order(seconds) },
            ..standing(2, None)
        };
        registry.begin([standing(2, None), standing(3, None)]);
        for seconds in 1..=100 {
            registry.begin([of_operator(seconds)]);
        }
        assert_eq!(locked(&registry.standing).values().map(Vec::len).sum::<usize>(), 3);
        registry.forget(Cause::Reload, Scope::Route(Incarnation(2)));
        assert_eq!(registry.register(0, member(2)).handle().order(), Some(of_operator(100).order));
        registry.check_invariants();
    }

    #[tokio::test(start_paused = true)]
    async fn an_order_that_is_taken_back_waits_for_nobody() {
        let registry = Registry::new(1);
        registry.begin([standing(2, None), standing(3, None)]);
        registry.forget(Cause::Reload, Scope::Route(Incarnation(2)));
        assert!(!registry.register(0, member(2)).handle().has_order());
        assert!(registry.register(0, member(3)).handle().has_order(), "the other order stands");
        registry.forget(Cause::Operator, Scope::Route(Incarnation(3)));
        assert!(registry.register(0, member(3)).handle().has_order(), "another cause's order is not touched");
        registry.check_invariants();
    }

    #[tokio::test(start_paused = true)]
    async fn a_second_order_only_brings_the_deadline_nearer() {
        let registry = Registry::new(1);
        let registration = registry.register(0, member(2));
        let (first, later, sooner) = (order(10), order(20), order(5));
        registration.handle().order_close(first.clone());
        registration.handle().order_close(later);
        assert_eq!(registration.handle().order().map(|o| o.deadline), Some(first.deadline));
        registration.handle().order_close(sooner.clone());
        assert_eq!(registration.handle().order().map(|o| o.deadline), Some(sooner.deadline));
        registry.check_invariants();
    }
}
