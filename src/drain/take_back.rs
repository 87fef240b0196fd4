//! Whom a drain that is under way tells no more: the tunnels of endpoints that are taken back out of it, and all whom it has not told
//! yet where somebody else goes on with it.

use std::collections::HashSet;
use std::future::poll_fn;
use std::mem::take;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::Duration;

use futures_util::task::AtomicWaker;
use tokio::sync::oneshot;
use tokio::time::timeout;

use super::scope::Scope;
use super::tunnel_handle::TunnelHandle;

/// The endpoints of a drain that can be taken back, each by itself; by default none.
#[derive(Debug, Default)]
pub struct TakeBack {
    endpoints: Mutex<Endpoints>,
    /// Who goes on with the drain.
    successor: Mutex<Option<oneshot::Sender<Vec<Arc<TunnelHandle>>>>>,
    /// Of the drain.
    waker: AtomicWaker,
}

#[derive(Debug, Default)]
struct Endpoints {
    draining: HashSet<Scope>,
    /// Those that the drain has not heard of yet.
    returned: HashSet<Scope>,
}

/// What was taken back since the drain has asked last.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Returned {
    Nobody,
    /// These endpoints, and others drain on.
    Some(HashSet<Scope>),
    /// The last of them.
    All,
}

impl TakeBack {
    /// That of a drain of these endpoints.
    pub fn of(endpoints: impl IntoIterator<Item = Scope>) -> Self {
        let draining = endpoints.into_iter().collect();
        Self { endpoints: Mutex::new(Endpoints { draining, returned: HashSet::new() }), ..Self::default() }
    }

    /// Who is on `endpoint` and was not told yet stays.
    pub fn note(&self, endpoint: Scope) {
        {
            let mut endpoints = self.endpoints();
            let Some(endpoint) = endpoints.draining.take(&endpoint) else { return };
            endpoints.returned.insert(endpoint);
        }
        self.waker.wake();
    }

    /// Those whom the drain has not told yet: it tells them no more. It is asked for them, which it may not live to hear.
    pub async fn take_untold(&self) -> Vec<Arc<TunnelHandle>> {
        let (give, mut given) = oneshot::channel();
        *locked(&self.successor) = Some(give);
        self.waker.wake();
        match timeout(GIVEN_WITHIN, &mut given).await {
            Ok(untold) => untold.unwrap_or_default(),
            Err(_) => {
                // They may have been given in this moment.
                given.close();
                given.try_recv().unwrap_or_default()
            }
        }
    }

    /// Gives those whom the drain has not told, which it takes out of `all`, to whoever asks for them. Says whether there were any.
    pub(super) fn give_untold(&self, all: &mut Vec<Arc<TunnelHandle>>, told: usize) -> bool {
        let Some(successor) = locked(&self.successor).take() else { return false };
        let untold = all.split_off(told.min(all.len()));
        let is_any = !untold.is_empty();
        // Whoever has waited for too long has left: the drain goes on with them itself.
        successor.send(untold).map_err(|untold| all.extend(untold)).is_ok() && is_any
    }

    /// What was noted since the last call.
    pub(super) fn take_returned(&self) -> Returned {
        let mut endpoints = self.endpoints();
        let returned = take(&mut endpoints.returned);
        match returned.is_empty() {
            true => Returned::Nobody,
            false if endpoints.draining.is_empty() => Returned::All,
            false => Returned::Some(returned),
        }
    }

    /// Waits until there is something to take.
    ///
    /// Cancel safe.
    pub(super) async fn noted(&self) {
        poll_fn(|context| {
            // Before the look: what is noted after it wakes.
            self.waker.register(context.waker());
            let is_noted = !self.endpoints().returned.is_empty() || locked(&self.successor).is_some();
            if is_noted { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }

    fn endpoints(&self) -> MutexGuard<'_, Endpoints> {
        locked(&self.endpoints)
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Each change leaves it whole enough: at worst an endpoint drains on.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How long a drain may take to hear that somebody goes on with it: one that has ended never does.
const GIVEN_WITHIN: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use super::super::{Cause, Drain, DrainEnd, DrainPolicy, LOCAL_CLIENT, Member, Registry, Spread};
    use super::*;
    use crate::config::DrainWindow;
    use crate::websocket::CloseCode;

    #[tokio::test(start_paused = true)]
    async fn whoever_goes_on_with_a_drain_has_all_whom_it_has_not_told() {
        let registry = Registry::new(1);
        let tunnels: Vec<_> = (0..100).map(|_| registry.register(0, Member::of_route("chat"), LOCAL_CLIENT)).collect();
        let (deadline, spread) = (Duration::from_secs(30), Duration::from_secs(20));
        let policy = DrainPolicy {
            window: DrainWindow { deadline, spread },
            max_per_second: NonZeroU32::new(1000).unwrap(),
            code: CloseCode::SERVICE_RESTART,
            reason: None,
            spread: Spread::Exact,
        };
        let drain = Drain::of(registry.tunnels(|_| true), policy.order(Cause::Operator), &policy);
        let take_back = Arc::new(TakeBack::default());
        let running = tokio::spawn({
            let take_back = Arc::clone(&take_back);
            async move { drain.run(&take_back, |_| ()).await }
        });
        tokio::time::sleep(spread / 2).await;

        let untold = take_back.take_untold().await;

        let told = tunnels.iter().filter(|tunnel| tunnel.handle().has_order()).count();
        assert!(told > 20 && untold.len() > 20 && told + untold.len() == tunnels.len(), "{told}, {}", untold.len());
        assert!(untold.iter().all(|handle| !handle.has_order()));
        tokio::time::sleep(deadline).await;
        assert!(untold.iter().all(|handle| !handle.has_order()), "the drain told somebody all the same");
        assert_eq!(running.await.unwrap().end, DrainEnd::HandedOn);
        assert_eq!(take_back.take_untold().await.len(), 0, "a drain that is over gives nobody");
    }

    #[tokio::test(start_paused = true)]
    async fn who_has_waited_for_too_long_is_given_nobody() {
        let take_back = TakeBack::default();
        assert_eq!(take_back.take_untold().await.len(), 0);
        take_back.noted().await;
        let registry = Registry::new(1);
        let tunnels = [(); 3].map(|()| registry.register(0, Member::of_route("chat"), LOCAL_CLIENT));
        let mut all = registry.tunnels(|_| true);
        assert!(!take_back.give_untold(&mut all, 1));
        assert_eq!(all.len(), tunnels.len(), "those whom nobody took are the drain's still");
    }
}
