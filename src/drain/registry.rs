//! Every open tunnel, so that none is forgotten: listed, told and counted.
//!
//! Invariants: what is in a shard is open, under a number that was given out to it alone. Of the orders that wait, no two are
//! for the same cause and scope.
//! [`check_invariants`](Registry::check_invariants) says the same in code, for tests: it looks at everything. In a debug
//! build each step looks at what it has changed.

use std::collections::{HashMap, HashSet, VecDeque};
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::Waker;
use std::time::Duration;

use slab::Slab;
use tokio::time::Instant;

use super::members::Members;
use super::policy::{Cause, StopOrder};
use super::revocation::Revocation;
use super::scope::{Member, Scope, TunnelId};
use super::taps::{TapRefused, Taps};
use super::tunnel_handle::TunnelHandle;
use crate::access::Permit;
use crate::tap::TapFeed;
use crate::traffic::Traffic;
use crate::websocket::{Direction, Extensions};

/// Every open tunnel of the process, in shards so that workers do not wait for each other.
#[derive(Debug)]
pub struct Registry {
    shards: Box<[Mutex<Shard>]>,
    /// By scope: thousands of endpoints may leave at once, and who registers is in five of them at the most.
    standing: Mutex<HashMap<Scope, Vec<StandingOrder>>>,
    /// What was taken back lately, and when: who was let in before, and registers only now, is told too.
    revoked: Mutex<VecDeque<(Instant, Revocation)>>,
    /// The last id that was given out; not all of them opened.
    last: AtomicU64,
    traffic: Traffic,
    taps: Taps,
}

