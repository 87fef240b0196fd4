//! Sees one drain through: who is told when, how many are left, and when it is over.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::pace::Pace;
use super::policy::{DrainPolicy, StopOrder};
use super::registry::{Registry, StandingOrder};
use super::scope::Scope;
use super::take_back::{Returned, TakeBack};
use super::tunnel_handle::TunnelHandle;

/// What a told tunnel needs for its closing handshakes: the last one is told so long before the deadline.
const CLOSING_TIME: Duration = Duration::from_secs(5);
/// How often a drain looks who is left: often enough that a stop is not felt to be late.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// A drain that has begun: its scope is closed to newcomers, and those inside wait to be told.
#[derive(Debug)]
pub struct Drain {
    handles: Vec<Arc<TunnelHandle>>,
    pace: Pace,
    order: StopOrder,
    started: Instant,
}

/// How far a drain has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DrainProgress {
    /// All that were open when it began, but for those of endpoints that were taken back out of it.
    pub tunnels: usize,
    /// Tunnels still open.
    pub left: usize,
    /// Tunnels told so far, among them those that ended since.
    pub told: usize,
    /// Tunnels that ended, each after a Close or by itself.
    pub closed: usize,
    /// Tunnels that their deadline found open: they were cut, or are being cut.
    pub cut: usize,
    /// When what is left is cut.
    pub ends_at: Instant,
}

/// What became of the tunnels of a drain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DrainSummary {
    /// How it ended.
    pub end: DrainEnd,
    /// As in [`DrainProgress`].
    pub tunnels: usize,
    /// Those that were open at their deadline, when they were cut.
    pub cut: usize,
    /// How long it took.
    pub took: Duration,
}

/// How a drain ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DrainEnd {
    /// Every tunnel was told.
    Complete,
    /// It was taken back: those that were not told by then stay.
    TakenBack,
    /// Another drain has gone on with those that were not told by then.
    HandedOn,
}

impl Drain {
    /// Begins a drain: whoever registers in one of `standing`'s scopes from now on finds `order` waiting.
    pub fn begin(
        registry: &Registry,
        standing: impl IntoIterator<Item = StandingOrder>,
        order: StopOrder,
        policy: &DrainPolicy,
    ) -> Self {
        Self::of(registry.begin(standing), order, policy)
    }

    /// Begins a drain of these tunnels; whoever registers from now on is not concerned.
    pub fn of(mut handles: Vec<Arc<TunnelHandle>>, order: StopOrder, policy: &DrainPolicy) -> Self {
        let seed = fastrand::u64(..);
        fastrand::Rng::with_seed(seed).shuffle(&mut handles);
        let pace = Self::plan(handles.len(), policy, seed);
        Self { handles, pace, order, started: Instant::now() }
    }

    /// How a drain of `tunnels` tunnels would be paced.
    pub fn plan(tunnels: usize, policy: &DrainPolicy, seed: u64) -> Pace {
        let DrainPolicy { window, max_per_second, .. } = policy;
        Pace::new(tunnels, policy.spread_over(tunnels), window.deadline, CLOSING_TIME, *max_per_second, seed)
    }

    /// How many tunnels it is about.
    pub fn len(&self) -> usize {
        self.handles.len()
    }

    /// Whether it is about none.
    pub fn is_empty(&self) -> bool {
        self.handles.is_empty()
    }

    /// How they are paced.
    pub fn pace(&self) -> &Pace {
        &self.pace
    }

    /// When what is left is cut.
    pub fn ends_at(&self) -> Instant {
        self.order.deadline
    }

    /// What is told.
    pub fn order(&self) -> &StopOrder {
        &self.order
    }

    /// When the last one is told.
    pub fn told_by(&self) -> Instant {
        self.started + self.pace.duration()
    }

    /// Tells everyone in turn and waits until all have ended, the deadline has come, or the last of its endpoints was taken back.
    /// `report` hears of the progress at every look.
    pub async fn run(mut self, take_back: &TakeBack, mut report: impl FnMut(DrainProgress)) -> DrainSummary {
        let (mut told, mut look_at, mut end) = (0, self.started, DrainEnd::Complete);
        loop {
            let now = Instant::now();
            match take_back.take_returned() {
                Returned::Nobody => {}
                Returned::Some(endpoints) => self.let_stay(&endpoints, told),
                Returned::All => return self.report(DrainEnd::TakenBack, self.progress(told, now), now),
            }
            if take_back.give_untold(&mut self.handles, told) {
                end = DrainEnd::HandedOn;
            }
            told = self.tell_until(now, told);
            // Looking takes a moment for each tunnel: not whenever one is told.
            if now >= look_at {
                let progress = self.progress(told, now);
                report(progress);
                if progress.left == 0 || now >= self.order.deadline {
                    return self.report(end, progress, now);
                }
                look_at = (now + LOOK_EVERY).min(self.order.deadline);
            }
            tokio::select! {
                () = sleep_until(self.next_step(told, look_at)) => {}
                () = take_back.noted() => {}
            }
        }
    }

