//! A stream in memory: the tunnel holds the [`Wire`], the test holds the [`Peer`].
//!
//! It behaves as a socket does: a waker that is not registered is not woken, a reader sees a FIN after what came before
//! it, a reset destroys what was not read, and what does not fit is not taken.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::frames::{Frame, Parsed, parse};
use crate::net::TunnelStream;
use crate::process::Delivery;
use crate::websocket::Side;

/// The tunnel's end.
#[derive(Debug)]
pub(super) struct Wire(Rc<RefCell<Line>>);

/// The test's end.
#[derive(Debug)]
pub(super) struct Peer {
    side: Side,
    line: Rc<RefCell<Line>>,
    /// Everything it has taken so far.
    pub(super) taken: Vec<u8>,
    /// How much of `taken` was looked at.
    seen: usize,
}

#[derive(Debug, Default)]
struct Line {
    to_tunnel: Pipe,
    to_peer: Pipe,
    reset: bool,
    writes_fail: bool,
    /// Bytes of `to_peer` that show only after a flush, as TLS does it.
    unflushed: usize,
    holds_until_flush: bool,
    delivery: Option<Delivery>,
}

#[derive(Debug)]
struct Pipe {
    bytes: VecDeque<u8>,
    /// What it holds at the most.
    capacity: usize,
    /// What one call moves at the most.
    chunk: usize,
    fin: bool,
    reader: Option<Waker>,
    writer: Option<Waker>,
}

impl Default for Pipe {
    fn default() -> Self {
        Self { bytes: VecDeque::new(), capacity: usize::MAX, chunk: usize::MAX, fin: false, reader: None, writer: None }
    }
}

/// The two ends of a stream.
pub(super) fn stream(side: Side) -> (Wire, Peer) {
    let line = Rc::new(RefCell::new(Line::default()));
    (Wire(Rc::clone(&line)), Peer { side, line, taken: vec![], seen: 0 })
}

fn wake(waker: &mut Option<Waker>) {
    if let Some(waker) = waker.take() {
        waker.wake();
    }
}

impl Peer {
    pub(super) fn says(&self, frame: Frame) {
        self.sends(&frame.encode(self.side));
    }

    pub(super) fn sends(&self, bytes: &[u8]) {
        let mut line = self.line.borrow_mut();
        assert!(!line.to_tunnel.fin, "nothing can be sent after a FIN");
        line.to_tunnel.bytes.extend(bytes);
        wake(&mut line.to_tunnel.reader);
    }

    pub(super) fn finishes(&self) {
        let mut line = self.line.borrow_mut();
        line.to_tunnel.fin = true;
        wake(&mut line.to_tunnel.reader);
    }

    pub(super) fn resets(&self) {
        let mut line = self.line.borrow_mut();
        line.reset = true;
        line.to_tunnel.bytes.clear();
        wake(&mut line.to_tunnel.reader);
        wake(&mut line.to_peer.writer);
    }

    /// Writes to it fail from now on, and its reads say nothing of it.
    pub(super) fn stops_taking(&self) {
        let mut line = self.line.borrow_mut();
        line.writes_fail = true;
        wake(&mut line.to_peer.writer);
    }

    /// So much fits between the tunnel and this peer while it does not read.
    pub(super) fn has_room_for(&self, bytes: usize) {
        let mut line = self.line.borrow_mut();
        line.to_peer.capacity = bytes;
        wake(&mut line.to_peer.writer);
    }

    /// Each read and write of the tunnel moves at most so many bytes.
    pub(super) fn moves_at_most(&self, bytes: usize) {
        let mut line = self.line.borrow_mut();
        line.to_tunnel.chunk = bytes;
        line.to_peer.chunk = bytes;
    }

    /// What is written shows only after a flush.
    pub(super) fn holds_until_flush(&self) {
        self.line.borrow_mut().holds_until_flush = true;
    }

    /// What the kernel is to tell of what was written to it.
    pub(super) fn delivery_is(&self, delivery: Delivery) {
        self.line.borrow_mut().delivery = Some(delivery);
    }

    /// Takes at most `most` bytes of what waits for it.
    pub(super) fn takes(&mut self, most: usize) -> usize {
        let mut line = self.line.borrow_mut();
        let shown = line.to_peer.bytes.len() - line.unflushed;
        let count = most.min(shown);
        self.taken.extend(line.to_peer.bytes.drain(..count));
        if count > 0 {
            wake(&mut line.to_peer.writer);
        }
        count
    }

    /// The whole frames that came since the last time.
    #[track_caller]
    pub(super) fn reads(&mut self) -> Vec<Frame> {
        self.takes(usize::MAX);
        let mut frames = vec![];
        while let Parsed::Frame(frame, size) = parse(&self.taken[self.seen..], self.side) {
            self.seen += size;
            frames.push(frame);
        }
        frames
    }

    /// The bytes that came since the last time.
    pub(super) fn reads_bytes(&mut self) -> Vec<u8> {
        self.takes(usize::MAX);
        let bytes = self.taken[self.seen..].to_vec();
        self.seen = self.taken.len();
        bytes
    }

    /// Whether a FIN came, after everything else.
    pub(super) fn has_fin(&self) -> bool {
        let line = self.line.borrow();
        line.to_peer.fin && line.to_peer.bytes.is_empty()
    }

    /// How much of what it sent the tunnel has not read.
    pub(super) fn unread(&self) -> usize {
        self.line.borrow().to_tunnel.bytes.len()
    }

    /// How much waits for it.
    pub(super) fn waiting(&self) -> usize {
        self.line.borrow().to_peer.bytes.len()
    }
}

impl TunnelStream for Wire {
    fn delivery(&self) -> Option<Delivery> {
        self.0.borrow().delivery
    }
}

impl AsyncRead for Wire {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let mut line = self.0.borrow_mut();
        assert!(buf.remaining() > 0, "a read into nothing looks like a FIN");
        if line.reset {
            return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
        }
        let pipe = &mut line.to_tunnel;
        let count = pipe.bytes.len().min(pipe.chunk).min(buf.remaining());
        if count == 0 && !pipe.fin {
            pipe.reader = Some(cx.waker().clone());
            return Poll::Pending;
        }
        let bytes: Vec<u8> = pipe.bytes.drain(..count).collect();
        buf.put_slice(&bytes);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Wire {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let mut line = self.0.borrow_mut();
        assert!(!line.to_peer.fin, "a write after the FIN");
        assert!(!buf.is_empty(), "a write of nothing");
        if line.reset || line.writes_fail {
            return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
        }
        let holds = line.holds_until_flush;
        let pipe = &mut line.to_peer;
        let count = pipe.capacity.saturating_sub(pipe.bytes.len()).min(pipe.chunk).min(buf.len());
        if count == 0 {
            pipe.writer = Some(cx.waker().clone());
            return Poll::Pending;
        }
        pipe.bytes.extend(&buf[..count]);
        if holds {
            line.unflushed += count;
        }
        Poll::Ready(Ok(count))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut line = self.0.borrow_mut();
        line.unflushed = 0;
        Poll::Ready(if line.reset { Err(io::ErrorKind::ConnectionReset.into()) } else { Ok(()) })
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut line = self.0.borrow_mut();
        assert!(!line.to_peer.fin, "a second FIN");
        if line.reset {
            return Poll::Ready(Err(io::ErrorKind::NotConnected.into()));
        }
        line.unflushed = 0;
        line.to_peer.fin = true;
        Poll::Ready(Ok(()))
    }
}
