//! TLS over TCP that holds no buffer while it is idle.
//!
//! Ciphertext is read into the buffers of the worker and decrypted there; what is written is encrypted into them and
//! goes out from there. A connection keeps only what could not be passed on, and gives that memory back: the start of a
//! record, plaintext its reader had no room for (at most one read's), ciphertext the socket did not take (at most one
//! write's: no more plaintext is taken while there is some). [`check_invariants`](TlsStream::check_invariants) says so in code.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ServerConfig};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::Semaphore;
use tokio::task::yield_now;
use tokio::time::timeout;

use super::Spill;
use super::socket::Socket;
use super::tls_buffers::{self, PIECE, TlsBuffers};
use super::tls_error::TlsError;
use super::tunnel_stream::TunnelStream;
use crate::process::Delivery;
use crate::ranges::{within, within_mut};
use crate::tls::{MAX_RECORD, RECORD_OVERHEAD, RECORD_PAYLOAD, Records, ShownCertificate};

/// A connection after its TLS handshake, at either end.
///
/// Reading ends with 0 bytes after the peer's close_notify, and with [`io::ErrorKind::UnexpectedEof`] if the connection
/// ended without one: somebody may have cut it. After a fatal error everything fails with it.
#[derive(Debug)]
pub struct TlsStream {
    socket: Socket,
    pub(super) records: Records,
    /// Decrypted, and not read yet.
    pub(super) plaintext: Spill,
    /// Encrypted, and not taken by the socket yet.
    pub(super) ciphertext: Spill,
    /// Our close_notify is made; nothing is written after it.
    pub(super) closed: bool,
}

/// A handshake that failed.
#[derive(Debug)]
pub struct HandshakeFailed {
    /// Why.
    pub error: TlsError,
    /// Whether the client had sent anything.
    pub has_begun: bool,
    /// The connection as it is now.
    pub socket: Socket,
}

impl TlsStream {
    /// [Accepts](Self::accept), but not for longer than `limit`. `shown` learns, where there is that, which certificate the client
    /// shows. What takes a worker's time is done in one of these `turns`, which are waited for in order.
    pub async fn accept_within(
        socket: Socket,
        config: Arc<ServerConfig>,
        shown: Option<ShownCertificate>,
        turns: &Semaphore,
        limit: Duration,
    ) -> Result<Box<Self>, Box<HandshakeFailed>> {
        let records = match Records::server(config, shown) {
            Ok(records) => records,
            Err(error) => {
                let error = TlsError::Configuration(error);
                return Err(Box::new(HandshakeFailed { error, has_begun: false, socket }));
            }
        };
        let mut stream = Self::over(socket, records);
        let mut is_in_line = false;
        let shaken = timeout(limit, stream.shake_in_turn(turns, &mut is_in_line)).await;
        let too_late = || if is_in_line { TlsError::NoTurn } else { TlsError::TimedOut };
        match shaken.unwrap_or_else(|_| Err(too_late())) {
            Ok(()) => Ok(stream),
            Err(error) => {
                let Self { socket, records, .. } = *stream;
                Err(Box::new(HandshakeFailed { error, has_begun: records.has_begun(), socket }))
            }
        }
    }

    /// Shakes hands with the client on `socket`, until both sides may send and our last flight is out.
    ///
    /// A client that breaks off the handshake is [`io::ErrorKind::UnexpectedEof`], one that we refuse
    /// [`io::ErrorKind::InvalidData`]; it has been sent an alert. There is no deadline here.
    pub async fn accept(socket: Socket, config: Arc<ServerConfig>) -> io::Result<Box<Self>> {
        let mut stream = Self::new(socket, config)?;
        poll_fn(|cx| stream.poll_handshake(cx)).await?;
        Ok(stream)
    }

    /// Shakes hands with the server on `socket` that is called `name`, over one of these `protocols` (ALPN) if the server knows of
    /// that, until both sides may send and our last flight is out.
    ///
    /// What the server sends right behind its handshake waits to be read; of a client's certificate that it does not like it
    /// says so there, too (RFC 8446 §4.4.2.4). There is no deadline here.
    ///
    /// # Errors
    /// Why there is none. A server that is refused has been sent an alert.
    pub async fn connect(
        socket: Socket,
        config: Arc<ClientConfig>,
        name: ServerName<'static>,
        protocols: Vec<Vec<u8>>,
    ) -> Result<Box<Self>, TlsError> {
        let mut stream = tls_buffers::with(|TlsBuffers { outgoing, .. }| {
            let records = Records::client(config, name, protocols, outgoing).map_err(TlsError::Configuration)?;
            let mut stream = Self::over(socket, records);
            stream.answer(outgoing.filled());
            Ok::<_, TlsError>(stream)
        })?;
        poll_fn(|cx| stream.poll_handshake(cx)).await?;
        Ok(stream)
    }

