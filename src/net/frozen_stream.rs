//! A stream as a plain value beside its descriptor: another process carries it on.

use std::fmt;
use std::io;
use std::net::TcpStream as StdTcpStream;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream as StdUnixStream;
use std::sync::atomic::Ordering;

use serde::{Deserialize, Serialize};
use tokio::net::{TcpStream, UnixStream};

use super::socket::Socket;
use super::spill::Spill;
use super::stream::Stream;
use super::tls_buffers;
use super::tls_error::TlsError;
use super::tls_stream::TlsStream;
use super::unix_socket::UnixSocket;
use crate::tls::{CannotFreeze, FrozenRecords, Records};

/// All that is known of a stream but its descriptor. With TLS, its keys are in it.
#[derive(Debug, Serialize, Deserialize)]
pub struct FrozenStream {
    socket: FrozenSocket,
    tls: Option<FrozenTls>,
}

#[derive(Debug, Serialize, Deserialize)]
enum FrozenSocket {
    Tcp,
    Unix {
        /// See [`UnixSocket`].
        taken_up: u64,
    },
}

#[derive(Serialize, Deserialize)]
struct FrozenTls {
    records: FrozenRecords,
    /// Decrypted, and not read yet.
    plaintext: Vec<u8>,
    /// Encrypted, and not taken by the socket yet.
    ciphertext: Vec<u8>,
}

/// Why a stream cannot be carried on by another process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CannotMove {
    /// Its keys are rustls' own for good.
    #[error("it speaks TLS 1.2")]
    Tls12,
    /// It is one of many of a connection.
    #[error("it is a stream of HTTP/2")]
    Http2,
    /// It ends, or has failed.
    #[error("it is ending")]
    Ending,
}

impl FrozenStream {
    /// `stream` as it is, and the descriptor that goes with it. Only one of the two may go on.
    ///
    /// # Errors
    /// Why it cannot be.
    pub fn of(stream: &Stream) -> Result<(Self, BorrowedFd<'_>), CannotMove> {
        let (socket, tls) = match stream {
            Stream::Plain(socket) => (socket, None),
            Stream::Tls(stream) => (stream.socket(), Some(FrozenTls::of(stream)?)),
            Stream::Http2(_) => return Err(CannotMove::Http2),
        };
        let (socket, descriptor) = match socket {
            Socket::Tcp(stream) => (FrozenSocket::Tcp, stream.as_fd()),
            Socket::Unix(socket) => {
                let taken_up = socket.taken_up.load(Ordering::Relaxed);
                (FrozenSocket::Unix { taken_up }, socket.stream.as_fd())
            }
            #[cfg(test)]
            Socket::Simulated(_) => return Err(CannotMove::Ending),
        };
        Ok((Self { socket, tls }, descriptor))
    }

    /// The stream as it was, over its descriptor, in the current runtime.
    ///
    /// # Errors
    /// It is none, or there is no memory, or no watch, left for it.
    pub fn thaw(self, descriptor: OwnedFd) -> io::Result<Stream> {
        let socket = match self.socket {
            FrozenSocket::Tcp => {
                let stream = StdTcpStream::from(descriptor);
                stream.set_nonblocking(true)?;
                Socket::Tcp(TcpStream::from_std(stream)?)
            }
            FrozenSocket::Unix { taken_up } => {
                let stream = StdUnixStream::from(descriptor);
                stream.set_nonblocking(true)?;
                let socket = UnixSocket::from(UnixStream::from_std(stream)?);
                socket.taken_up.store(taken_up, Ordering::Relaxed);
                Socket::Unix(Box::new(socket))
            }
        };
        match self.tls {
            None => Ok(Stream::Plain(socket)),
            Some(tls) => tls.thaw(socket).map(Stream::Tls),
        }
    }
}

impl FrozenTls {
    fn of(stream: &TlsStream) -> Result<Self, CannotMove> {
        if stream.closed {
            return Err(CannotMove::Ending);
        }
        let records = stream.records.freeze()?;
        let waiting = |spill: &Spill| spill.front().to_vec();
        Ok(Self { records, plaintext: waiting(&stream.plaintext), ciphertext: waiting(&stream.ciphertext) })
    }

    fn thaw(self, socket: Socket) -> io::Result<Box<TlsStream>> {
        if self.plaintext.len() > tls_buffers::INCOMING {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "more plaintext waits than one read brings"));
        }
        let records = Records::thaw(&self.records).map_err(TlsError::Records)?;
        let mut stream = TlsStream::over(socket, records);
        stream.plaintext.push(&self.plaintext);
        stream.ciphertext.push(&self.ciphertext);
        Ok(stream)
    }
}

impl From<CannotFreeze> for CannotMove {
    fn from(why: CannotFreeze) -> Self {
        match why {
            CannotFreeze::Tls12 => Self::Tls12,
            CannotFreeze::Ending => Self::Ending,
        }
    }
}

impl fmt::Debug for FrozenTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FrozenTls")
    }
}
