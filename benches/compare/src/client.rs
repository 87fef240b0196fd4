//! One WebSocket client.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use mio::net::TcpStream;
use rustls::{ClientConfig, ClientConnection, HandshakeKind};

use crate::frames::{BINARY, CLOSE, Frames, PING, PONG, Piece, Role, frame};
use crate::link::{Link, Scratch, Until};

/// Where clients go, and how.
#[derive(Clone)]
pub(crate) struct Target {
    pub(crate) address: SocketAddr,
    pub(crate) tls: Option<Arc<ClientConfig>>,
    pub(crate) path: String,
}

/// One client.
pub(crate) struct Client {
    pub(crate) link: Link,
    phase: Phase,
    request: Vec<u8>,
    /// What the handshake turned out to be, with TLS.
    pub(crate) resumed: bool,
}

enum Phase {
    Connecting,
    Head(Vec<u8>),
    Open(Frames),
}

/// What happened to a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Happened {
    /// Its tunnel is open.
    Opened,
    /// A message has come, whole.
    Answered,
    /// The connection is over.
    Ended,
}

impl Client {
    pub(crate) fn connect(target: &Target) -> io::Result<Self> {
        let stream = TcpStream::connect(target.address)?;
        stream.set_nodelay(true)?;
        let tls = target.tls.as_ref().map(|config| {
            let name = "bench.test".try_into().map_err(io::Error::other)?;
            let mut tls = ClientConnection::new(Arc::clone(config), name).map_err(io::Error::other)?;
            tls.set_buffer_limit(None);
            Ok::<_, io::Error>(Box::new(tls))
        });
        let request = format!(
            "GET {} HTTP/1.1\r\nHost: bench.test\r\nUser-Agent: windlass-compare\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\nOrigin: https://bench.test\r\n\r\n",
            target.path
        );
        Ok(Self {
            link: Link::new(stream, tls.transpose()?),
            phase: Phase::Connecting,
            request: request.into_bytes(),
            resumed: false,
        })
    }

    /// Handles what has come, and tells what happened.
    pub(crate) fn on_ready(
        &mut self,
        scratch: &mut Scratch,
        until: Until,
        mut tell: impl FnMut(Happened),
    ) -> io::Result<()> {
        if matches!(self.phase, Phase::Connecting) {
            if self.link.stream.peer_addr().is_err() {
                return Ok(());
            }
            self.phase = Phase::Head(Vec::new());
            self.link.send(&std::mem::take(&mut self.request))?;
        }
        let Self { link, phase, .. } = self;
        let mut pings = 0;
        let open = link.receive(scratch, until, |bytes| {
            let mut rest = bytes;
            if let Phase::Head(head) = phase {
                head.extend_from_slice(bytes);
                if !head.ends_with(b"\r\n\r\n") {
                    return;
                }
                assert!(head.starts_with(b"HTTP/1.1 101"), "not a 101: {}", String::from_utf8_lossy(head));
                *phase = Phase::Open(Frames::default());
                tell(Happened::Opened);
                rest = &[];
            }
            let Phase::Open(frames) = phase else { return };
            while let Some(piece) = frames.next(&mut rest) {
                match piece {
                    Piece::Payload { opcode: BINARY, is_last: true, .. } => tell(Happened::Answered),
                    Piece::Head { opcode: PING, .. } => pings += 1,
                    _ => {}
                }
            }
        })?;
        self.link.flush()?;
        for _ in 0..pings {
            self.link.send(&frame(Role::Client, PONG, 0))?;
        }
        if !open {
            let kind = self.link.tls.as_ref().and_then(|tls| tls.handshake_kind());
            self.resumed = kind == Some(HandshakeKind::Resumed);
            tell(Happened::Ended);
        }
        Ok(())
    }

    /// Says goodbye; the connection ends once the other side has said so too.
    pub(crate) fn close(&mut self) -> io::Result<()> {
        self.link.send(&frame(Role::Client, CLOSE, 0))
    }
}
