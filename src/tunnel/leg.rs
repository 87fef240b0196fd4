//! One side of a tunnel: its stream, what waits to be written to it, and how far each of its two ways has come.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::ReadBuf;
use tokio::time::Instant;

use crate::net::{DeliveryTimer, Spill, TunnelStream};
use crate::process::Delivery;

/// One side of a tunnel.
#[derive(Debug)]
pub(super) struct Leg<S> {
    stream: S,
    /// What the stream did not take at once, in order; frames of ours too.
    spill: Spill,
    /// The stream may hold written bytes back until it is flushed (TLS does).
    unflushed: bool,
    /// What it is waited for.
    waits: Waits,
    /// How far the way to it has come.
    pub(super) write: Write,
    /// How far the way from it has come.
    pub(super) read: Read,
}

/// What a side is waited for, and since when.
#[derive(Clone, Copy, Debug)]
enum Waits {
    Nothing,
    /// The stream takes nothing of what waits to be written.
    Room(DeliveryTimer),
    /// A write failed: nothing more reaches it, but it may have spoken before.
    LastWords(Instant),
}

/// The way to a side.
///
/// ```text
///   Open ──► Told ──► Finishing ──► Finished
///    └───────────────────┘             (each may become Dead: a write failed, or the side was cut)
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Write {
    /// What the other side sends is passed on.
    Open,
    /// A Close was put in; nothing may follow it but a FIN (RFC 6455 §5.5.1).
    Told,
    /// A FIN follows what still waits.
    Finishing,
    /// The FIN is out.
    Finished,
    /// Nothing can be written any more.
    Dead,
}

/// The way from a side.
///
/// ```text
///          ┌──────────────► Unread ──┐
///   Open ──┼──► Refused ──┐     ▲     ├──► Ended
///          └──────────────┴► Closed ──┘      (Refused may turn out to be Unread; each may end at once,
///                                                        or be Ignored first)
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Read {
    /// Its frames are judged, and passed on while the other side is open.
    Open,
    /// It is above a limit: what follows is judged only to find its Close, and discarded.
    Refused,
    /// Its Close came; what follows is discarded.
    Closed,
    /// It broke the protocol: what follows cannot be read as frames, and is discarded.
    Unread,
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
                    rest = rest.get(taken..).unwrap_or_default();
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

    /// Ends the way to this side with a FIN once everything is written.
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

    /// A write failed.
    fn fail(&mut self, now: Instant) {
        self.die();
        self.await_last_words(now);
    }

    /// What a dead side still has to say is waited for from now on.
    pub(super) fn await_last_words(&mut self, now: Instant) {
        self.waits = Waits::LastWords(now);
    }

    /// Nothing can be written to it any more: what waits is gone.
    pub(super) fn die(&mut self) {
        self.write = Write::Dead;
        self.spill.clear();
        self.unflushed = false;
        self.waits = Waits::Nothing;
    }

    /// Ends both ways now. What it has taken may still reach it, while no unread input turns into a reset.
    pub(super) fn cut(&mut self, cx: &mut Context<'_>) {
        if self.is_flushed() && matches!(self.write, Write::Open | Write::Told) {
            // Only asked once: the tunnel does not outlive its deadline for a FIN that cannot go out.
            let _ = Pin::new(&mut self.stream).poll_shutdown(cx);
        }
        self.die();
        if self.read != Read::Ended {
            self.read = Read::Ignored;
        }
    }

    fn note_blocked(&mut self, now: Instant) {
        if !matches!(self.waits, Waits::Room(_)) {
            self.waits = Waits::Room(DeliveryTimer::new(self.stream.delivery(), now));
        }
    }

    /// Whether it has taken nothing of what waits for it for so long.
    pub(super) fn is_stalled(&mut self, timeout: Duration, now: Instant) -> bool {
        let Waits::Room(blocked) = &mut self.waits else { return false };
        blocked.is_missing_for(timeout, || self.stream.delivery(), now)
    }

    /// When to look again whether it has taken nothing for so long.
    pub(super) fn next_look(&self, timeout: Duration, now: Instant) -> Option<Instant> {
        match &self.waits {
            Waits::Room(blocked) => Some(blocked.next_look(timeout, now)),
            Waits::Nothing | Waits::LastWords(_) => None,
        }
    }

    /// Since when it has taken nothing of what waits for it, as far as we know.
    pub(super) fn blocked_since(&self) -> Option<Instant> {
        match &self.waits {
            Waits::Room(blocked) => Some(blocked.since()),
            Waits::Nothing | Waits::LastWords(_) => None,
        }
    }

    /// Until when its last words are waited for, if a write to it failed.
    pub(super) fn last_words_until(&self, timeout: Duration) -> Option<Instant> {
        match self.waits {
            Waits::LastWords(since) if self.read != Read::Ended => Some(since + timeout),
            Waits::LastWords(_) | Waits::Nothing | Waits::Room(_) => None,
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

    /// Whether both ways are as they were at the start.
    pub(super) fn is_open(&self) -> bool {
        (self.write, self.read) == (Write::Open, Read::Open)
    }

    /// Whether both ways are over.
    pub(super) fn is_over(&self) -> bool {
        matches!(self.write, Write::Finished | Write::Dead) && matches!(self.read, Read::Ignored | Read::Ended)
    }

    /// Whether all that was for it has reached it, as far as we know.
    pub(super) fn is_delivered(&self) -> bool {
        self.is_flushed() && self.delivery().is_none_or(|delivery| !delivery.outstanding)
    }

    /// How far the last of what is for it has got; `None` while more may follow, and once it is over.
    pub(super) fn last_delivery(&self) -> Option<Delivery> {
        let is_last = matches!(self.write, Write::Told | Write::Finishing | Write::Finished);
        (is_last && !self.is_over()).then(|| self.delivery()).flatten()
    }

    /// What the kernel knows of the bytes on their way to it.
    pub(super) fn delivery(&self) -> Option<Delivery> {
        self.stream.delivery()
    }

    /// How much memory waits with it.
    #[cfg(any(test, fuzzing))]
    pub(super) fn buffered(&self) -> usize {
        self.spill.capacity()
    }
}
