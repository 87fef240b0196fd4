//! One client with a connection of its own: a WebSocket, or one that asks again and again.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use mio::net::TcpStream;
use rustls::{ClientConfig, ClientConnection, Connection, HandshakeKind};

use crate::frames::{BINARY, Frames, PING, PONG, Piece, Role, frame};
use crate::link::{Link, Scratch, Until};

/// Where clients go, and how.
#[derive(Clone)]
pub(crate) struct Target {
    pub(crate) address: SocketAddr,
    pub(crate) tls: Option<Arc<ClientConfig>>,
    pub(crate) path: String,
    pub(crate) purpose: Purpose,
    /// How many clients share a connection of HTTP/2; without it each has one of HTTP/1.1.
    pub(crate) streams: Option<usize>,
}

/// What clients come for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// A WebSocket.
    Tunnel,
    /// Answers, one after the other.
    Exchange,
}

/// One client.
pub(crate) struct Client {
    pub(crate) link: Link,
    phase: Phase,
    purpose: Purpose,
    request: Vec<u8>,
    /// What the handshake turned out to be, with TLS.
    pub(crate) resumed: bool,
}

enum Phase {
    Connecting,
    Head(Vec<u8>),
    Open(Frames),
    Exchange(Answer),
}

/// An answer while it comes.
#[derive(Default)]
struct Answer {
    head: Vec<u8>,
    body: usize,
}

/// What happened to a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Happened {
    /// Its tunnel is open, or it is ready to ask.
    Opened,
    /// A message or an answer has come, whole.
    Answered,
    /// Its connection or its tunnel is over.
    Ended,
}

impl Client {
    pub(crate) fn connect(target: &Target) -> io::Result<Self> {
        let stream = TcpStream::connect(target.address)?;
        stream.set_nodelay(true)?;
        let lines = match target.purpose {
            Purpose::Tunnel => {
                "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
                 Sec-WebSocket-Version: 13\r\nOrigin: https://bench.test"
            }
            Purpose::Exchange => "Accept: */*",
        };
        let request = format!(
            "GET {} HTTP/1.1\r\nHost: bench.test\r\nUser-Agent: windlass-compare\r\n{lines}\r\n\r\n",
            target.path
        );
        Ok(Self {
            link: Link::new(stream, tls_for(target)?),
            phase: Phase::Connecting,
            purpose: target.purpose,
            request: request.into_bytes(),
            resumed: false,
        })
    }

    /// Asks for the next answer.
    pub(crate) fn ask(&mut self) -> io::Result<()> {
        self.link.send(&self.request)
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
            if self.purpose == Purpose::Tunnel {
                self.phase = Phase::Head(Vec::new());
                self.link.send(&std::mem::take(&mut self.request))?;
            } else {
                self.phase = Phase::Exchange(Answer::default());
                tell(Happened::Opened);
            }
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
            if let Phase::Exchange(answer) = phase
                && answer.on_bytes(bytes)
            {
                tell(Happened::Answered);
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
}

impl Answer {
    /// Whether the answer is whole with these bytes; the next one begins then.
    fn on_bytes(&mut self, mut bytes: &[u8]) -> bool {
        if self.body == 0 {
            self.head.extend_from_slice(bytes);
            let Some(end) = self.head.windows(4).position(|end| end == b"\r\n\r\n") else { return false };
            let head = String::from_utf8_lossy(&self.head[..end]).into_owned();
            assert!(head.starts_with("HTTP/1.1 200"), "not a 200: {head}");
            self.body = head.lines().find_map(content_length).unwrap_or_else(|| panic!("no length: {head}"));
            bytes = &bytes[bytes.len() - (self.head.len() - end - 4)..];
            self.head.clear();
        }
        self.body -= bytes.len();
        self.body == 0
    }
}

fn content_length(line: &str) -> Option<usize> {
    let (name, value) = line.split_once(':')?;
    name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().ok())?
}

/// The client's end of TLS, where there is any.
pub(crate) fn tls_for(target: &Target) -> io::Result<Option<Box<Connection>>> {
    let Some(config) = &target.tls else { return Ok(None) };
    let name = "bench.test".try_into().map_err(io::Error::other)?;
    let mut tls = ClientConnection::new(Arc::clone(config), name).map_err(io::Error::other)?;
    tls.set_buffer_limit(None);
    Ok(Some(Box::new(tls.into())))
}
