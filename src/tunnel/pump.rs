//! ★ The pump: carries bytes between the two sides of a tunnel, from the first to the last.
//!
//! One poll is: hear whether we have to end; carry what there is, both ways, through the worker's scratch; say what is to
//! be said at a frame boundary; look at the clock if it is time. `Way` is one direction, used twice.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use tokio::time::{Instant, Sleep, sleep_until};

use super::activity::{Activity, Due, Leg as Heard};
use super::closing::Closing;
use super::ending::{Ending, Gone};
use super::half::{Asked, Event, Half, Judged, Mark, OnClose};
use super::outcome::Outcome;
use super::rates::Rates;
use super::scratch::{self, HEAD};
use super::side::{Read, Side as Leg, Write};
use crate::config::WebsocketSettings;
use crate::drain::{Registration, StopOrder};
use crate::net::TunnelStream;
use crate::websocket::{Direction, Extensions, Frame, Inspector, PerDirection, PerSide, Rules, Side};

/// How many reads of each direction one poll may do before the other tunnels of the worker have their turn.
const ROUNDS: usize = 4;

/// The two streams of a tunnel, and what was read from them with the handshake.
#[derive(Debug)]
pub struct Joined<C, U> {
    /// The client's stream.
    pub client: C,
    /// The endpoint's stream.
    pub upstream: U,
    /// What the client sent after its request.
    pub client_early: Vec<u8>,
    /// What the endpoint sent after its answer.
    pub upstream_early: Vec<u8>,
    /// The head of our answer to the client, which goes before everything else.
    pub answer: Vec<u8>,
}

/// What a tunnel is held to for as long as it lives.
#[derive(Clone, Debug)]
pub struct Terms {
    /// Timers and limits.
    pub settings: Arc<WebsocketSettings>,
    /// What the two sides speak.
    pub protocol: Protocol,
}

/// What the two sides of a tunnel speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// WebSocket, with what the handshake agreed on.
    Websocket(Extensions),
    /// Something else: bytes are passed as they come, a Close cannot be said, a half-close is kept.
    Raw,
}

/// A tunnel, from its 101 to its [`Outcome`].
#[derive(Debug)]
pub struct Tunnel<C, U> {
    client: Leg<C>,
    upstream: Leg<U>,
    from_client: Half,
    from_upstream: Half,
    common: Common,
    registration: Registration,
    /// The drain order that was obeyed last.
    order: Option<StopOrder>,
    timer: Pin<Box<Sleep>>,
    /// Whose waker the timer and the registration hold.
    waker: Option<Waker>,
}

/// What both directions share.
#[derive(Debug)]
struct Common {
    settings: Arc<WebsocketSettings>,
    activity: Activity,
    closing: Option<Box<Closing>>,
    /// The payload of our own pings.
    mark: Mark,
    /// A ping of ours waits for a boundary.
    ping_wanted: PerSide<bool>,
    /// A ping of the other side's has gone to this one and is unanswered.
    ping_forwarded: PerSide<bool>,
    /// We do not read from it: its sink is slow, or it is too fast.
    unread: PerSide<bool>,
    /// A side above its rate is read again then.
    resume: PerSide<Option<Instant>>,
    /// A deadline may have come that is earlier than the timer's.
    rearm: bool,
}

impl<C: TunnelStream, U: TunnelStream> Tunnel<C, U> {
    /// Joins two streams. Nothing happens until it is polled.
    pub fn new(joined: Joined<C, U>, terms: Terms, registration: Registration) -> Self {
        let now = Instant::now();
        let half = |direction, early| match terms.protocol {
            Protocol::Raw => Half::raw(early),
            Protocol::Websocket(extensions) => {
                let limits = terms.settings.limits.get(direction);
                let inspector = Inspector::new(Rules {
                    direction,
                    extensions,
                    max_frame: limits.max_frame.unwrap_or(u64::MAX),
                    max_message: limits.max_message.unwrap_or(u64::MAX),
                    max_fragments: limits.max_fragments.unwrap_or(u64::MAX),
                });
                Half::websocket(inspector, Rates::new(limits, now), early)
            }
        };
        let from_client = half(Direction::FromClient, joined.client_early);
        let from_upstream = half(Direction::FromUpstream, joined.upstream_early);
        let mut client = Leg::new(joined.client);
        client.push(&joined.answer);
        let common = Common {
            activity: Activity::new(&terms.settings, now, fastrand::f64() * 2.0 - 1.0),
            settings: terms.settings,
            closing: None,
            mark: fastrand::u64(..).to_ne_bytes(),
            ping_wanted: PerSide::default(),
            ping_forwarded: PerSide::default(),
            unread: PerSide::default(),
            resume: PerSide::default(),
            rearm: true,
        };
        let timer = Box::pin(sleep_until(now));
        let upstream = Leg::new(joined.upstream);
        Self { client, upstream, from_client, from_upstream, common, registration, order: None, timer, waker: None }
    }

