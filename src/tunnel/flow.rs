//! One direction at work: reads from its source, judges, passes on to its sink, and sends the sink what is ours to send.

use std::task::{Context, Poll};

use tokio::time::Instant;

use super::closing::NextClose;
use super::ending::{Ending, Loss};
use super::frame_filter::{Backlog, FrameFilter};
use super::judged::{DirectionEnd, Judged, OnClose};
use super::leg::Leg;
use super::mask::masking_key;
use super::protocol::Protocol;
use super::scratch::{Meters, READ, ReadScratch};
use super::shared::Shared;
use super::sizes::Sizes;
use crate::drain::Registration;
use crate::net::TunnelStream;
use crate::ranges::{within, within_mut};
use crate::traffic::{Passed, Second};
use crate::websocket::{CloseCode, Frame, Side, Violation};

/// One direction at work.
pub(super) struct Flow<'a, A, B> {
    pub(super) from: Side,
    pub(super) source: &'a mut Leg<A>,
    pub(super) sink: &'a mut Leg<B>,
    pub(super) filter: &'a mut FrameFilter,
    pub(super) shared: &'a mut Shared,
    pub(super) registration: &'a Registration,
}

/// Whether a step came to something, so that another one may too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Progressed {
    Something,
    Nothing,
}

impl Progressed {
    pub(super) fn or(self, other: Self) -> Self {
        if self == Self::Something { self } else { other }
    }
}

