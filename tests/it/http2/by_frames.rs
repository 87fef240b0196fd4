//! Endpoints that speak HTTP/2 frame by frame, and do what no library does.

use h2::Reason;

use crate::rig::{Endpoint, Wire};

/// An endpoint's side of a connection.
pub(super) struct Frames(Wire);

/// One frame (RFC 9113 §4.1).
pub(super) struct Frame {
    pub(super) kind: u8,
    pub(super) flags: u8,
    pub(super) stream: u32,
    pub(super) payload: Vec<u8>,
}

pub(super) const DATA: u8 = 0;
pub(super) const HEADERS: u8 = 1;
pub(super) const END_HEADERS: u8 = 4;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
pub(super) const GOAWAY: u8 = 7;
const ACK: u8 = 1;
const INITIAL_WINDOW_SIZE: u16 = 4;

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

impl Frames {
    /// The next connection, with the endpoint's preface.
    pub(super) async fn accept(endpoint: &Endpoint) -> Self {
        let mut wire = endpoint.accept().await;
        wire.hears("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await;
        let mut frames = Self(wire);
        frames.send(SETTINGS, 0, 0, &[]).await;
        frames
    }

    pub(super) async fn send(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
        self.0.send(frame(kind, flags, stream, payload)).await;
    }

    /// Sends this frame again and again, in one piece.
    pub(super) async fn flood(&mut self, kind: u8, stream: u32, payload: &[u8], times: usize) {
        self.0.send(frame(kind, 0, stream, payload).repeat(times)).await;
    }

    /// The next frame.
    pub(super) async fn next(&mut self) -> Frame {
        let head = self.0.bytes(9).await;
        let length = usize::from(head[0]) << 16 | usize::from(head[1]) << 8 | usize::from(head[2]);
        let stream = u32::from_be_bytes([head[5], head[6], head[7], head[8]]);
        let payload = self.0.bytes(length).await;
        Frame { kind: head[3], flags: head[4], stream, payload }
    }

    /// The stream of the next request; what is about the connection is answered before.
    pub(super) async fn asked(&mut self) -> u32 {
        loop {
            let Frame { kind, flags, stream, payload } = self.next().await;
            match (kind, flags) {
                (HEADERS, _) => return stream,
                (SETTINGS, 0) => self.send(SETTINGS, ACK, 0, &[]).await,
                (PING, 0) => self.send(PING, ACK, 0, &payload).await,
                _ => {}
            }
        }
    }

    /// Says that this one, and what comes after it, was left unread.
    pub(super) async fn refuse(&mut self, stream: u32) {
        self.reset(stream, Reason::REFUSED_STREAM).await;
    }

    /// Says that everything after this one was left unread, and that the connection ends.
    pub(super) async fn go_away(&mut self, last: u32) {
        self.send(GOAWAY, 0, 0, &[last.to_be_bytes(), [0; 4]].concat()).await;
    }

    /// Refuses the one stream for this reason.
    pub(super) async fn reset(&mut self, stream: u32, reason: Reason) {
        self.send(RST_STREAM, 0, stream, &u32::from(reason).to_be_bytes()).await;
    }

    /// From now on, so many bytes of a body may come before a window is opened.
    pub(super) async fn set_window(&mut self, bytes: u32) {
        self.send(SETTINGS, 0, 0, &[&INITIAL_WINDOW_SIZE.to_be_bytes()[..], &bytes.to_be_bytes()].concat()).await;
    }

    /// So many bytes of a request's body.
    pub(super) async fn body(&mut self, bytes: usize) -> String {
        let mut body = Vec::new();
        while body.len() < bytes {
            let Frame { kind, flags, payload, .. } = self.next().await;
            match (kind, flags) {
                (DATA, _) => body.extend(payload),
                (SETTINGS, 0) => self.send(SETTINGS, ACK, 0, &[]).await,
                _ => {}
            }
        }
        String::from_utf8(body).unwrap()
    }

    /// So many streams are reset.
    pub(super) async fn are_reset(&mut self, streams: usize) {
        for _ in 0..streams {
            while self.next().await.kind != RST_STREAM {}
        }
    }

    /// Answers with 204.
    pub(super) async fn say_nothing_more(&mut self, stream: u32) {
        // Index 9 of the static table (RFC 7541, Appendix A); END_HEADERS and END_STREAM.
        self.send(HEADERS, 0x5, stream, &[0x89]).await;
    }
}
