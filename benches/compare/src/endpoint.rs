//! The endpoint: shakes hands, and answers each message as the path asked for.

use std::io;
use std::net::Shutdown;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use mio::net::TcpStream;
use sha1::{Digest, Sha1};

use crate::frames::{BINARY, CLOSE, Frames, PING, PONG, Piece, Role, frame, push_head};
use crate::link::{Link, Scratch, Until};

/// One connection to the endpoint.
pub(crate) struct Endpoint {
    pub(crate) link: Link,
    phase: Phase,
    closing: bool,
}

enum Phase {
    Head(Vec<u8>),
    Open(Answering),
}

struct Answering {
    frames: Frames,
    duty: Duty,
}

/// What a message is answered with.
enum Duty {
    /// Itself.
    Echo,
    /// As many bytes.
    Fixed(Vec<u8>),
}

impl Endpoint {
    pub(crate) fn new(stream: TcpStream) -> Self {
        Self { link: Link::new(stream, None), phase: Phase::Head(Vec::new()), closing: false }
    }

    /// Handles what has come; false once the connection is over.
    pub(crate) fn on_ready(&mut self, scratch: &mut Scratch, until: Until, out: &mut Vec<u8>) -> io::Result<bool> {
        self.link.flush()?;
        out.clear();
        let Self { link, phase, closing } = self;
        let open = link.receive(scratch, until, |bytes| match phase {
            Phase::Head(head) => {
                head.extend_from_slice(bytes);
                if let Some(answering) = shake_hands(head, out) {
                    *phase = Phase::Open(answering);
                }
            }
            Phase::Open(answering) => *closing |= answering.on_bytes(bytes, out),
        })?;
        if !out.is_empty() {
            link.send(out)?;
        }
        if *closing && link.is_flushed() {
            // The server closes first (RFC 6455 §7.1.1).
            link.stream.shutdown(Shutdown::Write)?;
        }
        Ok(open)
    }
}

impl Answering {
    /// Appends what `bytes` are answered with; true if they hold a Close.
    fn on_bytes(&mut self, mut bytes: &[u8], out: &mut Vec<u8>) -> bool {
        let mut closing = false;
        while let Some(piece) = self.frames.next(&mut bytes) {
            match (piece, &self.duty) {
                (Piece::Head { opcode: PING, .. }, _) => push_head(out, Role::Server, PONG, 0),
                (Piece::Head { opcode: CLOSE, .. }, _) => {
                    push_head(out, Role::Server, CLOSE, 0);
                    closing = true;
                }
                (Piece::Head { opcode: BINARY, length }, Duty::Echo) => push_head(out, Role::Server, BINARY, length),
                (Piece::Payload { opcode: BINARY, bytes, .. }, Duty::Echo) => out.extend_from_slice(bytes),
                (Piece::Payload { opcode: BINARY, is_last: true, .. }, Duty::Fixed(answer)) => {
                    out.extend_from_slice(answer);
                }
                _ => {}
            }
        }
        closing
    }
}

/// Answers a whole head; the path is `/echo`, or `/answer/BYTES`.
fn shake_hands(head: &[u8], out: &mut Vec<u8>) -> Option<Answering> {
    let head = std::str::from_utf8(head.strip_suffix(b"\r\n\r\n")?).ok()?;
    let path = head.split(' ').nth(1)?;
    let key = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("sec-websocket-key").then(|| value.trim())
    })?;
    let mut hash = Sha1::new();
    hash.update(key);
    hash.update("258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
    let accept = STANDARD.encode(hash.finalize());
    out.extend_from_slice(
        format!("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n\r\n")
            .as_bytes(),
    );
    let duty = match path.strip_prefix("/answer/").and_then(|size| size.parse().ok()) {
        Some(size) => Duty::Fixed(frame(Role::Server, BINARY, size)),
        None => Duty::Echo,
    };
    Some(Answering { frames: Frames::default(), duty })
}
