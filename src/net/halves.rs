//! The two directions of a stream, used at the same time by one task.

use std::io;
use std::pin::Pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::stream::Stream;
use super::tunnel_stream::TunnelStream;
use crate::process::Delivery;

/// A stream whose two directions are used at the same time: see [`half`](Self::half).
#[derive(Debug)]
pub struct Halves<'s>(Mutex<&'s mut Stream>);

/// A stream as one sees it who reads from it, or who writes to it.
#[derive(Debug)]
pub struct StreamHalf<'h, 's>(&'h Mutex<&'s mut Stream>);

impl<'s> Halves<'s> {
    /// Those of `stream`.
    pub fn new(stream: &'s mut Stream) -> Self {
        Self(Mutex::new(stream))
    }

    /// One of the two: it does not matter which, as long as one is only read from and the other only written to.
    pub fn half(&self) -> StreamHalf<'_, 's> {
        StreamHalf(&self.0)
    }
}

impl<'s> StreamHalf<'_, 's> {
    /// How far what was written has got.
    pub fn delivery(&self) -> Option<Delivery> {
        self.stream().delivery()
    }

    /// Nobody waits for it: the halves belong to one task, and it is held for one poll.
    fn stream(&self) -> MutexGuard<'_, &'s mut Stream> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl AsyncRead for StreamHalf<'_, '_> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut **self.stream()).poll_read(cx, buf)
    }
}

impl AsyncWrite for StreamHalf<'_, '_> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut **self.stream()).poll_write(cx, buf)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut **self.stream()).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut **self.stream()).poll_shutdown(cx)
    }
}