impl<A: TunnelStream, B: TunnelStream> Flow<'_, A, B> {
    /// Reads once, judges what came and passes it on.
    pub(super) fn carry(&mut self, cx: &mut Context<'_>, now: Instant, scratch: &mut ReadScratch) -> Progressed {
        if self.source.has_ended() {
            return Progressed::Nothing;
        }
        if !self.poll_room(cx, now) {
            return self.handle_nothing_read(now);
        }
        let Some(most) = self.readable(now) else {
            // A frame of ours stands here first: `send_control` puts it there in this very poll, and has the next one follow.
            return Progressed::Nothing;
        };
        let ReadScratch { bytes, meters, clock } = scratch;
        let mut asked = None;
        let count = match self.filter.recall(bytes, most) {
            Backlog::Whole(count) => count,
            Backlog::Start(kept) => match self.source.poll_read(cx, within_mut(bytes, kept..kept + most)) {
                Poll::Pending => return self.handle_nothing_read(now),
                // The write that failed took the error away, and left the reader what looks like a FIN.
                Poll::Ready(Ok(0)) if self.source.is_dead() => return self.handle_lost(Loss::Broken, now),
                Poll::Ready(Ok(0)) => return self.handle_lost(Loss::Finished, now),
                Poll::Ready(Err(_)) => return self.handle_lost(Loss::Broken, now),
                Poll::Ready(Ok(count)) => {
                    asked = self.shared.liveness.note_received(self.from, now);
                    kept + count
                }
            },
        };
        let chunk = within_mut(bytes, ..count);
        if self.is_forwarding() {
            self.pass(cx, now, chunk, meters, (clock.read(now), asked));
        } else {
            self.discard(now, chunk, meters);
        }
        Progressed::Something
    }

    /// Nothing of the source is to be had now, or nothing is wanted. If a write to it failed, what it sent before may still be
    /// under way to us: a socket says `Pending` until the runtime has looked at it again, whatever the kernel holds. Behind
    /// that comes the end of the stream; where neither comes, or nobody takes it, the source is gone all the same.
    #[inline]
    fn handle_nothing_read(&mut self, now: Instant) -> Progressed {
        if self.source.is_steady() {
            // What nearly every poll finds.
            return Progressed::Nothing;
        }
        self.handle_nothing_read_after_failed_write(now)
    }

    #[cold]
    fn handle_nothing_read_after_failed_write(&mut self, now: Instant) -> Progressed {
        let timeout = self.shared.settings.closing_timeout;
        let Some(until) = self.source.read_after_failed_write_until(timeout) else { return Progressed::Nothing };
        let is_held_back = self.shared.unread[self.from];
        if is_held_back && !self.sink.poll_stalled(timeout, now) {
            self.source.await_read_after_failed_write(self.sink.blocked_since().unwrap_or(now));
            return Progressed::Nothing;
        }
        if now < until {
            return Progressed::Nothing;
        }
        self.handle_lost(Loss::Broken, now)
    }

    /// Whether what is read now is passed on.
    fn is_forwarding(&self) -> bool {
        self.sink.is_forwarding() && self.source.is_passed_on()
    }

    /// Makes room for what would be read: what waits for the sink goes first (back-pressure). Says whether there is some, and no
    /// rate holds the source back.
    fn poll_room(&mut self, cx: &mut Context<'_>, now: Instant) -> bool {
        let is_forwarding = self.is_forwarding();
        let is_blocked = is_forwarding && self.sink.poll_flush(cx, now).is_pending();
        let is_throttled = is_forwarding && self.filter.resume(now).is_some();
        let is_unread = is_blocked || is_throttled;
        let was_unread = std::mem::replace(&mut self.shared.unread[self.from], is_unread);
        if is_blocked {
            self.note_waiting(now);
        } else if was_unread {
            self.note_taken(now);
        }
        if was_unread && !is_unread {
            self.shared.liveness.note_unread(self.from, now);
        }
        !is_unread
    }

    /// The source is not read, since its sink takes nothing.
    #[cold]
    fn note_waiting(&self, now: Instant) {
        let at = now.saturating_duration_since(self.registration.handle().opened);
        self.registration.handle().traffic().note_waiting(self.from.sends(), self.sink.waiting(), at);
    }

    /// The source is read again.
    #[cold]
    fn note_taken(&self, now: Instant) {
        self.registration
            .handle()
            .traffic()
            .note_taken(self.from.sends(), now.saturating_duration_since(self.registration.handle().opened));
    }

    /// How much may be read: where a frame of ours waits, no more than up to the boundary where it can stand, and `None` if that
    /// is here.
    fn readable(&mut self, now: Instant) -> Option<usize> {
        if !self.is_forwarding() {
            return Some(READ);
        }
        let most = self.filter.room(READ, now);
        // A rate without a pause has something left: else nobody would wake us when it has.
        debug_assert!(most > 0, "nothing may be read, and nothing says until when");
        let most = most.max(1);
        if !self.shared.has_frame_for(self.from.other()) {
            return Some(most);
        }
        match self.filter.until_boundary() {
            Some(0) => None,
            Some(missing) => Some(usize::try_from(missing).unwrap_or(most).min(most)),
            None => Some(most),
        }
    }

    #[inline]
    fn pass(
        &mut self,
        cx: &mut Context<'_>,
        now: Instant,
        chunk: &mut [u8],
        meters: &mut Meters,
        (second, asked): (Second, Option<Instant>),
    ) {
        let passes_close = self.shared.passes_close(self.from);
        let on_close = if passes_close { OnClose::Pass } else { OnClose::Swallow };
        let registration = self.registration;
        let handle = registration.handle();
        let traffic = handle.traffic().direction(self.from.sends());
        let sizes = Sizes(Some(traffic));
        let tapped = handle.is_tapped().then(|| self.filter.until_boundary());
        let judged = self.filter.judge(chunk, on_close, self.shared.ping_payload, (meters, sizes), now);
        if let Some(until_boundary) = tapped {
            self.show(until_boundary, within(chunk, ..judged.passed), now);
        }
        self.sink.write(cx, within(chunk, ..judged.passed), now);
        self.filter.note_passed();
        self.note(&judged, now);
        if judged.passed > 0 {
            // For whoever looks at the tunnel while it is open.
            let passed = Passed { messages: judged.messages, bytes: judged.passed as u64, pings: judged.pings };
            traffic.note_passed(passed, second);
        }
        if judged.is_answer {
            self.note_answer(asked, now);
        }
        match judged.end {
            None => {}
            Some(DirectionEnd::Closed(code)) => {
                self.note_close_received(code, now);
                if passes_close && self.sink.is_forwarding() {
                    self.note_close_sent(now);
                }
            }
            Some(DirectionEnd::Violated(violation)) => {
                self.refuse(violation);
                self.shared.end(Ending::Violated { by: self.from, violation }, now).note_lost(self.from);
            }
        }
    }

    /// Reads on only to find the source's Close, and to keep its own writes from failing before it finds ours.
    #[cold]
    fn discard(&mut self, now: Instant, chunk: &mut [u8], meters: &mut Meters) {
        let size = chunk.len();
        self.filter.lift_rates();
        if self.source.is_ignored() {
            self.filter.discard();
        }
        if self.source.is_judged() {
            match self.filter.judge_unpassed(chunk, self.shared.ping_payload, meters, now).end {
                None => {}
                Some(DirectionEnd::Closed(code)) => self.note_close_received(code, now),
                Some(DirectionEnd::Violated(violation)) => self.refuse(violation),
            }
        }
        if self.shared.closing.as_mut().is_some_and(|closing| closing.note_discarded(self.from, size)) {
            self.filter.discard();
            self.source.note_ended();
        }
    }

    /// Shows what passes to those who look.
    #[cold]
    fn show(&self, until_boundary: Option<u64>, passed: &[u8], now: Instant) {
        let extensions = match self.shared.protocol {
            Protocol::Websocket(extensions) => Some(extensions),
            Protocol::Raw => None,
        };
        let state = (extensions, until_boundary.unwrap_or(0));
        self.registration.show(self.from.sends(), state, passed, now);
    }

    /// The source has answered a ping of ours, which was `asked` then.
    #[cold]
    fn note_answer(&self, asked: Option<Instant>, now: Instant) {
        if let Some(asked) = asked {
            let took = now.saturating_duration_since(asked);
            self.registration.handle().traffic().note_ping_time(self.from, took);
        }
    }

    fn note(&mut self, judged: &Judged, now: Instant) {
        if judged.data {
            self.shared.liveness.note_data(now);
        }
        if judged.control {
            self.shared.liveness.note_control(&self.shared.settings, now);
        }
        if judged.ponged {
            self.shared.liveness.note_pong(self.from);
        }
        if judged.pings > 0 {
            self.shared.liveness.note_forwarded(self.from.other());
        }
        if let Some(closing) = &mut self.shared.closing {
            closing.deadline_mut().note_passed(now);
        }
    }

    /// The source's Close came.
    fn note_close_received(&mut self, code: Option<CloseCode>, now: Instant) {
        self.source.note_close_received();
        self.filter.discard();
        self.shared.end(Ending::PeerClosed { by: self.from, code }, now).note_close_received(self.from);
    }

    /// A Close went to the sink.
    fn note_close_sent(&mut self, now: Instant) {
        self.sink.note_close_sent();
        if let Some(closing) = &mut self.shared.closing {
            closing.note_close_sent(self.from.other(), &self.shared.settings, now);
        }
    }

    /// Nothing more of the source's is passed on. Beyond a limit its frames are frames still.
    fn refuse(&mut self, violation: Violation) {
        if violation.is_limit() {
            self.filter.lift_limits();
            self.source.note_above_limit();
        } else {
            self.filter.discard();
            self.source.note_unparsable();
        }
    }

    /// The source is gone, or was: what came before is judged.
    fn handle_lost(&mut self, loss: Loss, now: Instant) -> Progressed {
        self.filter.discard();
        if loss == Loss::Broken {
            self.source.note_broken();
        }
        if self.source.note_ended() {
            self.shared.end(Ending::Lost { side: self.from, loss }, now).note_lost(self.from);
        }
        Progressed::Something
    }

    /// Sends the sink what is ours to send: a Ping, a Close, a FIN. Says whether that changed anything.
    #[inline]
    pub(super) fn send_control(&mut self, cx: &mut Context<'_>, now: Instant) -> Progressed {
        let to = self.from.other();
        if self.shared.closing.is_none() && self.sink.is_flushed() && self.shared.liveness.has_no_ping_waiting(to) {
            // What a poll finds that only carries.
            return Progressed::Nothing;
        }
        self.send_what_waits(cx, now)
    }

    #[inline(never)]
    fn send_what_waits(&mut self, cx: &mut Context<'_>, now: Instant) -> Progressed {
        let to = self.from.other();
        let before = (self.sink.state(), self.shared.liveness.wants_ping(to));
        if self.sink.is_forwarding() {
            self.send_close(cx, to, now);
            self.send_ping(to);
        }
        if self.sink.has_close() && self.may_finish(to) {
            self.sink.finish();
        }
        if self.sink.poll_finish(cx, now).is_ready() {
            let sink = &self.sink;
            self.shared.liveness.note_flushed(to, || sink.delivery(), now);
        }
        let after = (self.sink.state(), self.shared.liveness.wants_ping(to));
        if after == before { Progressed::Nothing } else { Progressed::Something }
    }

    fn send_ping(&mut self, to: Side) {
        if self.shared.closing.is_none() && self.shared.liveness.wants_ping(to) && self.filter.is_at_boundary() {
            self.sink.push(&Frame::ping(to, &self.shared.ping_payload, masking_key()));
            self.shared.liveness.note_pinged(to);
        }
    }

    fn send_close(&mut self, cx: &mut Context<'_>, to: Side, now: Instant) {
        let Some(closing) = &mut self.shared.closing else { return };
        let is_rest_over = !self.source.is_passed_on();
        match closing.next_for(to, is_rest_over) {
            NextClose::SendClose(code, reason) if self.filter.is_at_boundary() => {
                self.sink.push(&Frame::close(to, code, reason, masking_key()));
                self.note_close_sent(now);
            }
            NextClose::SendClose(..) if is_rest_over || closing.is_forced() => {
                closing.note_inside_frame(to);
                closing.deadline_mut().restart(&self.shared.settings, now);
                self.sink.finish();
            }
            NextClose::Finish => {
                if !self.filter.is_at_boundary() {
                    closing.note_inside_frame(to);
                }
                self.sink.finish();
            }
            NextClose::SendFin => {
                closing.deadline_mut().restart(&self.shared.settings, now);
                self.sink.finish();
            }
            NextClose::Abort => {
                closing.note_cut(to, self.sink.is_delivered());
                self.sink.cut(cx);
            }
            NextClose::SendClose(..) | NextClose::Nothing => {}
        }
    }

    /// Whether a FIN may follow the Close: the server side closes first (RFC 6455 §7.1.1), and towards the client that is us.
    fn may_finish(&self, to: Side) -> bool {
        match to {
            Side::Client => !self.sink.is_judged(),
            Side::Upstream => self.sink.has_ended(),
        }
    }
}
