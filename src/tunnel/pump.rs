//! ★ The pump: carries bytes between the two sides of a tunnel, from the first to the last.
//!
//! One poll is: hear whether we have to end; carry what there is, both ways, through the worker's scratch; look at the clock
//! if it is time; say what is to be said at a frame boundary. What is read comes before what is due, so that a peer is never
//! found silent while its answer waits in a socket.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::task::coop::has_budget_remaining;
use tokio::time::{Instant, Sleep, sleep_until};

use super::closing::FAR;
use super::ending::Ending;
use super::flow::{Carried, Flow};
use super::frame_filter::FrameFilter;
use super::leg::Leg;
use super::liveness::Due;
use super::outcome::Outcome;
use super::parameters::{Streams, TunnelParameters};
use super::scratch;
use super::shared::Shared;
use crate::config::WebsocketSettings;
use crate::drain::{Registration, TunnelHandle};
use crate::net::TunnelStream;
use crate::process::Delivery;
use crate::websocket::{Direction, PerDirection, PerSide, Side};

/// How many reads of each direction one poll may do before the other tunnels of the worker have their turn.
const ROUNDS: usize = 4;

/// A tunnel, from its 101 to its [`Outcome`].
#[derive(Debug)]
pub struct Tunnel<C, U> {
    client: Leg<C>,
    upstream: Leg<U>,
    from_client: FrameFilter,
    from_upstream: FrameFilter,
    shared: Shared,
    registration: Registration,
    /// The deadline of the drain order that was obeyed last: later orders differ in nothing else.
    obeyed: Option<Instant>,
    timer: Pin<Box<Sleep>>,
    /// The waker that the timer and the registry hold.
    waker: Option<Waker>,
}

impl<C: TunnelStream, U: TunnelStream> Future for Tunnel<C, U> {
    type Output = Outcome;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Outcome> {
        let tunnel = self.get_mut();
        let now = Instant::now();
        tunnel.listen(cx);
        tunnel.hear_order(now);
        let carried = tunnel.carry(cx, now);
        let kept = tunnel.keep_time(cx, now);
        let said = tunnel.speak(cx, now);
        if let Some(outcome) = tunnel.outcome(now) {
            return Poll::Ready(outcome);
        }
        let fired = tunnel.set_timer(cx, now);
        if [carried, kept, said, fired].contains(&Carried::Something) {
            cx.waker().wake_by_ref();
        }
        Poll::Pending
    }
}

impl<C: TunnelStream, U: TunnelStream> Tunnel<C, U> {
    /// Joins two streams. Nothing happens until it is polled.
    pub fn new(streams: Streams<C, U>, parameters: TunnelParameters, registration: Registration) -> Self {
        let now = Instant::now();
        let from_client = parameters.filter(Direction::FromClient, streams.client_early, now);
        let from_upstream = parameters.filter(Direction::FromUpstream, streams.upstream_early, now);
        let mut client = Leg::new(streams.client);
        client.push(&streams.answer);
        let upstream = Leg::new(streams.upstream);
        let shared = Shared::new(parameters, now);
        let timer = Box::pin(sleep_until(now));
        Self { client, upstream, from_client, from_upstream, shared, registration, obeyed: None, timer, waker: None }
    }

    /// The registry's side of it.
    pub fn handle(&self) -> &TunnelHandle {
        self.registration.handle()
    }

    /// Its limits.
    pub fn settings(&self) -> &WebsocketSettings {
        &self.shared.settings
    }

    /// Whoever polls is woken by the timer, which keeps the waker, and by an order, which takes it: only whoever was given
    /// one has to leave another.
    fn listen(&mut self, cx: &Context<'_>) {
        let is_known = self.waker.as_ref().is_some_and(|waker| waker.will_wake(cx.waker()));
        if !is_known {
            self.waker = Some(cx.waker().clone());
            self.shared.rearm = true;
        }
        if !is_known || self.registration.handle().has_order() {
            self.registration.listen(cx.waker());
        }
    }

    /// Obeys a drain's order, once.
    fn hear_order(&mut self, now: Instant) {
        let Some(order) = self.registration.handle().order() else { return };
        let deadline = order.deadline;
        if self.obeyed == Some(deadline) {
            return;
        }
        self.obeyed = Some(deadline);
        self.shared.rearm = true;
        self.shared.end(Ending::Drained(order), now).hurry(deadline);
    }