/// The tunnels of one worker.
#[derive(Debug, Default)]
struct Shard {
    tunnels: Slab<Arc<TunnelHandle>>,
    members: Members,
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
        Arc::new(Self { shards, standing, revoked, last: AtomicU64::new(0), traffic, taps: Taps::default() })
    }

    /// Registers a tunnel that is about to open on `worker`, for which nobody was asked. Where its scope is already draining, its
    /// order waits.
    pub fn register(self: &Arc<Self>, worker: usize, member: Member, client: IpAddr) -> Registration {
        self.insert((worker, client), member, None)
    }

    /// The same, for as long as it is permitted: it was let in at a time that may be long ago, and has its order where that was taken
    /// back since.
    pub fn register_permitted(
        self: &Arc<Self>,
        (worker, client): (usize, IpAddr),
        member: Member,
        permit: Box<Permit>,
        let_in: Instant,
    ) -> Registration {
        let registration = self.insert((worker, client), member, Some(permit));
        self.obey_revocations(&registration, let_in);
        registration
    }

    /// Registers a tunnel that opened in another process, under its number there, as it is about to go on on `worker`. What was taken back
    /// since it opened is its order.
    pub fn register_moved(
        self: &Arc<Self>,
        (worker, client): (usize, IpAddr),
        member: Member,
        permit: Option<Box<Permit>>,
        (id, opened): (TunnelId, Instant),
    ) -> Registration {
        self.number_on(id);
        let registration = self.insert_as((id, opened), (worker, client), member, permit);
        self.obey_revocations(&registration, opened);
        registration
    }

    fn insert(self: &Arc<Self>, whose: (usize, IpAddr), member: Member, permit: Option<Box<Permit>>) -> Registration {
        let id = TunnelId(self.last.fetch_add(1, Ordering::Relaxed) + 1);
        self.insert_as((id, Instant::now()), whose, member, permit)
    }

    fn insert_as(
        self: &Arc<Self>,
        born: (TunnelId, Instant),
        (worker, client): (usize, IpAddr),
        member: Member,
        permit: Option<Box<Permit>>,
    ) -> Registration {
        let shard = worker % self.shards.len();
        let traffic = self.traffic.begin(shard, &member.route.0);
        let mut registered = self.shard(shard);
        let whose = (registered.members.shared(member), client);
        let handle = Arc::new(TunnelHandle::new(born, whose, traffic, permit));
        let key = registered.tunnels.insert(Arc::clone(&handle));
        drop(registered);
        // After the insert: a drain that starts now either finds the handle or is found by it.
        let standing = locked(&self.standing);
        for standing in handle.member.scopes().iter().filter_map(|scope| standing.get(scope)).flatten() {
            handle.order_close(standing.order.clone());
        }
        drop(standing);
        Registration { handle, registry: Arc::clone(self), shard, key }
    }

    /// Gives a tunnel that was let in then its order, where that was taken back since.
    fn obey_revocations(&self, registration: &Registration, let_in: Instant) {
        // After the insert: what is taken back now either finds the handle or is found by it.
        for (given, revocation) in &*locked(&self.revoked) {
            if *given >= let_in && revocation.is_about(&registration.handle) {
                registration.handle.order_close(revocation.order());
            }
        }
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

    /// All open tunnels, those of each worker by themselves.
    pub fn tunnels_by_worker(&self) -> Vec<Vec<Arc<TunnelHandle>>> {
        let of_worker = |shard| {
            let mut found = Vec::new();
            self.each_of_worker(shard, &mut |handle| found.push(Arc::clone(handle)));
            found
        };
        (0..self.shards.len()).map(of_worker).collect()
    }

    /// Shows every open tunnel to `look`. Nobody waits for it: a shard is held only while some of its handles are copied.
    ///
    /// Who is open all the while is shown once; who opens or ends meanwhile, once or not at all.
    pub fn each(&self, mut look: impl FnMut(&Arc<TunnelHandle>)) {
        (0..self.shards.len()).for_each(|shard| self.each_of_worker(shard, &mut look));
    }

    fn each_of_worker(&self, shard: usize, look: &mut impl FnMut(&Arc<TunnelHandle>)) {
        let mut some = Vec::with_capacity(AT_ONCE);
        for first in (0..).step_by(AT_ONCE) {
            // A handle keeps its key.
            let registered = self.shard(shard);
            if first >= registered.tunnels.capacity() {
                break;
            }
            some.extend((first..first + AT_ONCE).filter_map(|key| registered.tunnels.get(key)).cloned());
            drop(registered);
            some.drain(..).for_each(|handle| look(&handle));
        }
    }

    /// What goes through the tunnels of each route.
    pub fn traffic(&self) -> &Traffic {
        &self.traffic
    }

    /// Has somebody look at what passes through a tunnel from now on, until the feed is dropped.
    ///
    /// # Errors
    /// There is no such tunnel, or too many look already.
    pub fn tap(&self, id: TunnelId) -> Result<(Arc<TunnelHandle>, TapFeed), TapRefused> {
        let handle = self.tunnels(|handle| handle.id == id).pop().ok_or(TapRefused::Unknown(id))?;
        let feed = self.taps.begin(&handle)?;
        Ok((handle, feed))
    }

    #[cfg(test)]
    pub(super) fn taps(&self) -> &Taps {
        &self.taps
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
        (0..self.shards.len()).map(|shard| self.shard(shard).tunnels.len()).sum()
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
            for (_, handle) in &self.shard(shard).tunnels {
                handle.check_invariants();
                assert!(!handle.is_ended(), "tunnel {} has ended, and is registered", handle.id);
                assert!(handle.id.0 <= self.last().0, "tunnel {} has a number that was not given out", handle.id);
                assert!(ids.insert(handle.id), "two tunnels are number {}", handle.id);
            }
        }
    }

    #[expect(clippy::indexing_slicing, reason = "every caller takes the shard modulo their number")]
    fn shard(&self, shard: usize) -> MutexGuard<'_, Shard> {
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

    /// Shows what passed in a direction to those who look at the tunnel: what was agreed on, and how many bytes of a frame were missing
    /// where it begins.
    #[cold]
    pub fn show(&self, direction: Direction, state: (Option<Extensions>, u64), bytes: &[u8], at: Instant) {
        self.registry.taps.see(&self.handle, direction, state, bytes, at);
    }

    /// Wakes `waker` from now on when an order comes, when its deadline comes nearer, or when the end of what the tunnel is permitted
    /// moves.
    pub fn listen(&self, waker: &Waker) {
        self.handle.register_waker(waker);
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        let removed = self.registry.shard(self.shard).tunnels.try_remove(self.key);
        debug_assert!(
            removed.is_some_and(|removed| Arc::ptr_eq(&removed, &self.handle)),
            "tunnel {} was not where it was registered",
            self.handle.id
        );
        self.handle.note_ended();
        if self.handle.is_tapped() {
            self.registry.taps.end(self.handle.id);
        }
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
mod tests;
