//! One side of a tunnel: its stream, what waits to be written to it, and how far the directions to and from it have come.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::ReadBuf;
use tokio::time::Instant;

use crate::net::{DeliveryTimer, Spill, TunnelStream};
use crate::process::Delivery;
use crate::ranges::within;

/// One side of a tunnel.
#[derive(Debug)]
pub(super) struct Leg<S> {
    pub(super) stream: S,
    /// What the stream did not take at once, in order; frames of ours too.
    pub(super) spill: Spill,
    /// The stream may hold written bytes back until it is flushed (TLS does).
    pub(super) unflushed: bool,
    /// What it is waited for.
    pub(super) waits: Waits,
    /// How far the direction to it has come.
    pub(super) write: Write,
    /// How far the direction from it has come.
    pub(super) read: Read,
}

/// What a side is waited for, and since when.
#[derive(Clone, Copy, Debug)]
pub(super) enum Waits {
    Nothing,
    /// The stream takes nothing of what waits to be written.
    Room(DeliveryTimer),
    /// A write failed: nothing more reaches it, but it may have sent something before.
    ReadAfterFailedWrite(Instant),
}

/// The direction to a side.
///
/// ```text
///   Open ──► CloseSent ──► Finishing ──► Finished
///    └──────────────────────────┘             (each may become Dead: a write failed, or the side was cut)
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Write {
    /// What the other side sends is passed on.
    Open,
    /// A Close was put in; nothing may follow it but a FIN (RFC 6455 §5.5.1).
    CloseSent,
    /// A FIN follows what still waits.
    Finishing,
    /// The FIN is out.
    Finished,
    /// Nothing can be written any more.
    Dead,
}

/// The direction from a side.
///
/// ```text
///          ┌─────────────────────► Unparsable ────┐
///          │               ┌──────────▲           │
///   Open ──┼──► AboveLimit ┤                      ├──► Ended      (each may end at once, or be Ignored first)
///          │               └────► CloseReceived ──┘
///          └────────────────────────▲
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Read {
    /// Its frames are judged, and passed on while the other side is open.
    Open,
    /// It is above a limit: what follows is judged only to find its Close, and discarded.
    AboveLimit,
    /// Its Close came; what follows is discarded.
    CloseReceived,
    /// It broke the protocol: what follows cannot be read as frames, and is discarded.
    Unparsable,
    /// It was cut: what it sends is discarded while the tunnel lasts, and nobody waits for its end.
    Ignored,
    /// Nothing more will come.
    Ended,
}

impl<S: TunnelStream> Leg<S> {
    pub(super) fn new(stream: S) -> Self {
        Self {
            stream,
            spill: Spill::default(),
            unflushed: false,
            waits: Waits::Nothing,
            write: Write::Open,
            read: Read::Open,
        }
    }

    /// Reads what there is into `buffer`; 0 bytes are the end.
    pub(super) fn poll_read(&mut self, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        let mut buffer = ReadBuf::new(buffer);
        ready!(Pin::new(&mut self.stream).poll_read(cx, &mut buffer))?;
        Poll::Ready(Ok(buffer.filled().len()))
    }

    /// Writes `bytes`; what the stream does not take now waits in the spill.
    pub(super) fn write(&mut self, cx: &mut Context<'_>, bytes: &[u8], now: Instant) {
        let mut rest = bytes;
        while self.spill.is_empty() && !rest.is_empty() && self.write != Write::Dead {
            match Pin::new(&mut self.stream).poll_write(cx, rest) {
                Poll::Ready(Ok(0)) | Poll::Ready(Err(_)) => return self.fail(now),
                Poll::Ready(Ok(taken)) => {
                    self.waits = Waits::Nothing;
                    self.unflushed = true;
                    rest = within(rest, taken..);
                }
                Poll::Pending => {
                    self.note_blocked(now);
                    break;
                }
            }
        }
        if !rest.is_empty() && self.write != Write::Dead {
            self.spill.push(rest);
        }
    }