    /// Panics unless every invariant holds.
    pub fn check_invariants(&self) {
        self.records.check_invariants();
        self.plaintext.check_invariants();
        self.ciphertext.check_invariants();
        let (plaintext, most) = (self.plaintext.front().len(), tls_buffers::INCOMING);
        assert!(plaintext <= most, "{plaintext} bytes of plaintext wait, and one read brings at most {most}");
        assert!(plaintext == 0 || !self.records.is_handshaking(), "plaintext came before the handshake was over");
    }

    fn debug_check_invariants(&self) {
        if cfg!(debug_assertions) {
            self.check_invariants();
        }
    }

    /// Whether an authority has looked whether a name is ours, and nothing more is to be said (RFC 8737 §3).
    pub fn is_challenge(&self) -> bool {
        self.records.is_challenge()
    }

    /// The version that was agreed on, as OpenSSL names it.
    pub fn version(&self) -> &'static str {
        self.records.version()
    }

    /// Whether HTTP/2 was agreed on over ALPN.
    pub fn is_http2(&self) -> bool {
        self.records.is_http2()
    }

    /// The connection under it.
    pub(super) fn socket(&self) -> &Socket {
        &self.socket
    }

    fn new(socket: Socket, config: Arc<ServerConfig>) -> io::Result<Box<Self>> {
        Ok(Self::over(socket, Records::server(config, None).map_err(TlsError::Configuration)?))
    }

    pub(super) fn over(socket: Socket, records: Records) -> Box<Self> {
        let (plaintext, ciphertext) = (Spill::default(), Spill::default());
        Box::new(Self { socket, records, plaintext, ciphertext, closed: false })
    }

    /// Shakes hands, a step in each turn. No turn is held while the client is waited for: who is slow holds nobody up.
    async fn shake_in_turn(&mut self, turns: &Semaphore, is_in_line: &mut bool) -> Result<(), TlsError> {
        loop {
            poll_fn(|cx| self.poll_empty_spill(cx)).await?;
            if !self.records.is_handshaking() {
                return Ok(());
            }
            poll_fn(|cx| self.socket.poll_read_ready(cx)).await?;
            *is_in_line = true;
            // Nobody closes the semaphore.
            let turn = turns.acquire().await;
            *is_in_line = false;
            let (before, mut is_answered) = (self.records.unread(), false);
            let step = poll_fn(|cx| {
                let step = tls_buffers::with(|buffers| {
                    let step = self.poll_receive(cx, &mut ReadBuf::new(&mut []), buffers);
                    is_answered = !buffers.outgoing.filled().is_empty();
                    step
                });
                // There may have been nothing after all: then the turn is the next one's.
                Poll::Ready(if let Poll::Ready(step) = step { step } else { Ok(()) })
            });
            let step = step.await;
            // The turn goes on when whatever else is ready has been looked at. A piece of a record is no step: clients that send
            // byte by byte hold nobody up either.
            if is_answered || self.records.unread() <= before {
                yield_now().await;
            }
            drop(turn);
            step?;
        }
    }

    fn poll_handshake(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), TlsError>> {
        loop {
            ready!(self.poll_empty_spill(cx))?;
            if !self.records.is_handshaking() {
                return Poll::Ready(Ok(()));
            }
            // What the peer sends right behind its last flight waits in `plaintext`.
            ready!(tls_buffers::with(|buffers| self.poll_receive(cx, &mut ReadBuf::new(&mut []), buffers)))?;
        }
    }

    /// Reads from the socket once. Plaintext goes into `buf`, and what does not fit there waits.
    fn poll_receive(
        &mut self,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
        TlsBuffers { incoming, outgoing }: &mut TlsBuffers,
    ) -> Poll<Result<(), TlsError>> {
        let unread = self.records.unread();
        let until = unread + sealed(buf.remaining());
        let until = until.min(incoming.len());
        let mut room = ReadBuf::new(within_mut(incoming, unread..until));
        ready!(Pin::new(&mut self.socket).poll_read(cx, &mut room))?;
        let count = room.filled().len();
        if count == 0 {
            return Poll::Ready(Err(self.truncated()));
        }
        if !self.records.has_begun() && is_plain_http(room.filled()) {
            return Poll::Ready(Err(TlsError::PlainHttp));
        }
        let Self { records, plaintext, .. } = self;
        let mut take = |bytes: &[u8]| {
            let (now, later) = bytes.split_at(bytes.len().min(buf.remaining()));
            buf.put_slice(now);
            plaintext.push(later);
        };
        let received = records.receive(within_mut(incoming, ..unread + count), &mut take, outgoing);
        self.answer(outgoing.filled());
        self.debug_check_invariants();
        Poll::Ready(received.map_err(TlsError::Records))
    }

    /// Why nothing more can be written: the peer's own word, if one came before the connection failed by `error`.
    ///
    /// After TLS 1.3 a server refuses a client's certificate when the client has sent its first data already. It leaves that
    /// unread, so its connection ends by a reset, and a writer sees the reset before a reader sees the alert.
    fn explained(&mut self, error: io::Error) -> io::Error {
        if !self.plaintext.is_empty() {
            return error;
        }
        let last_word = tls_buffers::with(|TlsBuffers { incoming, outgoing }| {
            let Self { socket, records, plaintext, .. } = self;
            let unread = records.unread();
            let count = socket.read_what_came(within_mut(incoming, unread..)).ok()?;
            let mut take = |bytes: &[u8]| plaintext.push(bytes);
            records.receive(within_mut(incoming, ..unread + count), &mut take, outgoing).err()
        });
        last_word.map_or(error, |last_word| TlsError::Records(last_word).into())
    }

    /// Sends what the records ask for on their own account, as far as the socket takes it now. The reader's task must not
    /// take the place of the writer's in the socket, so nobody is woken for the rest: it goes in front of what is written
    /// next.
    fn answer(&mut self, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        let taken = match self.ciphertext.is_empty() {
            // An error will be seen by whoever writes next.
            true => self.socket.try_write(bytes).unwrap_or_default(),
            false => 0,
        };
        self.ciphertext.push(within(bytes, taken..));
    }

    /// Writes records while nothing waits; what the socket does not take waits.
    fn write(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> io::Result<()> {
        if bytes.is_empty() {
            return Ok(());
        }
        let taken = match Pin::new(&mut self.socket).poll_write(cx, bytes) {
            Poll::Ready(taken) => taken?,
            Poll::Pending => 0,
        };
        self.ciphertext.push(within(bytes, taken..));
        Ok(())
    }

    fn poll_empty_spill(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.ciphertext.is_empty() {
            let written = ready!(Pin::new(&mut self.socket).poll_write(cx, self.ciphertext.front()));
            match written.map_err(|error| self.explained(error))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                taken => self.ciphertext.advance(taken),
            }
        }
        Poll::Ready(Ok(()))
    }

    fn truncated(&self) -> TlsError {
        if self.records.is_handshaking() { TlsError::EndedInHandshake } else { TlsError::Truncated }
    }
}

