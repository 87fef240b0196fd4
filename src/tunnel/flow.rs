//! One direction at work: reads from its source, judges, passes on to its sink, and says to the sink what is ours to say.

use std::task::{Context, Poll};

use tokio::time::Instant;

use super::closing::Word;
use super::ending::{Ending, Gone};
use super::frame_filter::{Backlog, FrameFilter};
use super::judged::{Event, Judged, OnClose};
use super::leg::{Leg, Read, Write};
use super::mask::masking_key;
use super::scratch::{Meters, READ, Scratch};
use super::shared::Shared;
use crate::net::TunnelStream;
use crate::websocket::{CloseCode, Frame, Side, Violation};

/// One direction at work.
pub(super) struct Flow<'a, A, B> {
    pub(super) from: Side,
    pub(super) source: &'a mut Leg<A>,
    pub(super) sink: &'a mut Leg<B>,
    pub(super) filter: &'a mut FrameFilter,
    pub(super) shared: &'a mut Shared,
}

/// Whether a step came to something, so that another one may too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Carried {
    Something,
    Nothing,
}

impl Carried {
    pub(super) fn or(self, other: Self) -> Self {
        if self == Self::Something { self } else { other }
    }
}

impl<A: TunnelStream, B: TunnelStream> Flow<'_, A, B> {
    /// Reads once, judges what came and passes it on.
    pub(super) fn carry(&mut self, cx: &mut Context<'_>, now: Instant, scratch: &mut Scratch) -> Carried {
        if self.source.read == Read::Ended {
            return Carried::Nothing;
        }
        if !self.may_read(cx, now) {
            return self.hear_nothing(now);
        }
        let most = self.room(now);
        if most == 0 {
            return Carried::Nothing;
        }
        let Scratch { bytes, meters } = scratch;
        let count = match self.filter.recall(bytes, most) {
            Backlog::Whole(count) => count,
            Backlog::Start(kept) => {
                let Some(room) = bytes.get_mut(kept..kept + most) else { return Carried::Nothing };
                match self.source.poll_read(cx, room) {
                    Poll::Pending => return self.hear_nothing(now),
                    // The write that failed took the error away, and left the reader what looks like a FIN.
                    Poll::Ready(Ok(0)) if self.source.write == Write::Dead => {
                        return self.source_gone(Gone::Broken, now);
                    }
                    Poll::Ready(Ok(0)) => return self.source_gone(Gone::Finished, now),
                    Poll::Ready(Err(_)) => return self.source_gone(Gone::Broken, now),
                    Poll::Ready(Ok(count)) => {
                        self.shared.rearm |= self.shared.liveness.note_heard(self.from, now);
                        kept + count
                    }
                }
            }
        };
        let Some(chunk) = bytes.get_mut(..count) else { return Carried::Nothing };
        if self.is_forwarding() {
            self.pass(cx, now, chunk, meters);
        } else {
            self.discard(now, chunk, meters);
        }
        Carried::Something
    }

    /// Nothing of the source is to be had now, or nothing is wanted. If a write to it failed, its last words may still be
    /// under way to us: a socket says `Pending` until the runtime has looked at it again, whatever the kernel holds. Behind
    /// them comes the end of the stream; where neither comes, or nobody takes them, it is gone all the same.
    fn hear_nothing(&mut self, now: Instant) -> Carried {
        let timeout = self.shared.settings.closing_timeout;
        let Some(until) = self.source.last_words_until(timeout) else { return Carried::Nothing };
        let is_held_back = *self.shared.unread.get(self.from);
        if is_held_back && !self.sink.is_stalled(timeout, now) {
            self.source.await_last_words(self.sink.blocked_since().unwrap_or(now));
            self.shared.rearm = true;
            return Carried::Nothing;
        }
        if now < until {
            return Carried::Nothing;
        }
        self.source_gone(Gone::Broken, now)
    }

    /// Whether what is read now is passed on.
    fn is_forwarding(&self) -> bool {
        self.sink.is_forwarding() && self.source.read == Read::Open
    }

    /// Whether there is somewhere to put what would be read: back-pressure, and a rate that throttles.
    fn may_read(&mut self, cx: &mut Context<'_>, now: Instant) -> bool {
        let forwarding = self.is_forwarding();
        let blocked = forwarding && self.with_sink(|sink| sink.poll_flush(cx, now)).is_pending();
        let throttled = forwarding && self.filter.resume(now).is_some();
        let unread = blocked || throttled;
        let was_unread = std::mem::replace(self.shared.unread.get_mut(self.from), unread);
        if was_unread && !unread {
            self.shared.liveness.stand_still(self.from, now);
        }
        !unread
    }

    /// Does something that may find the sink blocked or dead; then a clock runs.
    fn with_sink<R>(&mut self, work: impl FnOnce(&mut Leg<B>) -> R) -> R {
        let (was_blocked, was_dead) = (self.sink.blocked_since().is_some(), self.sink.write == Write::Dead);
        let result = work(self.sink);
        self.shared.rearm |= !was_blocked && self.sink.blocked_since().is_some();
        self.shared.rearm |= !was_dead && self.sink.write == Write::Dead;
        result
    }

    /// How much may be read: where a frame of ours waits, no more than up to the boundary where it can stand.
    fn room(&mut self, now: Instant) -> usize {
        if !self.is_forwarding() {
            return READ;
        }
        let most = self.filter.room(READ, now);
        if !self.shared.has_frame_for(self.from.other()) {
            return most;
        }
        self.filter.until_boundary().map_or(most, |missing| usize::try_from(missing).unwrap_or(most).min(most))
    }

    #[inline]
    fn pass(&mut self, cx: &mut Context<'_>, now: Instant, chunk: &mut [u8], meters: &mut Meters) {
        let passes_close = self.shared.passes_close(self.from);
        let on_close = if passes_close { OnClose::Pass } else { OnClose::Swallow };
        let judged = self.filter.judge(chunk, on_close, self.shared.mark, meters, now);
        let passed = chunk.get(..judged.passed).unwrap_or_default();
        self.with_sink(|sink| sink.write(cx, passed, now));
        self.filter.note_passed(&judged);
        self.note(&judged, now);
        match judged.event {
            None => {}
            Some(Event::Closed(code)) => {
                self.note_close(code, now);
                if passes_close && self.sink.is_forwarding() {
                    self.note_told(now);
                }
            }
            Some(Event::Violated(violation)) => {
                self.refuse(violation);
                self.shared.end(Ending::Violated { by: self.from, violation }, now);
            }
        }
    }

    /// Reads on only to find the source's Close, and to keep its own writes from failing before it finds ours.
    fn discard(&mut self, now: Instant, chunk: &mut [u8], meters: &mut Meters) {
        let size = chunk.len();
        self.filter.lift_rates();
        if self.source.read == Read::Ignored {
            self.filter.discard();
        }
        if matches!(self.source.read, Read::Open | Read::Refused) {
            match self.filter.judge(chunk, OnClose::Swallow, self.shared.mark, meters, now).event {
                None => {}
                Some(Event::Closed(code)) => self.note_close(code, now),
                Some(Event::Violated(violation)) => self.refuse(violation),
            }
        }
        if self.shared.closing.as_mut().is_some_and(|closing| closing.note_discarded(self.from, size)) {
            self.filter.discard();
            self.source.read = Read::Ended;
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
        if judged.pinged {
            self.shared.liveness.note_forwarded(self.from.other());
        }
        self.shared.rearm |= judged.throttled;
        if let Some(closing) = &mut self.shared.closing {
            closing.note_passed(now);
        }
    }

    /// The source's Close came.
    fn note_close(&mut self, code: Option<CloseCode>, now: Instant) {
        self.source.read = Read::Closed;
        self.filter.discard();
        self.shared.end(Ending::PeerClosed { by: self.from, code }, now).note_answered(self.from);
    }

    /// A Close went to the sink.
    fn note_told(&mut self, now: Instant) {
        self.sink.write = Write::Told;
        if let Some(closing) = &mut self.shared.closing {
            closing.note_told(self.from.other(), &self.shared.settings, now);
        }
    }

    /// Nothing more of the source's is passed on. Beyond a limit its frames are frames still.
    fn refuse(&mut self, violation: Violation) {
        if violation.is_limit() {
            self.filter.lift_limits();
            self.source.read = Read::Refused;
        } else {
            self.filter.discard();
            self.source.read = Read::Unread;
        }
    }

    fn source_gone(&mut self, gone: Gone, now: Instant) -> Carried {
        self.filter.discard();
        if gone == Gone::Broken {
            self.source.die();
        }
        if std::mem::replace(&mut self.source.read, Read::Ended) == Read::Open {
            self.shared.end(Ending::Lost { side: self.from, gone }, now).note_lost(self.from);
        }
        Carried::Something
    }

    /// Says to the sink what is to be said: a ping, a Close, a FIN. Says whether that changed anything.
    pub(super) fn speak(&mut self, cx: &mut Context<'_>, now: Instant) -> Carried {
        let to = self.from.other();
        if self.shared.closing.is_none() && self.sink.is_flushed() && self.shared.liveness.asks_nothing(to) {
            // What nearly every poll finds.
            return Carried::Nothing;
        }
        let before = (self.sink.write, self.sink.read, self.shared.liveness.wants_ping(to));
        if self.sink.is_forwarding() {
            self.say_good_bye(cx, to, now);
            self.say_ping(to);
        }
        if self.sink.write == Write::Told && self.may_finish(to) {
            self.sink.write = Write::Finishing;
        }
        if self.with_sink(|sink| sink.poll_finish(cx, now)).is_ready() {
            let sink = &self.sink;
            self.shared.rearm |= self.shared.liveness.note_flushed(to, || sink.delivery(), now);
        }
        let after = (self.sink.write, self.sink.read, self.shared.liveness.wants_ping(to));
        if after == before {
            return Carried::Nothing;
        }
        self.shared.rearm = true;
        Carried::Something
    }

    fn say_ping(&mut self, to: Side) {
        if self.shared.closing.is_none() && self.shared.liveness.wants_ping(to) && self.filter.is_at_boundary() {
            self.sink.push(&Frame::ping(to, &self.shared.mark, masking_key()));
            self.shared.liveness.note_pinged(to);
        }
    }

    fn say_good_bye(&mut self, cx: &mut Context<'_>, to: Side, now: Instant) {
        let Some(closing) = &mut self.shared.closing else { return };
        let is_rest_over = self.source.read != Read::Open;
        match closing.word_for(to, is_rest_over) {
            Word::Close(code, reason) if self.filter.is_at_boundary() => {
                self.sink.push(&Frame::close(to, code, reason, masking_key()));
                self.note_told(now);
            }
            Word::Close(..) if is_rest_over || closing.insists() => {
                closing.note_inside_frame(to);
                closing.expect_answer(&self.shared.settings, now);
                self.sink.write = Write::Finishing;
            }
            Word::Finish => {
                if !self.filter.is_at_boundary() {
                    closing.note_inside_frame(to);
                }
                self.sink.write = Write::Finishing;
            }
            Word::Fin => {
                closing.expect_answer(&self.shared.settings, now);
                self.sink.write = Write::Finishing;
            }
            Word::Cut => {
                closing.note_cut(to, self.sink.is_delivered());
                self.sink.cut(cx);
            }
            Word::Close(..) | Word::None => {}
        }
    }

    /// Whether a FIN may follow the Close: the server side closes first (RFC 6455 §7.1.1), and towards the client that is us.
    fn may_finish(&self, to: Side) -> bool {
        match to {
            Side::Client => !matches!(self.sink.read, Read::Open | Read::Refused),
            Side::Upstream => self.sink.read == Read::Ended,
        }
    }
}
