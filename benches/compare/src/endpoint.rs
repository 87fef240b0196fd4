//! The endpoint: shakes hands and answers each message, or answers requests, as the path asks for.

use std::io;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use mio::net::TcpStream;
use rustls::{ServerConfig, ServerConnection};
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

/// What a whole head asks for.
enum Asked {
    Tunnel(Answering),
    Nothing,
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
    pub(crate) fn new(stream: TcpStream, tls: Option<&Arc<ServerConfig>>) -> io::Result<Self> {
        let tls = tls.map(|config| {
            let mut tls = ServerConnection::new(Arc::clone(config)).map_err(io::Error::other)?;
            tls.set_buffer_limit(None);
            Ok::<_, io::Error>(Box::new(tls.into()))
        });
        Ok(Self { link: Link::new(stream, tls.transpose()?), phase: Phase::Head(Vec::new()), closing: false })
    }

    /// Handles what has come; false once the connection is over.
    pub(crate) fn on_ready(&mut self, scratch: &mut Scratch, until: Until, out: &mut Vec<u8>) -> io::Result<bool> {
        self.link.flush()?;
        out.clear();
        let Self { link, phase, closing } = self;
        let open = link.receive(scratch, until, |bytes| match phase {
            Phase::Head(head) => {
                head.extend_from_slice(bytes);
                match answer(head, out) {
                    Some(Asked::Tunnel(answering)) => *phase = Phase::Open(answering),
                    Some(Asked::Nothing) => head.clear(),
                    None => {}
                }
            }
            Phase::Open(answering) => *closing |= answering.on_bytes(bytes, out),
        })?;
        if !out.is_empty() {
            link.send(out)?;
        }
        // What TLS has to say by itself.
        link.flush()?;
        if *closing && link.is_flushed() {
            // The server closes first (RFC 6455 §7.1.1).
            link.finish()?;
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

/// Answers a whole head; the path is `/echo`, or `/answer/BYTES`, or `/body/BYTES` for no tunnel.
fn answer(head: &[u8], out: &mut Vec<u8>) -> Option<Asked> {
    let head = std::str::from_utf8(head.strip_suffix(b"\r\n\r\n")?).ok()?;
    let path = head.split(' ').nth(1)?;
    if let Some(size) = path.strip_prefix("/body/") {
        let size: usize = size.parse().ok()?;
        let head =
            format!("HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nContent-Length: {size}\r\n\r\n");
        out.extend_from_slice(head.as_bytes());
        out.resize(out.len() + size, b'.');
        return Some(Asked::Nothing);
    }
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
    Some(Asked::Tunnel(Answering { frames: Frames::default(), duty }))
}
