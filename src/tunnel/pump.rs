//! ★ The pump: carries bytes between the two sides of a tunnel, from the first to the last.
//!
//! One poll is: see whether a drain ends it; carry what there is, in both directions, through the worker's scratch; look at the
//! clock if it is time; send what is ours to send at a frame boundary; set the timer for the earliest of the table. What is read
//! comes before what is due, so that a peer is never found silent while its answer waits in a socket.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::time::Instant;

use super::ending::Ending;
use super::flow::{Flow, Progressed};
use super::frame_filter::FrameFilter;
use super::leg::Leg;
use super::liveness::Due;
use super::outcome::{Outcome, SideOutcome};
use super::parameters::{Streams, TunnelParameters};
use super::shared::Shared;
use super::timers::{TimerTable, TunnelTimer};
use super::{permitted, scratch};
use crate::drain::Registration;
use crate::net::TunnelStream;
use crate::process::Delivery;
use crate::websocket::{Direction, PerDirection, PerSide, Side};

/// How many reads of each direction one poll may do before the other tunnels of the worker have their turn.
const ROUNDS: usize = 4;

/// A tunnel, from its 101 to its [`Outcome`].
#[derive(Debug)]
pub struct Tunnel<C, U> {
    pub(super) client: Leg<C>,
    pub(super) upstream: Leg<U>,
    pub(super) from_client: FrameFilter,
    pub(super) from_upstream: FrameFilter,
    pub(super) shared: Shared,
    pub(super) registration: Registration,
    /// The deadline of the order that was obeyed last: later ones differ in nothing else, but for the first that forbids.
    pub(super) obeyed: Option<Instant>,
    pub(super) timer: TunnelTimer,
    /// The waker that the timer and the registry hold.
    pub(super) waker: Option<Waker>,
}