    /// Carries what there is, both ways. Says whether there may be more at once.
    fn carry(&mut self, cx: &mut Context<'_>, now: Instant) -> Carried {
        scratch::with(|scratch| {
            for _ in 0..ROUNDS {
                let from_client = self.client_way().carry(cx, now, scratch);
                let from_upstream = self.upstream_way().carry(cx, now, scratch);
                if (from_client, from_upstream) == (Carried::Nothing, Carried::Nothing) {
                    return Carried::Nothing;
                }
            }
            Carried::Something
        })
    }

    fn client_way(&mut self) -> Way<'_, C, U> {
        let Self { client, upstream, from_client, common, .. } = self;
        Way { from: Side::Client, client_read: client.read, source: client, sink: upstream, half: from_client, common }
    }

    fn upstream_way(&mut self) -> Way<'_, U, C> {
        let Self { client, upstream, from_upstream, common, .. } = self;
        let client_read = client.read;
        Way { from: Side::Upstream, client_read, source: upstream, sink: client, half: from_upstream, common }
    }

    /// Obeys a drain's order, once.
    fn hear_order(&mut self, now: Instant) {
        let order = self.registration.ticket().order();
        if order == self.order {
            return;
        }
        self.order = order;
        if let Some(order) = order {
            self.common.rearm = true;
            match &mut self.common.closing {
                Some(closing) => closing.hurry(order.deadline),
                None => self.common.end(Ending::Drained(order), now),
            }
        }
    }

    /// Looks at the clock if it is time, and acts on what is due. Says whether anything was.
    fn keep_time(&mut self, cx: &mut Context<'_>, now: Instant) -> Carried {
        if now < self.timer.deadline() && !self.common.rearm {
            return Carried::Nothing;
        }
        self.common.rearm = false;
        if self.act_on_time(now) {
            return Carried::Something;
        }
        let next = self.next_deadline().unwrap_or(now + FAR);
        self.timer.as_mut().reset(next);
        // Registers the waker; a timer that has fired meanwhile is looked at again at once.
        match self.timer.as_mut().poll(cx) {
            Poll::Ready(()) => Carried::Something,
            Poll::Pending => Carried::Nothing,
        }
    }

    fn act_on_time(&mut self, now: Instant) -> bool {
        if let Some(closing) = &mut self.common.closing {
            if now >= closing.deadline() {
                closing.cut(Side::Client, &mut self.client);
                closing.cut(Side::Upstream, &mut self.upstream);
                return true;
            }
            return false;
        }
        let stall_over = |since: Option<Instant>| {
            self.common.settings.stall_timeout.zip(since).is_some_and(|(timeout, since)| now >= since + timeout)
        };
        if stall_over(self.client.blocked_since()) {
            self.common.end(Ending::Stalled(Side::Client), now);
            return true;
        }
        if stall_over(self.upstream.blocked_since()) {
            self.common.end(Ending::Stalled(Side::Upstream), now);
            return true;
        }
        let (client, upstream) = (&self.client, &self.upstream);
        let delivery = |side| match side {
            Side::Client => client.delivery(),
            Side::Upstream => upstream.delivery(),
        };
        self.common.act_on_activity(delivery, now)
    }

    fn next_deadline(&self) -> Option<Instant> {
        let common = &self.common;
        let stall = |since: Option<Instant>| Some(since? + common.settings.stall_timeout?);
        let of_its_state = match &common.closing {
            Some(closing) => Some(closing.deadline()),
            None => [
                common.activity.next(&common.settings),
                stall(self.client.blocked_since()),
                stall(self.upstream.blocked_since()),
            ]
            .into_iter()
            .flatten()
            .min(),
        };
        [of_its_state, common.resume.client, common.resume.upstream].into_iter().flatten().min()
    }

    /// The registration and the timer wake whoever polls; that changes at most when the tunnel moves to another task.
    fn listen(&mut self, cx: &Context<'_>) {
        if !self.waker.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
            self.waker = Some(cx.waker().clone());
            self.registration.listen(cx.waker());
            self.common.rearm = true;
        }
    }

    fn outcome(&self, now: Instant) -> Option<Outcome> {
        let closing = self.common.closing.as_ref()?;
        (self.client.is_over() && self.upstream.is_over()).then(|| Outcome {
            ending: closing.ending(),
            farewell: PerSide { client: closing.farewell(Side::Client), upstream: closing.farewell(Side::Upstream) },
            counts: PerDirection { from_client: self.from_client.counts(), from_upstream: self.from_upstream.counts() },
            duration: now - self.registration.ticket().opened,
        })
    }
}