impl TunnelStream for TlsStream {
    fn delivery(&self) -> Option<Delivery> {
        self.socket.delivery()
    }
}

impl AsyncRead for TlsStream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if !this.plaintext.is_empty() {
            let waits = this.plaintext.front();
            let count = waits.len().min(buf.remaining());
            buf.put_slice(within(waits, ..count));
            this.plaintext.advance(count);
            this.debug_check_invariants();
            return Poll::Ready(Ok(()));
        }
        let before = buf.filled().len();
        while buf.remaining() > 0 && !this.records.has_ended() {
            this.records.check().map_err(TlsError::Records)?;
            let received = ready!(tls_buffers::with(|buffers| this.poll_receive(cx, buf, buffers)));
            if buf.filled().len() > before {
                // If the records behind it are broken, the next read says so.
                return Poll::Ready(Ok(()));
            }
            received?;
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for TlsStream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        ready!(this.poll_empty_spill(cx))?;
        if this.closed {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        let piece = buf.get(..PIECE).unwrap_or(buf);
        let written = tls_buffers::with(|TlsBuffers { outgoing, .. }| {
            let sealed = this.records.send(piece, outgoing);
            this.write(cx, outgoing.filled())?;
            sealed.map_err(|error| io::Error::from(TlsError::Records(error)))
        });
        written.map_err(|error| this.explained(error))?;
        this.debug_check_invariants();
        Poll::Ready(Ok(piece.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().poll_empty_spill(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(this.poll_empty_spill(cx))?;
        if !this.closed {
            this.closed = true;
            tls_buffers::with(|TlsBuffers { outgoing, .. }| {
                this.records.close(outgoing).map_err(TlsError::Records)?;
                this.write(cx, outgoing.filled())
            })?;
            ready!(this.poll_empty_spill(cx))?;
        }
        Pin::new(&mut this.socket).poll_shutdown(cx)
    }
}

/// How much ciphertext to ask the socket for: what fills `room`, and never less than completes a record.
fn sealed(room: usize) -> usize {
    let records = room.div_ceil(RECORD_PAYLOAD);
    MAX_RECORD.max(room + records * RECORD_OVERHEAD)
}

/// Whether the first bytes of a connection are a method of HTTP, or the beginning of one, or those of an answer. No record of TLS
/// begins with a letter (RFC 8446 §5.1).
fn is_plain_http(first: &[u8]) -> bool {
    if first.starts_with(b"HTTP/") {
        return true;
    }
    let method = first.split(|&byte| byte == b' ').next().unwrap_or_default();
    !method.is_empty() && method.len() <= LONGEST_METHOD && method.iter().all(u8::is_ascii_uppercase)
}

/// Of the methods that clients use, `UPDATEREDIRECTREF` is the longest.
const LONGEST_METHOD: usize = 17;
