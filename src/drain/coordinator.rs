//! Sees one drain through: who is told when, how many are left, and when it is over.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::order::{Cause, StopOrder};
use super::pace::Pace;
use super::registry::{Registry, Standing, Ticket};
use crate::config::{DrainSettings, DrainWindow};

/// What a told tunnel needs to say its good-byes: the last one is told so long before the deadline.
const ANSWER: Duration = Duration::from_secs(5);
/// How often a drain looks who is left: often enough that a stop is not felt to be late.
const LOOK: Duration = Duration::from_millis(50);
/// How often it reports: a human pace.
const REPORT: Duration = Duration::from_secs(5);

/// A drain that has begun: its scope is closed to newcomers, and those inside wait to be told.
#[derive(Debug)]
pub struct Drain {
    tickets: Vec<Arc<Ticket>>,
    pace: Pace,
    order: StopOrder,
    started: Instant,
}

/// How far a drain has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Tunnels still open.
    pub left: usize,
    /// Tunnels told so far, among them those that ended since.
    pub told: usize,
    /// When what is left is cut.
    pub ends_at: Instant,
}

/// What became of the tunnels of a drain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Report {
    /// All that were open when it began.
    pub tunnels: usize,
    /// Those that were open at the deadline, when they were cut.
    pub cut: usize,
    /// How long it took.
    pub took: Duration,
}

impl Drain {
    /// Begins a drain: whoever registers in one of `standing`'s scopes from now on finds `order` waiting.
    pub fn begin(
        registry: &Registry,
        standing: impl IntoIterator<Item = Standing>,
        order: StopOrder,
        settings: &DrainSettings,
        window: DrainWindow,
    ) -> Self {
        Self::of(registry.begin(standing), order, settings, window)
    }

    /// Begins a drain of these tunnels; whoever registers from now on is not concerned.
    pub fn of(mut tickets: Vec<Arc<Ticket>>, order: StopOrder, settings: &DrainSettings, window: DrainWindow) -> Self {
        let seed = fastrand::u64(..);
        fastrand::Rng::with_seed(seed).shuffle(&mut tickets);
        let pace = Pace::new(tickets.len(), window.spread, window.deadline, ANSWER, settings.max_per_second, seed);
        Self { tickets, pace, order, started: Instant::now() }
    }

    /// The order for a drain that starts now.
    pub fn order(cause: Cause, settings: &DrainSettings, window: DrainWindow) -> StopOrder {
        StopOrder { cause, code: settings.close_code, deadline: Instant::now() + window.deadline }
    }

    /// How many tunnels it is about.
    pub fn len(&self) -> usize {
        self.tickets.len()
    }

    /// Whether it is about none.
    pub fn is_empty(&self) -> bool {
        self.tickets.is_empty()
    }

    /// How they are paced.
    pub fn pace(&self) -> &Pace {
        &self.pace
    }

    /// Tells everyone in turn and waits until all have ended or the deadline has come. `report` hears of the progress
    /// at a human pace.
    pub async fn run(mut self, mut report: impl FnMut(Progress)) -> Report {
        let tunnels = self.tickets.len();
        let mut told = 0;
        let mut report_at = self.started + REPORT;
        loop {
            let now = Instant::now();
            told = self.tell_until(now, told);
            let left = self.tickets.iter().filter(|ticket| !ticket.is_ended()).count();
            if left == 0 || now >= self.order.deadline {
                let took = now - self.started;
                // Tunnels look at the same clock as we do: some of those that it cut are gone already.
                let cut = self.tickets.iter().filter(|ticket| !ticket.is_ended_before(self.order.deadline)).count();
                return Report { tunnels, cut, took };
            }
            if now >= report_at {
                report(Progress { left, told, ends_at: self.order.deadline });
                report_at = now + REPORT;
            }
            sleep_until(self.next_look(now, told)).await;
        }
    }

    fn tell_until(&mut self, now: Instant, mut told: usize) -> usize {
        while let Some(ticket) = self.tickets.get(told) {
            if self.started + self.pace.at(told) > now {
                break;
            }
            ticket.tell(self.order);
            told += 1;
        }
        told
    }

    fn next_look(&self, now: Instant, told: usize) -> Instant {
        let look = (now + LOOK).min(self.order.deadline);
        if told < self.tickets.len() { look.min(self.started + self.pace.at(told)) } else { look }
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};
    use std::num::NonZeroU32;
    use std::task::Poll;

    use super::super::{Incarnation, Member, Registration, Scope};
    use super::*;
    use crate::config::{HandoffSettings, OnReload};
    use crate::websocket::CloseCode;

    const WINDOW: DrainWindow = DrainWindow { deadline: Duration::from_secs(30), spread: Duration::from_secs(20) };

    fn settings() -> DrainSettings {
        DrainSettings {
            close_code: CloseCode::SERVICE_RESTART,
            max_per_second: NonZeroU32::new(1000).unwrap(),
            stop: WINDOW,
            reload: WINDOW,
            on_reload: OnReload::Drain,
            handoff: HandoffSettings { window: WINDOW, max_predecessors: 2, ready_within: WINDOW.deadline },
        }
    }

    fn registration(registry: &Arc<Registry>, endpoint: u64) -> Registration {
        let member = Member {
            listener: ("public".into(), Incarnation(1)),
            route: ("chat".into(), Incarnation(2)),
            upstream: ("chat".into(), Incarnation(3)),
            endpoint: ("a".into(), Incarnation(endpoint)),
            client: IpAddr::V4(Ipv4Addr::LOCALHOST),
        };
        registry.register(0, member)
    }

    fn drain(registry: &Registry, scope: Scope) -> Drain {
        let order = Drain::order(Cause::Reload, &settings(), WINDOW);
        Drain::begin(registry, [Standing { scope, order, while_alive: None }], order, &settings(), WINDOW)
    }

    /// A tunnel that ends as soon as it is told.
    async fn polite(registration: Registration) -> Instant {
        std::future::poll_fn(|cx| {
            registration.listen(cx.waker());
            if registration.ticket().order().is_some() { Poll::Ready(()) } else { Poll::Pending }
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
        let report = drain(&registry, Scope::All).run(|_| ()).await;
        assert_eq!((report.tunnels, report.cut), (200, 0));
        let mut first_half = 0;
        for tunnel in tunnels {
            first_half += usize::from(tunnel.await.unwrap() < start + WINDOW.spread / 2);
        }
        assert!((80..=120).contains(&first_half), "{first_half} of 200 in the first half of the spread");
    }

    #[tokio::test(start_paused = true)]
    async fn drains_only_the_endpoint_it_is_about() {
        let registry = Registry::new(1);
        let stays = registration(&registry, 5);
        let goes = tokio::spawn(polite(registration(&registry, 4)));
        let report = drain(&registry, Scope::Endpoint(Incarnation(4))).run(|_| ()).await;
        assert_eq!(report.tunnels, 1);
        goes.await.unwrap();
        assert!(stays.ticket().order().is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn gives_up_at_the_deadline_and_says_how_many_were_left() {
        let registry = Registry::new(1);
        let deaf = registration(&registry, 4);
        let mut reports = 0;
        let report = drain(&registry, Scope::All).run(|_| reports += 1).await;
        assert_eq!(report, Report { tunnels: 1, cut: 1, took: WINDOW.deadline });
        assert!(reports >= 5, "{reports} reports in 30 s");
        assert!(deaf.ticket().order().is_some());
    }
}
