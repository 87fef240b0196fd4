//! The stream that a session runs over, and either side of a tunnel.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::TlsStream;
use super::http2_stream::Http2Stream;
use super::socket::Socket;
use super::tunnel_stream::TunnelStream;
use crate::process::Delivery;

/// A connection, with or without TLS, or one stream of one that many share.
#[derive(Debug)]
pub enum Stream {
    /// TCP as it is.
    Plain(Socket),
    /// TLS over TCP.
    Tls(Box<TlsStream>),
    /// A stream of a client's connection of HTTP/2, as a tunnel has it (RFC 8441 §5).
    Http2(Box<Http2Stream>),
}

impl Stream {
    /// This machine's address of it; `None` where it has none, or none any more.
    pub fn local_address(&self) -> Option<SocketAddr> {
        self.socket()?.local_address()
    }

    /// Whether its peer speaks HTTP/2 over it: as agreed on over ALPN, or by a stream of its own.
    pub fn is_http2(&self) -> bool {
        match self {
            Self::Plain(_) => false,
            Self::Tls(stream) => stream.is_http2(),
            Self::Http2(_) => true,
        }
    }

    /// The connection under it, where it is all of that.
    pub(super) fn socket(&self) -> Option<&Socket> {
        match self {
            Self::Plain(stream) => Some(stream),
            Self::Tls(stream) => Some(stream.socket()),
            Self::Http2(_) => None,
        }
    }
}

impl TunnelStream for Stream {
    fn delivery(&self) -> Option<Delivery> {
        match self {
            Self::Plain(stream) => stream.delivery(),
            Self::Tls(stream) => stream.delivery(),
            Self::Http2(stream) => stream.delivery(),
        }
    }
}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_read(cx, buf),
            Self::Tls(stream) => Pin::new(stream).poll_read(cx, buf),
            Self::Http2(stream) => Pin::new(stream).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write(cx, buf),
            Self::Tls(stream) => Pin::new(stream).poll_write(cx, buf),
            Self::Http2(stream) => Pin::new(stream).poll_write(cx, buf),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Self::Tls(stream) => Pin::new(stream).poll_flush(cx),
            Self::Http2(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Http2(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write_vectored(cx, bufs),
            Self::Tls(stream) => Pin::new(stream).poll_write_vectored(cx, bufs),
            Self::Http2(stream) => Pin::new(stream).poll_write_vectored(cx, bufs),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Plain(stream) => stream.is_write_vectored(),
            Self::Tls(stream) => stream.is_write_vectored(),
            Self::Http2(stream) => stream.is_write_vectored(),
        }
    }
}