    fn progress(&self, told: usize, now: Instant) -> DrainProgress {
        let ends_at = self.order.deadline;
        let mut progress = DrainProgress { tunnels: self.handles.len(), left: 0, told, closed: 0, cut: 0, ends_at };
        for handle in &self.handles {
            // Tunnels look at the same clock as we do: of those that the deadline cuts, some are gone already.
            let (is_ended, is_cut) = (handle.is_ended(), handle.is_cut(now));
            progress.left += usize::from(!is_ended);
            progress.cut += usize::from(is_cut);
            progress.closed += usize::from(is_ended && !is_cut);
        }
        progress
    }

    fn report(&self, end: DrainEnd, progress: DrainProgress, now: Instant) -> DrainSummary {
        DrainSummary { end, tunnels: self.handles.len(), cut: progress.cut, took: now - self.started }
    }

    fn tell_until(&mut self, now: Instant, mut told: usize) -> usize {
        while let Some(handle) = self.handles.get(told) {
            if self.started + self.pace.at(told) > now {
                break;
            }
            handle.order_close(self.order.clone());
            told += 1;
        }
        told
    }

    /// The tunnels of these endpoints are told no more; those that were told already are not. The others are told sooner, and at
    /// the same rate.
    fn let_stay(&mut self, endpoints: &HashSet<Scope>, told: usize) {
        let stays = |handle: &mut Arc<TunnelHandle>| endpoints.contains(&Scope::Endpoint(handle.member.endpoint.1));
        self.handles.extract_if(told.., stays).for_each(drop);
    }