impl<C: TunnelStream, U: TunnelStream> Future for Tunnel<C, U> {
    type Output = Outcome;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Outcome> {
        let tunnel = self.get_mut();
        let now = Instant::now();
        tunnel.listen(cx);
        tunnel.hear_order(now);
        loop {
            let carried = tunnel.carry(cx, now);
            tunnel.client_way().speak(cx, now);
            tunnel.upstream_way().speak(cx, now);
            if let Some(outcome) = tunnel.outcome(now) {
                return Poll::Ready(outcome);
            }
            if tunnel.keep_time(cx, now) == Carried::Something {
                continue;
            }
            if carried == Carried::Something {
                cx.waker().wake_by_ref();
            }
            return Poll::Pending;
        }
    }
}

/// Further away than any deadline of a tunnel without one.
const FAR: std::time::Duration = std::time::Duration::from_secs(365 * 24 * 3600);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Carried {
    Something,
    Nothing,
}

impl Common {
    fn end(&mut self, ending: Ending, now: Instant) {
        self.closing.get_or_insert_with(|| Box::new(Closing::new(ending, &self.settings, now)));
        self.rearm = true;
    }

    fn act_on_activity(&mut self, delivery: impl Fn(Side) -> Option<crate::process::Delivery>, now: Instant) -> bool {
        let legs = |unread: bool| if unread { Heard::Unread } else { Heard::Read };
        let legs = PerSide { client: legs(self.unread.client), upstream: legs(self.unread.upstream) };
        match self.activity.due(&self.settings, legs, delivery, now) {
            None => return false,
            // A peer may answer only the latest ping (RFC 6455 §5.5.3): one that is on its way already asks for us.
            Some(Due::Ping(side)) => *self.ping_wanted.get_mut(side) = !*self.ping_forwarded.get(side),
            Some(Due::NoPong(side)) => self.end(Ending::NoPong(side), now),
            Some(Due::Idle) => self.end(Ending::Idle, now),
            Some(Due::Lifetime) => self.end(Ending::Lifetime, now),
        }
        self.rearm = true;
        true
    }

    /// Whether a frame of ours waits for a boundary on the way to `side`.
    fn has_word_for(&self, side: Side, client_read: Read) -> bool {
        match &self.closing {
            Some(closing) => closing.word_for(side, client_read).is_some(),
            None => *self.ping_wanted.get(side),
        }
    }
}

/// One direction at work.
struct Way<'a, A, B> {
    from: Side,
    client_read: Read,
    source: &'a mut Leg<A>,
    sink: &'a mut Leg<B>,
    half: &'a mut Half,
    common: &'a mut Common,
}

