//! A connected socket; for tests it may be one in memory.

use std::io::{self, Read};
use std::net::{SocketAddr, TcpStream as StdTcpStream};
use std::os::fd::AsFd;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream};

#[cfg(test)]
use super::simulated::SimulatedSocket;
use super::tunnel_stream::TunnelStream;
use super::unix_socket::UnixSocket;
use crate::process::{Delivery, has_fin};

/// A connected socket that the runtime watches.
#[derive(Debug)]
pub enum Socket {
    /// TCP.
    Tcp(TcpStream),
    /// A unix socket. Boxed: beside it the others are no larger than they are alone.
    Unix(Box<UnixSocket>),
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
    /// This machine's address of it; `None` where it has none, or none any more.
    pub(super) fn local_address(&self) -> Option<SocketAddr> {
        match self {
            Self::Tcp(stream) => stream.local_addr().ok(),
            Self::Unix(_) => None,
            #[cfg(test)]
            Self::Simulated(_) => None,
        }
    }

    /// Shows what is to be read, and leaves it there; 0 bytes are a FIN.
    ///
    /// # Errors
    /// The connection is no more, or none that was accepted.
    pub(super) fn poll_peek(&self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<usize>> {
        match self {
            Self::Tcp(stream) => stream.poll_peek(cx, buf),
            Self::Unix(_) => Poll::Ready(Err(io::ErrorKind::Unsupported.into())),
            #[cfg(test)]
            Self::Simulated(_) => Poll::Ready(Err(io::ErrorKind::Unsupported.into())),
        }
    }

    /// Ready once there is something to be read: bytes, a FIN or an error.
    pub(super) fn poll_read_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Tcp(stream) => stream.poll_read_ready(cx),
            Self::Unix(socket) => socket.poll_read_ready(cx),
            #[cfg(test)]
            Self::Simulated(socket) => socket.poll_read_ready(cx).map(Ok),
        }
    }

    /// Looks at what is to be read, and leaves it there: as much as is there of what fits into `buffer`, and nothing at its end.
    /// Ready once there is something.
    ///
    /// # Errors
    /// It has failed, or is none that can be looked into.
    pub async fn peek(&self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.peek(buffer).await,
            Self::Unix(_) => Err(io::ErrorKind::Unsupported.into()),
            #[cfg(test)]
            Self::Simulated(_) => Err(io::ErrorKind::Unsupported.into()),
        }
    }

    /// Writes what it takes now.
    pub(super) fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.try_write(bytes),
            Self::Unix(socket) => socket.try_write(bytes),
            #[cfg(test)]
            Self::Simulated(socket) => socket.try_write(bytes),
        }
    }

    /// Reads what has come by now, whether or not the runtime knows of it yet.
    pub(super) fn read_what_came(&self, room: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => (&*SockRef::from(stream)).read(room),
            Self::Unix(socket) => socket.read_what_came(room),
            #[cfg(test)]
            Self::Simulated(_) => Err(io::ErrorKind::WouldBlock.into()),
        }
    }

    /// The error that it has failed with, which it tells once.
    pub(super) fn take_error(&self) -> io::Result<Option<io::Error>> {
        match self {
            Self::Tcp(stream) => stream.take_error(),
            Self::Unix(socket) => socket.take_error(),
            #[cfg(test)]
            Self::Simulated(socket) => Ok(socket.take_error()),
        }
    }

    /// Whether the peer has said that it sends no more, whatever of it is still unread.
    pub(super) fn has_fin(&self) -> bool {
        match self {
            Self::Tcp(stream) => has_fin(stream.as_fd()).unwrap_or(false),
            Self::Unix(socket) => socket.has_fin(),
            #[cfg(test)]
            Self::Simulated(socket) => socket.has_fin(),
        }
    }

    /// Dropped from now on, it ends by a reset, where there are any.
    ///
    /// # Errors
    /// The connection is no more.
    pub(super) fn reset_when_dropped(&self) -> io::Result<()> {
        match self {
            Self::Tcp(stream) => SockRef::from(stream).set_linger(Some(Duration::ZERO)),
            Self::Unix(_) => Ok(()),
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

impl From<UnixStream> for Socket {
    fn from(stream: UnixStream) -> Self {
        Self::Unix(Box::new(stream.into()))
    }
}

impl TunnelStream for Socket {
    fn delivery(&self) -> Option<Delivery> {
        match self {
            Self::Tcp(stream) => stream.delivery(),
            Self::Unix(socket) => socket.delivery(),
            #[cfg(test)]
            Self::Simulated(socket) => Some(socket.delivery()),
        }
    }
}

impl AsyncRead for Socket {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_read(cx, buf),
            Self::Unix(socket) => Pin::new(socket).poll_read(cx, buf),
            #[cfg(test)]
            Self::Simulated(socket) => socket.poll_receive(cx, buf),
        }
    }
}

impl AsyncWrite for Socket {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_write(cx, buf),
            Self::Unix(socket) => Pin::new(socket).poll_write(cx, buf),
            #[cfg(test)]
            Self::Simulated(socket) => socket.poll_send(cx, buf),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_flush(cx),
            Self::Unix(socket) => Pin::new(socket).poll_flush(cx),
            #[cfg(test)]
            Self::Simulated(_) => Poll::Ready(Ok(())),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Unix(socket) => Pin::new(socket).poll_shutdown(cx),
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
            Self::Unix(socket) => Pin::new(socket).poll_write_vectored(cx, bufs),
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
            Self::Unix(socket) => socket.is_write_vectored(),
            #[cfg(test)]
            Self::Simulated(_) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_unix_socket_makes_no_other_one_larger() {
        enum WithoutUnix {
            _Tcp(TcpStream),
            _Simulated(SimulatedSocket),
        }
        assert_eq!(size_of::<Socket>(), size_of::<WithoutUnix>());
    }
}
