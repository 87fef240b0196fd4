//! HTTP/2 frame by frame, written and read without the code under test.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::rig::{Proxy, within};

/// What a frame is (RFC 9113 §6).
pub(crate) const DATA: u8 = 0;
pub(crate) const HEADERS: u8 = 1;
pub(crate) const PRIORITY: u8 = 2;
pub(crate) const RST_STREAM: u8 = 3;
pub(crate) const SETTINGS: u8 = 4;
pub(crate) const PING: u8 = 6;
pub(crate) const GOAWAY: u8 = 7;
pub(crate) const WINDOW_UPDATE: u8 = 8;
pub(crate) const CONTINUATION: u8 = 9;

pub(crate) const END_STREAM: u8 = 1;
pub(crate) const END_HEADERS: u8 = 4;
pub(crate) const PADDED: u8 = 8;

/// `:status: 200` of the static table.
pub(crate) const STATUS_200: u8 = 0x88;

/// A connection that is written and read frame by frame.
pub(crate) struct Frames {
    pub(crate) stream: TcpStream,
    received: Vec<u8>,
}

/// A frame that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RawFrame {
    pub(crate) kind: u8,
    pub(crate) flags: u8,
    pub(crate) stream: u32,
    pub(crate) payload: Vec<u8>,
}

impl RawFrame {
    pub(crate) fn has(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }

    /// The code of a RST_STREAM or a GOAWAY.
    pub(crate) fn code(&self) -> u32 {
        let code = match self.kind {
            GOAWAY => &self.payload[4..8],
            _ => &self.payload[..4],
        };
        u32::from_be_bytes(code.try_into().unwrap())
    }
}

impl Frames {
    /// A new connection with the listener `public`, whose first words are said; the proxy's are still to be read.
    pub(crate) async fn begin(proxy: &Proxy) -> Self {
        Self::connect(proxy.address("public")).await
    }

    /// The same with whoever listens there.
    pub(crate) async fn connect(address: SocketAddr) -> Self {
        let stream = within("a connection", TcpStream::connect(address)).await.unwrap();
        stream.set_nodelay(true).unwrap();
        let mut frames = Self { stream, received: Vec::new() };
        frames.send(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await;
        frames.send(&frame(SETTINGS, 0, 0, &[])).await;
        frames
    }

    pub(crate) async fn send(&mut self, bytes: &[u8]) {
        within("the proxy takes what is sent", self.stream.write_all(bytes)).await.unwrap();
    }

    /// The same, as far as the connection is there.
    pub(crate) async fn try_send(&mut self, bytes: &[u8]) {
        let _ = within("the proxy takes what is sent", self.stream.write_all(bytes)).await;
    }

    /// Asks for a WebSocket on this stream.
    pub(crate) async fn ask_for_websocket(&mut self, stream: u32, path: &str) {
        let head = [(":method", "CONNECT"), (":protocol", "websocket"), (":scheme", "http"), (":path", path)];
        let more = [(":authority", "chat.test"), ("sec-websocket-version", "13")];
        self.send(&headers(stream, END_HEADERS, &[&head[..], &more].concat())).await;
    }

    /// Asks for a path on this stream.
    pub(crate) async fn get(&mut self, stream: u32, path: &str) {
        self.send(&headers(stream, END_HEADERS | END_STREAM, &head("GET", path))).await;
    }

    /// The next frame.
    pub(crate) async fn next(&mut self) -> RawFrame {
        within("a frame", self.try_next()).await.expect("a frame and not the end")
    }

    /// The next frame of this stream; those of the connection are passed over.
    pub(crate) async fn next_of(&mut self, stream: u32) -> RawFrame {
        loop {
            let frame = self.next().await;
            assert_ne!(frame.kind, GOAWAY, "{frame:?}");
            if frame.stream == stream && frame.kind != WINDOW_UPDATE {
                return frame;
            }
        }
    }

    /// The next frame of these kinds; `None` once the connection is over.
    pub(crate) async fn try_next_of_kind(&mut self, kinds: &[u8]) -> Option<RawFrame> {
        loop {
            let frame = within("a frame, or the end", self.try_next()).await?;
            if kinds.contains(&frame.kind) {
                return Some(frame);
            }
        }
    }

    /// Whatever comes within a moment.
    pub(crate) async fn for_a_moment(&mut self) -> Vec<RawFrame> {
        let mut frames = Vec::new();
        while let Ok(Some(frame)) = timeout(Duration::from_millis(300), self.try_next()).await {
            frames.push(frame);
        }
        frames
    }

    /// The next frame; `None` once the connection is over, politely or not.
    pub(crate) async fn try_next(&mut self) -> Option<RawFrame> {
        loop {
            if let Some((frame, size)) = parse(&self.received) {
                self.received.drain(..size);
                return Some(frame);
            }
            if !matches!(self.stream.read_buf(&mut self.received).await, Ok(1..)) {
                return None;
            }
        }
    }
}

fn parse(bytes: &[u8]) -> Option<(RawFrame, usize)> {
    let [high, middle, low, kind, flags, stream @ ..] = *bytes.first_chunk::<9>()?;
    let end = 9 + u32::from_be_bytes([0, high, middle, low]) as usize;
    let payload = bytes.get(9..end)?.to_vec();
    Some((RawFrame { kind, flags, stream: u32::from_be_bytes(stream), payload }, end))
}

/// A frame as it is sent.
pub(crate) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let [_, high, middle, low] = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&[high, middle, low, kind, flags], &stream.to_be_bytes()[..], payload].concat()
}

/// A HEADERS with these fields.
pub(crate) fn headers(stream: u32, flags: u8, fields: &[(&str, &str)]) -> Vec<u8> {
    frame(HEADERS, flags, stream, &block(fields))
}

/// Fields as HPACK has them that is never indexed (RFC 7541 §6.2.2).
pub(crate) fn block(fields: &[(&str, &str)]) -> Vec<u8> {
    let text = |text: &str| [&[u8::try_from(text.len()).unwrap()][..], text.as_bytes()].concat();
    fields.iter().flat_map(|(name, value)| [vec![0], text(name), text(value)].concat()).collect()
}

/// The head of a request.
pub(crate) fn head<'a>(method: &'a str, path: &'a str) -> [(&'a str, &'a str); 4] {
    [(":method", method), (":scheme", "http"), (":path", path), (":authority", "chat.test")]
}