    /// Puts `bytes` behind everything that waits.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        if self.write != Write::Dead {
            self.spill.push(bytes);
        }
    }

    /// Writes what waits; ready when nothing does, be it because the side is dead.
    pub(super) fn poll_flush(&mut self, cx: &mut Context<'_>, now: Instant) -> Poll<()> {
        while !self.spill.is_empty() {
            match Pin::new(&mut self.stream).poll_write(cx, self.spill.front()) {
                Poll::Ready(Ok(0)) | Poll::Ready(Err(_)) => self.fail(now),
                Poll::Ready(Ok(taken)) => {
                    self.waits = Waits::Nothing;
                    self.unflushed = true;
                    self.spill.advance(taken);
                }
                Poll::Pending => {
                    self.note_blocked(now);
                    return Poll::Pending;
                }
            }
        }
        if self.unflushed {
            match Pin::new(&mut self.stream).poll_flush(cx) {
                Poll::Ready(Ok(())) => {
                    self.waits = Waits::Nothing;
                    self.unflushed = false;
                }
                Poll::Ready(Err(_)) => self.fail(now),
                Poll::Pending => {
                    self.note_blocked(now);
                    return Poll::Pending;
                }
            }
        }
        Poll::Ready(())
    }

    /// Ends the direction to this side with a FIN once everything is written, if it is to end.
    pub(super) fn poll_finish(&mut self, cx: &mut Context<'_>, now: Instant) -> Poll<()> {
        ready!(self.poll_flush(cx, now));
        if self.write != Write::Finishing {
            return Poll::Ready(());
        }
        match Pin::new(&mut self.stream).poll_shutdown(cx) {
            Poll::Ready(Ok(())) => self.write = Write::Finished,
            Poll::Ready(Err(_)) => self.fail(now),
            Poll::Pending => {
                self.note_blocked(now);
                return Poll::Pending;
            }
        }
        Poll::Ready(())
    }

    /// A Close was put behind everything that waits.
    pub(super) fn note_close_sent(&mut self) {
        debug_assert_eq!(self.write, Write::Open, "a Close is the last that goes to a side");
        self.write = Write::CloseSent;
    }

    /// A FIN is to follow what waits.
    pub(super) fn finish(&mut self) {
        debug_assert!(matches!(self.write, Write::Open | Write::CloseSent), "finished twice: {:?}", self.write);
        self.write = Write::Finishing;
    }

    /// Its Close came.
    pub(super) fn note_close_received(&mut self) {
        debug_assert!(self.is_judged(), "a Close from a side that is {:?}", self.read);
        self.read = Read::CloseReceived;
    }

    /// It is above a limit.
    pub(super) fn note_above_limit(&mut self) {
        debug_assert_eq!(self.read, Read::Open, "every limit is lifted with the first one that is passed");
        self.read = Read::AboveLimit;
    }

    /// It broke the protocol.
    pub(super) fn note_unparsable(&mut self) {
        debug_assert!(self.is_judged(), "a frame was judged of a side that is {:?}", self.read);
        self.read = Read::Unparsable;
    }

    /// Nothing more comes from it, or is wanted of it. Says whether its frames were still passed on, as far as it goes.
    pub(super) fn note_ended(&mut self) -> bool {
        std::mem::replace(&mut self.read, Read::Ended) == Read::Open
    }

    /// A write failed.
    fn fail(&mut self, now: Instant) {
        self.note_broken();
        self.await_read_after_failed_write(now);
    }

    /// What a dead side has sent before is waited for from now on.
    pub(super) fn await_read_after_failed_write(&mut self, now: Instant) {
        self.waits = Waits::ReadAfterFailedWrite(now);
    }

    /// Nothing can be written to it any more: what waits is gone.
    pub(super) fn note_broken(&mut self) {
        self.write = Write::Dead;
        self.spill.clear();
        self.unflushed = false;
        self.waits = Waits::Nothing;
    }

    /// Ends both directions now. What it has taken may still reach it, while no unread input turns into a reset.
    pub(super) fn cut(&mut self, cx: &mut Context<'_>) {
        if self.is_flushed() && matches!(self.write, Write::Open | Write::CloseSent) {
            // Only asked once: the tunnel does not outlive its deadline for a FIN that cannot go out.
            let _ = Pin::new(&mut self.stream).poll_shutdown(cx);
        }
        self.note_broken();
        if self.read != Read::Ended {
            self.read = Read::Ignored;
        }
    }

    fn note_blocked(&mut self, now: Instant) {
        if !matches!(self.waits, Waits::Room(_)) {
            self.waits = Waits::Room(DeliveryTimer::new(self.stream.delivery(), now));
        }
    }

    /// Asks its kernel, if it is time to, whether it has taken nothing of what waits for it for so long.
    pub(super) fn poll_stalled(&mut self, timeout: Duration, now: Instant) -> bool {
        let Waits::Room(blocked) = &mut self.waits else { return false };
        blocked.poll_expired(timeout, || self.stream.delivery(), now)
    }

    /// When to look again whether it has taken nothing for so long.
    pub(super) fn next_look(&self, timeout: Duration, now: Instant) -> Option<Instant> {
        match &self.waits {
            Waits::Room(blocked) => Some(blocked.next_look(timeout, now)),
            Waits::Nothing | Waits::ReadAfterFailedWrite(_) => None,
        }
    }

    /// Since when it has taken nothing of what waits for it, as far as we know.
    pub(super) fn blocked_since(&self) -> Option<Instant> {
        match &self.waits {
            Waits::Room(blocked) => Some(blocked.since()),
            Waits::Nothing | Waits::ReadAfterFailedWrite(_) => None,
        }
    }

    /// How many bytes wait for it here.
    pub(super) fn waiting(&self) -> usize {
        self.spill.front().len()
    }

    /// Until when it is waited for what it has sent before, if a write to it failed.
    pub(super) fn read_after_failed_write_until(&self, timeout: Duration) -> Option<Instant> {
        match self.waits {
            Waits::ReadAfterFailedWrite(since) if self.read != Read::Ended => Some(since + timeout),
            Waits::ReadAfterFailedWrite(_) | Waits::Nothing | Waits::Room(_) => None,
        }
    }

    /// Whether everything written to it has left our buffers.
    pub(super) fn is_flushed(&self) -> bool {
        self.spill.is_empty() && !self.unflushed
    }

    /// Whether what the other side sends is still passed on to it.
    pub(super) fn is_forwarding(&self) -> bool {
        self.write == Write::Open
    }

    /// Whether it is waited for nothing.
    pub(super) fn is_steady(&self) -> bool {
        matches!(self.waits, Waits::Nothing)
    }

    /// How far both directions have come, to see whether they have moved.
    pub(super) fn state(&self) -> (Write, Read) {
        (self.write, self.read)
    }

    /// Whether both directions are as they were at the start.
    pub(super) fn is_open(&self) -> bool {
        (self.write, self.read) == (Write::Open, Read::Open)
    }

    /// Whether what it sends is passed on, as far as the other side takes it.
    pub(super) fn is_passed_on(&self) -> bool {
        self.read == Read::Open
    }

    /// Whether what it sends is judged frame by frame: its Close may still come.
    pub(super) fn is_judged(&self) -> bool {
        matches!(self.read, Read::Open | Read::AboveLimit)
    }

    /// Whether it was cut, and is only read so that it gets no reset.
    pub(super) fn is_ignored(&self) -> bool {
        self.read == Read::Ignored
    }

    /// Whether nothing more will come from it.
    pub(super) fn has_ended(&self) -> bool {
        self.read == Read::Ended
    }

    /// Whether a Close was the last that was put in.
    pub(super) fn has_close(&self) -> bool {
        self.write == Write::CloseSent
    }

    /// Whether its Close came, and its end has not.
    pub(super) fn has_closed(&self) -> bool {
        self.read == Read::CloseReceived
    }

    /// Whether nothing can be written to it any more.
    pub(super) fn is_dead(&self) -> bool {
        self.write == Write::Dead
    }

    /// Whether both directions are over.
    pub(super) fn is_over(&self) -> bool {
        matches!(self.write, Write::Finished | Write::Dead) && matches!(self.read, Read::Ignored | Read::Ended)
    }

    /// Whether all that was for it has reached it, as far as we know.
    pub(super) fn is_delivered(&self) -> bool {
        self.is_flushed() && self.delivery().is_none_or(|delivery| !delivery.outstanding)
    }

    /// How far the last of what is for it has got; `None` while more may follow, and once it is over.
    pub(super) fn last_delivery(&self) -> Option<Delivery> {
        let is_last = matches!(self.write, Write::CloseSent | Write::Finishing | Write::Finished);
        (is_last && !self.is_over()).then(|| self.delivery()).flatten()
    }

    /// What the kernel knows of the bytes on their way to it.
    pub(super) fn delivery(&self) -> Option<Delivery> {
        self.stream.delivery()
    }

    /// Panics where an invariant does not hold.
    pub(super) fn check_invariants(&self) {
        let has_all = matches!(self.write, Write::Finished | Write::Dead);
        assert!(!has_all || self.is_flushed(), "something waits behind the end: {:?}", self.write);
        assert!(self.write != Write::Dead || self.blocked_since().is_none(), "nothing is written to a dead side");
        let is_waited_for = matches!(self.waits, Waits::ReadAfterFailedWrite(_));
        assert!(self.write == Write::Dead || !is_waited_for, "no write has failed: {:?}", self.write);
        assert!(self.read != Read::Ignored || self.write == Write::Dead, "cut, and written to: {:?}", self.write);
    }

    /// How much memory waits with it.
    #[cfg(any(test, feature = "fuzzing"))]
    pub(super) fn buffered(&self) -> usize {
        self.spill.capacity()
    }
}