impl<C: TunnelStream, U: TunnelStream> Future for Tunnel<C, U> {
    type Output = Outcome;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Outcome> {
        let tunnel = self.get_mut();
        let now = Instant::now();
        tunnel.listen(cx);
        if permitted::keep_to(&tunnel.registration, &mut tunnel.shared.liveness, cx.waker()) {
            tunnel.timer.note_moved();
        }
        tunnel.obey_drain(now);
        let carried = tunnel.carry(cx, now);
        let kept = tunnel.keep_time(cx, now);
        let sent = tunnel.send_control(cx, now);
        if tunnel.shared.closing.is_some() {
            permitted::note_over(&tunnel.registration);
        }
        if let Some(outcome) = tunnel.outcome(now) {
            return Poll::Ready(outcome);
        }
        let fired = tunnel.set_timer(cx, now);
        if cfg!(debug_assertions) {
            tunnel.check_invariants(now);
        }
        if [carried, kept, sent, fired].contains(&Progressed::Something) {
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
        let mut shared = Shared::new(parameters, now);
        shared.liveness.expire_at(permitted::end(&registration));
        let timer = TunnelTimer::new(now);
        Self { client, upstream, from_client, from_upstream, shared, registration, obeyed: None, timer, waker: None }
    }

    /// Whoever polls is woken by the timer, which keeps the waker, and by an order, which takes it: only whoever was given
    /// one has to leave another.
    fn listen(&mut self, cx: &Context<'_>) {
        let is_known = self.waker.as_ref().is_some_and(|waker| waker.will_wake(cx.waker()));
        if !is_known {
            self.waker = Some(cx.waker().clone());
            self.timer.note_new_waker();
        }
        if !is_known || self.registration.handle().has_order() {
            self.registration.listen(cx.waker());
        }
    }

    /// Obeys a drain's order, once.
    fn obey_drain(&mut self, now: Instant) {
        let Some(order) = self.registration.handle().order() else { return };
        let deadline = order.deadline;
        if self.obeyed == Some(deadline) && !self.shared.is_superseded_by(&order) {
            return;
        }
        self.obeyed = Some(deadline);
        self.shared.obey(order, now).deadline_mut().hurry(deadline);
    }

    /// Carries what there is, in both directions. Says whether there may be more at once.
    fn carry(&mut self, cx: &mut Context<'_>, now: Instant) -> Progressed {
        scratch::with(|scratch| {
            let (mut from_client, mut from_upstream) = (Progressed::Something, Progressed::Something);
            for _ in 0..ROUNDS {
                if self.may_carry_more(from_client) {
                    from_client = self.client_flow().carry(cx, now, scratch);
                }
                if self.may_carry_more(from_upstream) {
                    from_upstream = self.upstream_flow().carry(cx, now, scratch);
                }
                if (from_client, from_upstream) == (Progressed::Nothing, Progressed::Nothing) {
                    return Progressed::Nothing;
                }
            }
            Progressed::Something
        })
    }

    /// Whether a direction is to be asked again that came to this. If to nothing, it is woken for what it waits for, unless the
    /// other one has changed what that is: once one of the four is no longer open, both are asked.
    fn may_carry_more(&self, carried: Progressed) -> bool {
        carried == Progressed::Something || !self.client.is_open() || !self.upstream.is_open()
    }

    /// Looks at the clock if it is time, and acts on what is due. Says whether anything was.
    fn keep_time(&mut self, cx: &mut Context<'_>, now: Instant) -> Progressed {
        if !self.timer.is_over(now) {
            return Progressed::Nothing;
        }
        if self.shared.goes_on()
            && let Some(ending) = self.poll_due(now)
        {
            self.shared.end_what_goes_on(ending, now);
            return Progressed::Something;
        }
        match &self.shared.closing {
            Some(closing) if !closing.deadline().is_ahead(now) => self.act_on_deadline(cx, now),
            Some(closing) if now >= closing.deadline().next_look(&self.shared.settings) => {
                self.put_deadline_off(now);
                Progressed::Nothing
            }
            Some(_) | None => Progressed::Nothing,
        }
    }

    /// Sends what is ours to send to both sides. Says whether that changed anything.
    fn send_control(&mut self, cx: &mut Context<'_>, now: Instant) -> Progressed {
        let to_upstream = self.client_flow().send_control(cx, now);
        let to_client = self.upstream_flow().send_control(cx, now);
        to_upstream.or(to_client)
    }

    /// What has become of the tunnel, once both directions of both sides are over.
    fn outcome(&self, now: Instant) -> Option<Outcome> {
        let closing = self.shared.closing.as_ref()?;
        (self.client.is_over() && self.upstream.is_over()).then(|| Outcome {
            ending: closing.ending().clone(),
            sides: PerSide { client: closing.outcome_of(Side::Client), upstream: closing.outcome_of(Side::Upstream) },
            counts: self.handle().traffic().vitals().counts,
            leniencies: self.from_client.leniencies().and(self.from_upstream.leniencies()),
            duration: now - self.registration.handle().opened,
            quiet: closing.begun().saturating_duration_since(self.shared.liveness.quiet_since()),
        })
    }

    /// Sets the timer where something may be due before it, or it is over. Says whether it has fired meanwhile.
    fn set_timer(&mut self, cx: &mut Context<'_>, now: Instant) -> Progressed {
        let is_steady = self.is_steady(now);
        if self.timer.holds(is_steady, now) {
            return Progressed::Nothing;
        }
        let next = self.timers(now).next();
        match self.timer.poll_set(cx, next, is_steady, now) {
            Poll::Ready(()) => Progressed::Something,
            Poll::Pending => Progressed::Nothing,
        }
    }

    /// Whether only timers run that move later and never earlier: idle, lifetime, and the quiet before a ping.
    fn is_steady(&self, now: Instant) -> bool {
        self.shared.closing.is_none()
            && self.shared.liveness.is_steady()
            && self.client.is_steady()
            && self.upstream.is_steady()
            && self.from_client.resume(now).is_none()
            && self.from_upstream.resume(now).is_none()
    }

    /// When each of its timers is due.
    fn timers(&self, now: Instant) -> TimerTable {
        let Self { client, upstream, from_client, from_upstream, shared, .. } = self;
        let Shared { settings, liveness, closing, .. } = shared;
        let goes_on = shared.goes_on();
        let stall_timeout = settings.stall_timeout.filter(|_| goes_on);
        TimerTable {
            ping: PerSide {
                client: liveness.next_ping(settings, Side::Client, now).filter(|_| goes_on),
                upstream: liveness.next_ping(settings, Side::Upstream, now).filter(|_| goes_on),
            },
            idle: liveness.idle_at(settings).filter(|_| goes_on),
            lifetime: liveness.ends_at().filter(|_| goes_on),
            stall: PerSide {
                client: stall_timeout.and_then(|timeout| client.next_look(timeout, now)),
                upstream: stall_timeout.and_then(|timeout| upstream.next_look(timeout, now)),
            },
            close: closing.as_ref().map(|closing| closing.deadline().next_look(settings)),
            last_read: PerSide {
                client: last_read(client, upstream, settings.closing_timeout, now),
                upstream: last_read(upstream, client, settings.closing_timeout, now),
            },
            pause: PerDirection { from_client: from_client.resume(now), from_upstream: from_upstream.resume(now) },
        }
    }

    fn client_flow(&mut self) -> Flow<'_, C, U> {
        let Self { client, upstream, from_client, shared, registration, .. } = self;
        Flow { from: Side::Client, source: client, sink: upstream, filter: from_client, shared, registration }
    }