    /// Carries what there is, both ways. Says whether there may be more at once.
    fn carry(&mut self, cx: &mut Context<'_>, now: Instant) -> Carried {
        scratch::with(|scratch| {
            let (mut from_client, mut from_upstream) = (Carried::Something, Carried::Something);
            for _ in 0..ROUNDS {
                if self.may_carry_more(from_client) {
                    from_client = self.client_flow().carry(cx, now, scratch);
                }
                if self.may_carry_more(from_upstream) {
                    from_upstream = self.upstream_flow().carry(cx, now, scratch);
                }
                if (from_client, from_upstream) == (Carried::Nothing, Carried::Nothing) {
                    return Carried::Nothing;
                }
            }
            Carried::Something
        })
    }

    /// Whether a way is to be asked again that came to this. If to nothing, it is woken for what it waits for, unless the
    /// other way has changed what that is: once one of the four is no longer open, both are asked.
    fn may_carry_more(&self, carried: Carried) -> bool {
        carried == Carried::Something || !self.client.is_open() || !self.upstream.is_open()
    }

    /// Looks at the clock if it is time, and acts on what is due. Says whether anything was.
    fn keep_time(&mut self, cx: &mut Context<'_>, now: Instant) -> Carried {
        if now < self.timer.deadline() && !self.shared.rearm {
            return Carried::Nothing;
        }
        self.shared.rearm = true;
        if self.shared.goes_on()
            && let Some(ending) = self.due(now)
        {
            self.shared.end_what_goes_on(ending, now);
            return Carried::Something;
        }
        match &self.shared.closing {
            Some(closing) if now >= closing.deadline() => self.act_on_deadline(cx, now),
            Some(closing) if now >= closing.next_look(&self.shared.settings) => {
                self.puts_deadline_off(now);
                Carried::Nothing
            }
            Some(_) | None => Carried::Nothing,
        }
    }

    /// Says what is to be said to both sides. Says whether that changed anything.
    fn speak(&mut self, cx: &mut Context<'_>, now: Instant) -> Carried {
        let to_upstream = self.client_flow().speak(cx, now);
        let to_client = self.upstream_flow().speak(cx, now);
        to_upstream.or(to_client)
    }

    /// What has become of the tunnel, once both ways of both sides are over.
    fn outcome(&self, now: Instant) -> Option<Outcome> {
        let closing = self.shared.closing.as_ref()?;
        (self.client.is_over() && self.upstream.is_over()).then(|| Outcome {
            ending: closing.ending().clone(),
            farewell: PerSide { client: closing.farewell(Side::Client), upstream: closing.farewell(Side::Upstream) },
            counts: PerDirection { from_client: self.from_client.counts(), from_upstream: self.from_upstream.counts() },
            leniencies: self.from_client.leniencies().and(self.from_upstream.leniencies()),
            duration: now - self.registration.handle().opened,
        })
    }

    /// Sets the timer if its time has come or something may be due earlier. Says whether it has fired meanwhile.
    fn set_timer(&mut self, cx: &mut Context<'_>, now: Instant) -> Carried {
        if !self.shared.rearm {
            return Carried::Nothing;
        }
        if !has_budget_remaining() {
            // The timer would not take our waker now (tokio's cooperative scheduling): it has to be set in the next poll.
            return Carried::Something;
        }
        self.shared.rearm = false;
        let next = self.next_deadline(now).unwrap_or(now + FAR);
        self.timer.as_mut().reset(next);
        match self.timer.as_mut().poll(cx) {
            Poll::Ready(()) => Carried::Something,
            Poll::Pending => Carried::Nothing,
        }
    }