impl<A: TunnelStream, B: TunnelStream> Way<'_, A, B> {
    /// Reads once, judges what came and passes it on.
    fn carry(&mut self, cx: &mut Context<'_>, now: Instant, scratch: &mut [u8]) -> Carried {
        if self.source.read == Read::Ended || !self.may_read(cx, now) {
            return Carried::Nothing;
        }
        let start = self.half.resume(scratch);
        let until = HEAD + self.room(scratch.len() - HEAD);
        let Some(room) = scratch.get_mut(HEAD..until).filter(|room| !room.is_empty()) else {
            return Carried::Nothing;
        };
        let count = match self.half.take_backlog(room) {
            0 => match self.source.poll_read(cx, room) {
                Poll::Pending => return Carried::Nothing,
                Poll::Ready(Ok(0)) => return self.source_gone(Gone::Finished, now),
                Poll::Ready(Err(_)) => return self.source_gone(Gone::Broken, now),
                Poll::Ready(Ok(count)) => {
                    self.common.activity.note_heard(self.from, now);
                    count
                }
            },
            count => count,
        };
        let Some(chunk) = scratch.get_mut(start..HEAD + count) else { return Carried::Nothing };
        if self.is_forwarding() {
            self.pass(cx, now, chunk)
        } else {
            self.discard(now, chunk)
        }
        Carried::Something
    }

    /// Whether there is somewhere to put what would be read: back-pressure, and a rate that throttles.
    fn may_read(&mut self, cx: &mut Context<'_>, now: Instant) -> bool {
        let blocked = self.is_forwarding() && self.sink.poll_flush(cx, now).is_pending();
        let resume = self.common.resume.get_mut(self.from);
        let throttled = resume.is_some_and(|resume| now < resume);
        if !throttled {
            *resume = None;
        }
        let unread = self.common.unread.get_mut(self.from);
        if blocked && !*unread {
            self.common.rearm = true;
        }
        if *unread && !blocked && !throttled {
            self.common.activity.stand_still(self.from, now);
        }
        *unread = blocked || throttled;
        !*unread
    }

    /// How much may be read: where a frame of ours waits, no more than up to the boundary where it can stand.
    fn room(&self, most: usize) -> usize {
        let to = self.from.other();
        if !self.sink.is_forwarding() || !self.common.has_word_for(to, self.client_read) {
            return most;
        }
        self.half.until_boundary().map_or(most, |missing| usize::try_from(missing).unwrap_or(most).min(most))
    }

    fn is_forwarding(&self) -> bool {
        let stopped = |closing: &Closing| closing.is_stopped(self.from, self.source.read);
        self.sink.is_forwarding() && !self.common.closing.as_deref().is_some_and(stopped)
    }

    fn pass(&mut self, cx: &mut Context<'_>, now: Instant, chunk: &mut [u8]) {
        let passes_close = self.common.closing.as_ref().is_none_or(|closing| closing.passes_close(self.from));
        let on_close = if passes_close { OnClose::Pass } else { OnClose::Swallow };
        let judged = self.half.judge(chunk, on_close, Some(self.common.mark), now);
        self.sink.write(cx, chunk.get(..judged.passed).unwrap_or_default(), now);
        self.half.note_passed(&judged);
        self.note(&judged, now);
        match judged.event {
            None => {}
            Some(Event::Closed(code)) => {
                self.source.read = Read::Closed;
                self.half.discard();
                if passes_close {
                    self.common.end(Ending::PeerClosed { by: self.from, code }, now);
                    self.sink.write = Write::Told;
                }
                if let Some(closing) = &mut self.common.closing {
                    closing.note_answered(self.from);
                    if passes_close {
                        closing.note_told(self.from.other(), &self.common.settings, now);
                        self.common.rearm = true;
                    }
                }
            }
            Some(Event::Violated(violation)) => {
                if violation.is_limit() && self.common.closing.is_none() {
                    self.half.lift_limits();
                } else {
                    self.source.read = Read::Unread;
                    self.half.discard();
                }
                self.common.end(Ending::Violated { by: self.from, violation }, now);
            }
        }
    }

    fn note(&mut self, judged: &Judged, now: Instant) {
        if judged.data || judged.control_frames > 0 {
            self.common.activity.note_frame(&self.common.settings, judged.data, now);
        }
        match judged.asked {
            None => {}
            Some(Asked::Ping) => *self.common.ping_forwarded.get_mut(self.from.other()) = true,
            Some(Asked::Pong) => *self.common.ping_forwarded.get_mut(self.from) = false,
        }
        if judged.throttled.is_some() {
            *self.common.resume.get_mut(self.from) = judged.throttled;
            self.common.rearm = true;
        }
    }

    /// Reads on only to find the source's Close, and to keep its own writes from failing before it finds ours.
    fn discard(&mut self, now: Instant, chunk: &mut [u8]) {
        let size = chunk.len();
        if self.source.read == Read::Open {
            match self.half.judge(chunk, OnClose::Swallow, Some(self.common.mark), now).event {
                None => {}
                Some(Event::Closed(_)) => {
                    self.source.read = Read::Closed;
                    if let Some(closing) = &mut self.common.closing {
                        closing.note_answered(self.from);
                    }
                }
                Some(Event::Violated(violation)) if violation.is_limit() => self.half.lift_limits(),
                Some(Event::Violated(_)) => self.source.read = Read::Unread,
            }
        }
        if self.source.read != Read::Open {
            self.half.discard();
        }
        if self.common.closing.as_mut().is_some_and(|closing| closing.note_discarded(self.from, size)) {
            self.source.read = Read::Ended;
        }
    }

    fn source_gone(&mut self, gone: Gone, now: Instant) -> Carried {
        self.half.discard();
        if gone == Gone::Broken {
            self.source.die();
        }
        if std::mem::replace(&mut self.source.read, Read::Ended) == Read::Open {
            self.common.end(Ending::Lost { side: self.from, gone }, now);
            if let Some(closing) = &mut self.common.closing {
                closing.note_lost(self.from);
            }
        }
        Carried::Something
    }

    /// Says to the sink what is to be said: a ping, a Close, a FIN.
    fn speak(&mut self, cx: &mut Context<'_>, now: Instant) {
        let to = self.from.other();
        if self.sink.is_forwarding() {
            self.say_close(to, now);
        }
        if self.sink.is_forwarding() && *self.common.ping_wanted.get(to) && self.half.is_at_boundary() {
            self.sink.push(&Frame::ping(to, &self.common.mark, mask()));
            *self.common.ping_wanted.get_mut(to) = false;
        }
        if self.sink.write == Write::Told && self.may_finish(to) {
            self.sink.write = Write::Finishing;
        }
        let was_blocked = self.sink.blocked_since().is_some();
        if self.sink.poll_finish(cx, now).is_pending() {
            self.common.rearm |= !was_blocked;
        } else if self.common.activity.is_ping_waiting(to) && !*self.common.ping_wanted.get(to) {
            self.common.activity.note_flushed(to, self.sink.delivery(), now);
            self.common.rearm = true;
        }
    }

    fn say_close(&mut self, to: Side, now: Instant) {
        let Some(closing) = &mut self.common.closing else { return };
        match closing.word_for(to, self.client_read) {
            Some((code, reason)) if self.half.is_at_boundary() => {
                self.sink.push(&Frame::close(to, code, &reason, mask()));
                self.sink.write = Write::Told;
                closing.note_told(to, &self.common.settings, now);
                self.common.rearm = true;
            }
            Some(_) if closing.is_stopped(self.from, self.source.read) || self.half.until_boundary().is_none() => {
                closing.note_inside_frame(to);
                self.sink.write = Write::Finishing;
            }
            None if closing.is_rest_for(to) && self.source.read != Read::Open => self.sink.write = Write::Finishing,
            None if closing.is_cut_off(to) => {
                closing.cut(to, self.sink);
            }
            Some(_) | None => {}
        }
    }

    /// Whether a FIN may follow the Close: the server side closes first (RFC 6455 §7.1.1), and towards the client that is us.
    fn may_finish(&self, to: Side) -> bool {
        match to {
            Side::Client => self.sink.read != Read::Open,
            Side::Upstream => self.sink.read == Read::Ended,
        }
    }
}

/// A fresh masking key; unpredictable, as RFC 6455 §5.3 asks, or zero where the system has no entropy to give.
fn mask() -> [u8; 4] {
    getrandom::u32().unwrap_or_default().to_ne_bytes()
}