    fn upstream_flow(&mut self) -> Flow<'_, U, C> {
        let Self { client, upstream, from_upstream, shared, registration, .. } = self;
        Flow { from: Side::Upstream, source: upstream, sink: client, filter: from_upstream, shared, registration }
    }

    /// The first reason to end that time brings.
    fn poll_due(&mut self, now: Instant) -> Option<Ending> {
        if let Some(side) = self.poll_stalled(now) {
            return Some(Ending::Stalled(side));
        }
        let Self { client, upstream, shared, .. } = self;
        let delivery = |side| match side {
            Side::Client => client.delivery(),
            Side::Upstream => upstream.delivery(),
        };
        let due = shared.liveness.poll_due(&shared.settings, shared.unread, delivery, now)?;
        Some(match due {
            Due::NoPong(side) => Ending::NoPong(side),
            Due::Idle => Ending::Idle,
            Due::Lifetime => Ending::Lifetime,
            Due::Expired => Ending::Expired(permitted::close_code(&self.registration)),
        })
    }

    fn poll_stalled(&mut self, now: Instant) -> Option<Side> {
        let timeout = self.shared.settings.stall_timeout?;
        if self.client.poll_stalled(timeout, now) {
            return Some(Side::Client);
        }
        self.upstream.poll_stalled(timeout, now).then_some(Side::Upstream)
    }

    /// The deadline of a tunnel that ends: a side that could not be sent a Close yet is sent one now and has time to answer, if the
    /// drain leaves any; whatever else is not over is cut.
    fn act_on_deadline(&mut self, cx: &mut Context<'_>, now: Instant) -> Progressed {
        if self.put_deadline_off(now) {
            return Progressed::Nothing;
        }
        let sent_before = self.shared.close_sent();
        if let Some(closing) = &mut self.shared.closing {
            closing.force();
        }
        self.send_control(cx, now);
        let Some(closing) = &mut self.shared.closing else { return Progressed::Nothing };
        let has_time = |side| closing.is_close_sent(side) && !sent_before[side] && closing.deadline().is_ahead(now);
        let (client, upstream) = (has_time(Side::Client), has_time(Side::Upstream));
        if !client && !self.client.is_over() {
            closing.note_cut(Side::Client, self.client.is_delivered());
            self.client.cut(cx);
        }
        if !upstream && !self.upstream.is_over() {
            closing.note_cut(Side::Upstream, self.upstream.is_delivered());
            self.upstream.cut(cx);
        }
        Progressed::Something
    }

    /// A side that is slow gets more time, until it is stalled. Says whether one did.
    fn put_deadline_off(&mut self, now: Instant) -> bool {
        if let Some(closing) = &mut self.shared.closing {
            closing.deadline_mut().note_looked(now);
        }
        self.poll_stalled(now).is_none() && (self.wait_for_delivery(now) || self.wait_for_blocked(now))
    }

    /// A side that still takes the last of what is for it cannot have answered what stands at its end.
    fn wait_for_delivery(&mut self, now: Instant) -> bool {
        let Self { client, upstream, shared, .. } = self;
        let Some(closing) = &mut shared.closing else { return false };
        let mut wait_for = |side, delivery: Option<Delivery>| {
            delivery.is_some_and(|delivery| closing.wait_for(side, &delivery, &shared.settings, now))
        };
        let client = wait_for(Side::Client, client.last_delivery());
        let upstream = wait_for(Side::Upstream, upstream.last_delivery());
        client || upstream
    }

    /// What is left of a raw tunnel is not quiet while it waits for a slow side; `stall_timeout` judges that one.
    fn wait_for_blocked(&mut self, now: Instant) -> bool {
        let is_blocked = self.client.blocked_since().is_some() || self.upstream.blocked_since().is_some();
        if !is_blocked || self.shared.settings.stall_timeout.is_none() {
            return false;
        }
        let Some(closing) = &mut self.shared.closing else { return false };
        let deadline = closing.deadline_mut();
        if !deadline.waits_for_quiet() {
            return false;
        }
        deadline.note_passed(now);
        deadline.is_ahead(now)
    }

    /// Panics where an invariant does not hold. Called after every poll where debug assertions are on.
    fn check_invariants(&self, now: Instant) {
        self.shared.check_invariants();
        self.from_client.check_invariants();
        self.from_upstream.check_invariants();
        self.client.check_invariants();
        self.upstream.check_invariants();
        check_handshake(&self.client, Side::Client, &self.shared);
        check_handshake(&self.upstream, Side::Upstream, &self.shared);
        self.timer.check_invariants(&self.timers(now));
    }

    /// How much memory its buffers hold, one direction each: what waits for the sink and what was not judged.
    #[cfg(any(test, feature = "fuzzing"))]
    pub(super) fn buffered(&self) -> PerDirection<usize> {
        PerDirection {
            from_client: self.upstream.buffered() + self.from_client.buffered(),
            from_upstream: self.client.buffered() + self.from_upstream.buffered(),
        }
    }
}

