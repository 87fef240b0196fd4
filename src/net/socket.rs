//! A connected socket; for tests it may be one in memory.

use std::io;
use std::net::TcpStream as StdTcpStream;
use std::os::fd::AsFd;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, tcp};

#[cfg(test)]
use super::simulated::SimulatedSocket;
use super::tunnel_stream::TunnelStream;
use crate::process::{Delivery, has_fin};

/// A connected socket that the runtime watches.
#[derive(Debug)]
pub enum Socket {
    /// TCP.
    Tcp(TcpStream),
    /// In memory.
    #[cfg(test)]
    Simulated(SimulatedSocket),
}

/// A connection that was accepted, and that no runtime watches yet: the worker that will drive it does.
#[derive(Debug)]
pub enum Accepted {
    /// TCP, non-blocking.
    Tcp(StdTcpStream),
    /// In memory.
    #[cfg(test)]
    Simulated(SimulatedSocket),
}

/// What is read from a [`Socket`] while it is split.
#[derive(Debug)]
pub enum ReadHalf<'s> {
    /// TCP.
    Tcp(tcp::ReadHalf<'s>),
    /// In memory.
    #[cfg(test)]
    Simulated(&'s SimulatedSocket),
}

/// What is written to a [`Socket`] while it is split.
#[derive(Debug)]
pub enum WriteHalf<'s> {
    /// TCP.
    Tcp(tcp::WriteHalf<'s>),
    /// In memory.
    #[cfg(test)]
    Simulated(&'s SimulatedSocket),
}

impl Accepted {
    /// Has the current runtime watch it.
    ///
    /// # Errors
    /// There is no memory, or no watch, left for it.
    pub fn watch(self) -> io::Result<Socket> {
        match self {
            Self::Tcp(stream) => TcpStream::from_std(stream).map(Socket::Tcp),
            #[cfg(test)]
            Self::Simulated(socket) => Ok(Socket::Simulated(socket)),
        }
    }
}

impl Socket {
    /// Its two directions, to be used at the same time.
    pub fn split(&mut self) -> (ReadHalf<'_>, WriteHalf<'_>) {
        match self {
            Self::Tcp(stream) => {
                let (read, write) = stream.split();
                (ReadHalf::Tcp(read), WriteHalf::Tcp(write))
            }
            #[cfg(test)]
            Self::Simulated(socket) => (ReadHalf::Simulated(socket), WriteHalf::Simulated(socket)),
        }
    }

    /// Ready once there is something to be read: bytes, a FIN or an error.
    pub(super) fn poll_read_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Tcp(stream) => stream.poll_read_ready(cx),
            #[cfg(test)]
            Self::Simulated(socket) => socket.poll_read_ready(cx).map(Ok),
        }
    }

    /// Writes what it takes now.
    pub(super) fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.try_write(bytes),
            #[cfg(test)]
            Self::Simulated(socket) => socket.try_write(bytes),
        }
    }

    /// The error that it has failed with, which it tells once.
    pub(super) fn take_error(&self) -> io::Result<Option<io::Error>> {
        match self {
            Self::Tcp(stream) => stream.take_error(),
            #[cfg(test)]
            Self::Simulated(socket) => Ok(socket.take_error()),
        }
    }

    /// Whether the peer has said that it sends no more, whatever of it is still unread.
    pub(super) fn has_fin(&self) -> bool {
        match self {
            Self::Tcp(stream) => has_fin(stream.as_fd()).unwrap_or(false),
            #[cfg(test)]
            Self::Simulated(socket) => socket.has_fin(),
        }
    }

    /// Dropped from now on, it ends by a reset.
    ///
    /// # Errors
    /// The connection is no more.
    pub(super) fn reset_when_dropped(&self) -> io::Result<()> {
        match self {
            Self::Tcp(stream) => SockRef::from(stream).set_linger(Some(Duration::ZERO)),
            #[cfg(test)]
            Self::Simulated(socket) => {
                socket.reset_when_dropped();
                Ok(())
            }
        }
    }
}

impl From<TcpStream> for Socket {
    fn from(stream: TcpStream) -> Self {
        Self::Tcp(stream)
    }
}

impl TunnelStream for Socket {
    fn delivery(&self) -> Option<Delivery> {
        match self {
            Self::Tcp(stream) => stream.delivery(),
            #[cfg(test)]
            Self::Simulated(socket) => Some(socket.delivery()),
        }
    }
}

impl AsyncRead for Socket {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_read(cx, buf),
            #[cfg(test)]
            Self::Simulated(socket) => socket.poll_receive(cx, buf),
        }
    }
}

impl AsyncWrite for Socket {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_write(cx, buf),
            #[cfg(test)]
            Self::Simulated(socket) => socket.poll_send(cx, buf),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_flush(cx),
            #[cfg(test)]
            Self::Simulated(_) => Poll::Ready(Ok(())),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_shutdown(cx),
            #[cfg(test)]
            Self::Simulated(socket) => Poll::Ready(socket.finish()),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_write_vectored(cx, bufs),
            #[cfg(test)]
            Self::Simulated(socket) => {
                let first = bufs.iter().find(|buf| !buf.is_empty());
                socket.poll_send(cx, first.map_or(&[], |buf| buf))
            }
        }
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Tcp(stream) => stream.is_write_vectored(),
            #[cfg(test)]
            Self::Simulated(_) => false,
        }
    }
}

impl WriteHalf<'_> {
    /// How far what was written has got.
    pub fn delivery(&self) -> Option<Delivery> {
        match self {
            Self::Tcp(half) => half.as_ref().delivery(),
            #[cfg(test)]
            Self::Simulated(socket) => Some(socket.delivery()),
        }
    }
}

impl AsyncRead for ReadHalf<'_> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(half) => Pin::new(half).poll_read(cx, buf),
            #[cfg(test)]
            Self::Simulated(socket) => socket.poll_receive(cx, buf),
        }
    }
}

impl AsyncWrite for WriteHalf<'_> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Tcp(half) => Pin::new(half).poll_write(cx, buf),
            #[cfg(test)]
            Self::Simulated(socket) => socket.poll_send(cx, buf),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(half) => Pin::new(half).poll_flush(cx),
            #[cfg(test)]
            Self::Simulated(_) => Poll::Ready(Ok(())),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(half) => Pin::new(half).poll_shutdown(cx),
            #[cfg(test)]
            Self::Simulated(socket) => Poll::Ready(socket.finish()),
        }
    }
}