    fn next_step(&self, told: usize, look_at: Instant) -> Instant {
        if told < self.handles.len() { look_at.min(self.started + self.pace.at(told)) } else { look_at }
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;
    use std::task::Poll;

    use super::super::{Cause, DrainTarget, Incarnation, LOCAL_CLIENT, Member, Registration, Spread};
    use super::*;
    use crate::config::DrainWindow;
    use crate::websocket::CloseCode;

    const WINDOW: DrainWindow = DrainWindow { deadline: Duration::from_secs(30), spread: Duration::from_secs(20) };

    fn policy() -> DrainPolicy {
        let max_per_second = NonZeroU32::new(1000).unwrap();
        DrainPolicy {
            window: WINDOW,
            max_per_second,
            code: CloseCode::SERVICE_RESTART,
            reason: None,
            spread: Spread::Exact,
        }
    }

    fn registration(registry: &Arc<Registry>, endpoint: u64) -> Registration {
        let member = Member {
            listener: ("public".into(), Incarnation(1)),
            route: ("chat".into(), Incarnation(2)),
            upstream: ("chat".into(), Incarnation(3)),
            endpoint: ("a".into(), Incarnation(endpoint)),
        };
        registry.register(0, member, LOCAL_CLIENT)
    }

    fn drain(registry: &Registry, scope: Scope) -> Drain {
        let order = policy().order(Cause::Operator);
        Drain::begin(registry, [StandingOrder { scope, order: order.clone(), while_alive: None }], order, &policy())
    }

    /// A tunnel that ends as soon as it is told.
    async fn polite(registration: Registration) -> Instant {
        std::future::poll_fn(|cx| {
            registration.listen(cx.waker());
            if registration.handle().order().is_some() { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
        Instant::now()
    }

    #[tokio::test(start_paused = true)]
    async fn tells_everyone_over_the_spread_and_ends_with_the_last() {
        let registry = Registry::new(1);
        let start = Instant::now();
        let tunnels: Vec<_> = (0..200).map(|_| tokio::spawn(polite(registration(&registry, 4)))).collect();
        tokio::task::yield_now().await;
        let report = drain(&registry, Scope::All).run(&TakeBack::default(), |_| ()).await;
        assert_eq!((report.tunnels, report.cut), (200, 0));
        let mut first_half = 0;
        for tunnel in tunnels {
            first_half += usize::from(tunnel.await.unwrap() < start + WINDOW.spread / 2);
        }
        assert!((80..=120).contains(&first_half), "{first_half} of 200 in the first half of the spread");
    }

    #[tokio::test(start_paused = true)]
    async fn a_hundred_thousand_are_told_in_time_at_a_raised_rate() {
        let registry = Registry::new(2);
        let start = Instant::now();
        let tunnels: Vec<_> = (0..100_000).map(|_| tokio::spawn(polite(registration(&registry, 4)))).collect();
        tokio::task::yield_now().await;
        let drain = drain(&registry, Scope::All);
        assert_eq!(drain.pace().raised_to(), Some(4000), "1000 a second would leave most of them untold");
        let report = drain.run(&TakeBack::default(), |_| ()).await;
        assert_eq!((report.tunnels, report.cut), (100_000, 0));
        for tunnel in tunnels {
            assert!(tunnel.await.unwrap() <= start + WINDOW.deadline - CLOSING_TIME);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn drains_only_the_endpoint_it_is_about() {
        let registry = Registry::new(1);
        let stays = registration(&registry, 5);
        let goes = tokio::spawn(polite(registration(&registry, 4)));
        let report = drain(&registry, Scope::Endpoint(Incarnation(4))).run(&TakeBack::default(), |_| ()).await;
        assert_eq!(report.tunnels, 1);
        goes.await.unwrap();
        assert!(stays.handle().order().is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn gives_up_at_the_deadline_and_says_how_many_were_left() {
        let registry = Registry::new(1);
        let deaf = registration(&registry, 4);
        let mut last = None;
        let report = drain(&registry, Scope::All).run(&TakeBack::default(), |progress| last = Some(progress)).await;
        assert_eq!(report, DrainSummary { end: DrainEnd::Complete, tunnels: 1, cut: 1, took: WINDOW.deadline });
        let last = last.map(|DrainProgress { left, told, closed, cut, .. }| (left, told, closed, cut));
        assert_eq!(last, Some((1, 1, 0, 1)));
        assert!(deaf.handle().order().is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn ends_one_tunnel_and_no_other() {
        let registry = Registry::new(1);
        let stays = registration(&registry, 4);
        let goes = registration(&registry, 4);
        let target = DrainTarget::Tunnel(goes.handle().id);
        let goes = tokio::spawn(polite(goes));
        let handles = registry.tunnels(|handle| target.is_about(handle));
        let drain = Drain::of(handles, policy().order(Cause::Operator), &policy());
        assert_eq!(drain.run(&TakeBack::default(), |_| ()).await.tunnels, 1);
        goes.await.unwrap();
        assert!(!stays.handle().has_order());
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_is_taken_back_tells_nobody_more() {
        let registry = Registry::new(1);
        let all: Vec<_> = (0..100).map(|_| registration(&registry, 4)).collect();
        let endpoint = Scope::Endpoint(Incarnation(4));
        let (drain, take_back) = (drain(&registry, endpoint), Arc::new(TakeBack::of([endpoint])));
        note_at(&take_back, endpoint, WINDOW.spread / 2);
        let report = drain.run(&take_back, |_| ()).await;
        assert_eq!((report.end, report.took), (DrainEnd::TakenBack, WINDOW.spread / 2));
        let told = || all.iter().filter(|registration| registration.handle().has_order()).count();
        let told_by_then = told();
        assert!((40..=60).contains(&told_by_then), "{told_by_then} of 100 in half of the spread");
        tokio::time::sleep(WINDOW.deadline).await;
        assert_eq!(told(), told_by_then);
    }

    #[tokio::test(start_paused = true)]
    async fn an_endpoint_that_is_taken_back_leaves_the_others_to_be_told() {
        let registry = Registry::new(1);
        let (goes, stays) = (Scope::Endpoint(Incarnation(4)), Scope::Endpoint(Incarnation(5)));
        let gone: Vec<_> = (0..100).map(|_| tokio::spawn(polite(registration(&registry, 4)))).collect();
        let left: Vec<_> = (0..100).map(|_| registration(&registry, 5)).collect();
        tokio::task::yield_now().await;
        let (drain, take_back) = (drain(&registry, Scope::All), Arc::new(TakeBack::of([goes, stays])));
        note_at(&take_back, stays, WINDOW.spread / 2);
        let mut last = None;
        let report = drain.run(&take_back, |progress| last = Some(progress)).await;
        let told = left.iter().filter(|registration| registration.handle().has_order()).count();
        assert!((35..=65).contains(&told), "{told} of 100 in half of the spread");
        // They were told, stay open all the same, and are cut.
        assert_eq!((report.end, report.tunnels, report.cut), (DrainEnd::Complete, 100 + told, told));
        assert_eq!(last.map(|it| (it.told, it.closed)), Some((100 + told, 100)));
        for tunnel in gone {
            tunnel.await.unwrap();
        }
        take_back.note(stays);
        assert_eq!(take_back.take_returned(), Returned::Nobody, "it is back already");
    }

    fn note_at(take_back: &Arc<TakeBack>, endpoint: Scope, after: Duration) {
        let take_back = Arc::clone(take_back);
        tokio::spawn(async move {
            tokio::time::sleep(after).await;
            take_back.note(endpoint);
        });
    }

    #[tokio::test(start_paused = true)]
    async fn tells_closed_from_cut() {
        let registry = Registry::new(1);
        let (closed, cut) = (registration(&registry, 4), registration(&registry, 4));
        let drain = drain(&registry, Scope::All);
        let deadline = drain.ends_at();
        tokio::spawn(polite(closed));
        tokio::spawn(async move {
            sleep_until(deadline).await;
            drop(cut);
        });
        let mut last = None;
        drain.run(&TakeBack::default(), |progress| last = Some((progress.closed, progress.cut))).await;
        assert_eq!(last, Some((1, 1)));
    }
}