/// When nothing more of `side`, a write to which failed, is waited for, or when to look again how `sink` takes what came from it.
fn last_read<S: TunnelStream, T: TunnelStream>(
    side: &Leg<S>,
    sink: &Leg<T>,
    timeout: Duration,
    now: Instant,
) -> Option<Instant> {
    let until = side.read_after_failed_write_until(timeout)?;
    Some(sink.next_look(timeout, now).map_or(until, |look| look.min(until)))
}

/// What was sent to a side and read from it agrees with its closing handshake.
fn check_handshake<S: TunnelStream>(leg: &Leg<S>, side: Side, shared: &Shared) {
    let Some(closing) = &shared.closing else {
        assert!(!leg.has_close() && !leg.has_closed(), "the {side:?} is {:?}, and nothing has ended", leg.state());
        return;
    };
    let (is_sent, outcome) = (closing.is_close_sent(side), closing.outcome_of(side));
    assert!(is_sent || !leg.has_close(), "a Close went to the {side:?}: {outcome:?}");
    assert!(!is_sent || !leg.is_forwarding(), "something may follow the Close to the {side:?}");
    assert!(outcome != SideOutcome::InsideFrame || !leg.is_forwarding(), "the {side:?} is sent more");
    assert!(outcome != SideOutcome::Cut || leg.is_dead(), "the {side:?} was cut, and is {:?}", leg.state());
    let is_received = closing.is_close_received(side) || outcome == SideOutcome::InsideFrame;
    assert!(is_received || !leg.has_closed(), "the {side:?} closed: {outcome:?}");
}