    fn client_flow(&mut self) -> Flow<'_, C, U> {
        let Self { client, upstream, from_client, shared, .. } = self;
        Flow { from: Side::Client, source: client, sink: upstream, filter: from_client, shared }
    }

    fn upstream_flow(&mut self) -> Flow<'_, U, C> {
        let Self { client, upstream, from_upstream, shared, .. } = self;
        Flow { from: Side::Upstream, source: upstream, sink: client, filter: from_upstream, shared }
    }

    /// The first reason to end that time brings.
    fn due(&mut self, now: Instant) -> Option<Ending> {
        if let Some(side) = self.stalled(now) {
            return Some(Ending::Stalled(side));
        }
        let Self { client, upstream, shared, .. } = self;
        let delivery = |side| match side {
            Side::Client => client.delivery(),
            Side::Upstream => upstream.delivery(),
        };
        let due = shared.liveness.due(&shared.settings, shared.unread, delivery, now)?;
        Some(match due {
            Due::NoPong(side) => Ending::NoPong(side),
            Due::Idle => Ending::Idle,
            Due::Lifetime => Ending::Lifetime,
        })
    }

    fn stalled(&mut self, now: Instant) -> Option<Side> {
        let timeout = self.shared.settings.stall_timeout?;
        if self.client.is_stalled(timeout, now) {
            return Some(Side::Client);
        }
        self.upstream.is_stalled(timeout, now).then_some(Side::Upstream)
    }

    /// The deadline of a tunnel that ends: a side that could not be told yet is told now and has time to answer, if the drain
    /// leaves any; whatever else is not over is cut.
    fn act_on_deadline(&mut self, cx: &mut Context<'_>, now: Instant) -> Carried {
        if self.puts_deadline_off(now) {
            return Carried::Nothing;
        }
        let told_before = self.shared.told();
        if let Some(closing) = &mut self.shared.closing {
            closing.insist();
        }
        self.speak(cx, now);
        let Some(closing) = &mut self.shared.closing else { return Carried::Nothing };
        let has_time = |side| closing.is_told(side) && !*told_before.get(side) && now < closing.deadline();
        let (client, upstream) = (has_time(Side::Client), has_time(Side::Upstream));
        if !client && !self.client.is_over() {
            closing.note_cut(Side::Client, self.client.is_delivered());
            self.client.cut(cx);
        }
        if !upstream && !self.upstream.is_over() {
            closing.note_cut(Side::Upstream, self.upstream.is_delivered());
            self.upstream.cut(cx);
        }
        Carried::Something
    }

    /// A side that is slow has more time, until it is stalled.
    fn puts_deadline_off(&mut self, now: Instant) -> bool {
        if let Some(closing) = &mut self.shared.closing {
            closing.note_looked(now);
        }
        self.stalled(now).is_none() && (self.is_delivering(now) || self.is_kept_from_talking(now))
    }

    /// A side that still takes the last of what is for it cannot have answered what stands at its end.
    fn is_delivering(&mut self, now: Instant) -> bool {
        let Self { client, upstream, shared, .. } = self;
        let Some(closing) = &mut shared.closing else { return false };
        let mut waits_for = |side, delivery: Option<Delivery>| {
            delivery.is_some_and(|delivery| closing.wait_for(side, &delivery, &shared.settings, now))
        };
        let client = waits_for(Side::Client, client.last_delivery());
        let upstream = waits_for(Side::Upstream, upstream.last_delivery());
        client || upstream
    }

    /// What is left of a raw tunnel is not quiet while it waits for a slow side; `stall_timeout` judges that one.
    fn is_kept_from_talking(&mut self, now: Instant) -> bool {
        let waits = self.client.blocked_since().is_some() || self.upstream.blocked_since().is_some();
        if !waits || self.shared.settings.stall_timeout.is_none() {
            return false;
        }
        let Some(closing) = self.shared.closing.as_mut().filter(|closing| closing.waits_for_quiet()) else {
            return false;
        };
        closing.note_passed(now);
        now < closing.deadline()
    }

    fn next_deadline(&self, now: Instant) -> Option<Instant> {
        let shared = &self.shared;
        let timeout = shared.settings.closing_timeout;
        let end = shared.closing.as_ref().map(|closing| closing.next_look(&shared.settings));
        let due = shared.goes_on().then(|| self.next_due(now)).flatten();
        let client_words = last_words(&self.client, &self.upstream, timeout, now);
        let upstream_words = last_words(&self.upstream, &self.client, timeout, now);
        let resumes = [self.from_client.resume(now), self.from_upstream.resume(now)];
        resumes.into_iter().chain([end, due, client_words, upstream_words]).flatten().min()
    }

    /// When to ask again what is due.
    fn next_due(&self, now: Instant) -> Option<Instant> {
        let settings = &self.shared.settings;
        let liveness = self.shared.liveness.next(settings, now);
        let client = settings.stall_timeout.and_then(|timeout| self.client.next_look(timeout, now));
        let upstream = settings.stall_timeout.and_then(|timeout| self.upstream.next_look(timeout, now));
        [client, upstream, liveness].into_iter().flatten().min()
    }

    /// How much memory its buffers hold, one direction each: what waits for the sink and what was not judged.
    #[cfg(any(test, fuzzing))]
    pub(super) fn buffered(&self) -> PerDirection<usize> {
        PerDirection {
            from_client: self.upstream.buffered() + self.from_client.buffered(),
            from_upstream: self.client.buffered() + self.from_upstream.buffered(),
        }
    }
}

/// When the last words of `side` are over, or when to look again how `sink` takes what stands before them.
fn last_words<S: TunnelStream, T: TunnelStream>(
    side: &Leg<S>,
    sink: &Leg<T>,
    timeout: Duration,
    now: Instant,
) -> Option<Instant> {
    let until = side.last_words_until(timeout)?;
    Some(sink.next_look(timeout, now).map_or(until, |look| look.min(until)))
}
