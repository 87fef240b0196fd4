//! Just enough of HTTP/2 (RFC 9113, RFC 8441) to load a proxy: one connection that carries many clients.
//!
//! What it receives has windows as large as there are, so it never has to widen one; what it sends keeps to the proxy's. Its
//! header lines are literals that no table keeps, so that each request costs a proxy the same.

use std::collections::HashMap;

use crate::client::{Happened, Purpose};
use crate::frames::{BINARY, Frames, Piece};

/// The state of one connection, apart from its socket.
pub(crate) struct Http2 {
    purpose: Purpose,
    /// The header block of each request.
    request: Vec<u8>,
    /// The begin of a frame that is not whole.
    held: Vec<u8>,
    /// Whether the proxy has said its settings, without which no tunnel may be asked for (RFC 8441 §3).
    ready: bool,
    /// Clients that wait for that.
    early: Vec<usize>,
    streams: HashMap<u32, Stream>,
    /// Where each client is.
    places: HashMap<usize, u32>,
    next: u32,
    /// How much may be sent on all streams together, and on one that begins.
    window: i64,
    initial_window: i64,
}

struct Stream {
    client: usize,
    frames: Frames,
    /// What its window has no room for.
    waiting: Vec<u8>,
    window: i64,
}

struct Frame<'a> {
    kind: u8,
    flags: u8,
    id: u32,
    payload: &'a [u8],
}

/// Larger no window can be (RFC 9113 §6.9.1), nor anything else that is said in 31 bits.
const LARGEST: u32 = 0x7FFF_FFFF;
const FIRST_WINDOW: u32 = 65_535;
const LARGEST_FRAME: usize = 16_384;
const CANCEL: u32 = 8;

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const WINDOW_UPDATE: u8 = 8;

const ACK: u8 = 1;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;
const PADDED: u8 = 8;
const INITIAL_WINDOW_SIZE: u16 = 4;
const STATUS_200: u8 = 0x88;

impl Http2 {
    pub(crate) fn new(purpose: Purpose, path: &str) -> Self {
        Self {
            purpose,
            request: header_block(purpose, path),
            held: Vec::new(),
            ready: false,
            early: Vec::new(),
            streams: HashMap::new(),
            places: HashMap::new(),
            next: 1,
            window: FIRST_WINDOW.into(),
            initial_window: FIRST_WINDOW.into(),
        }
    }

    /// What a client says first.
    pub(crate) fn preface(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
        push_frame(out, SETTINGS, 0, 0, &[&INITIAL_WINDOW_SIZE.to_be_bytes()[..], &LARGEST.to_be_bytes()].concat());
        push_frame(out, WINDOW_UPDATE, 0, 0, &(LARGEST - FIRST_WINDOW).to_be_bytes());
    }

    /// How many clients it carries.
    pub(crate) fn clients(&self) -> usize {
        self.early.len() + self.places.len()
    }

    /// Adds a client; for a tunnel that asks for it.
    pub(crate) fn add(&mut self, client: usize, out: &mut Vec<u8>) {
        match (self.ready, self.purpose) {
            (false, _) => self.early.push(client),
            (true, Purpose::Tunnel) => self.ask(client, out),
            (true, Purpose::Exchange) => _ = self.places.insert(client, 0),
        }
    }

    /// Sends the request of a client, on a stream of its own.
    pub(crate) fn ask(&mut self, client: usize, out: &mut Vec<u8>) {
        let id = self.next;
        self.next += 2;
        let ends = if self.purpose == Purpose::Exchange { END_STREAM } else { 0 };
        push_frame(out, HEADERS, END_HEADERS | ends, id, &self.request);
        self.places.insert(client, id);
        let window = self.initial_window;
        self.streams.insert(id, Stream { client, frames: Frames::default(), waiting: Vec::new(), window });
    }

    /// Sends bytes through the tunnel of a client, as far as the windows reach.
    pub(crate) fn send(&mut self, client: usize, bytes: &[u8], out: &mut Vec<u8>) {
        let id = self.places[&client];
        if let Some(stream) = self.streams.get_mut(&id) {
            stream.waiting.extend_from_slice(bytes);
            flush(id, stream, &mut self.window, out);
        }
    }

    /// Forgets a client, whose stream ends at once.
    pub(crate) fn remove(&mut self, client: usize, out: &mut Vec<u8>) {
        self.early.retain(|early| *early != client);
        let id = self.places.remove(&client);
        if let Some(id) = id.filter(|id| self.streams.remove(id).is_some()) {
            push_frame(out, RST_STREAM, 0, id, &CANCEL.to_be_bytes());
        }
    }

    /// Handles what has come; what must be answered is appended to `out`.
    pub(crate) fn on_bytes(&mut self, bytes: &[u8], out: &mut Vec<u8>, tell: &mut impl FnMut(usize, Happened)) {
        let mut held = std::mem::take(&mut self.held);
        held.extend_from_slice(bytes);
        let mut rest = held.as_slice();
        while let Some((head, behind)) = rest.split_first_chunk::<9>() {
            let length = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
            let Some((payload, behind)) = behind.split_at_checked(length) else { break };
            let id = u32::from_be_bytes([head[5], head[6], head[7], head[8]]) & LARGEST;
            self.on_frame(&Frame { kind: head[3], flags: head[4], id, payload }, out, tell);
            rest = behind;
        }
        let used = held.len() - rest.len();
        held.drain(..used);
        self.held = held;
    }

    fn on_frame(&mut self, frame: &Frame<'_>, out: &mut Vec<u8>, tell: &mut impl FnMut(usize, Happened)) {
        let Frame { kind, flags, id, payload } = *frame;
        match kind {
            SETTINGS if flags & ACK == 0 => self.on_settings(payload, out, tell),
            PING if flags & ACK == 0 => push_frame(out, PING, ACK, 0, payload),
            WINDOW_UPDATE => self.on_wider_window(id, number(payload), out),
            GOAWAY => panic!("GOAWAY: {payload:?}"),
            HEADERS => self.on_headers(flags, id, payload, tell),
            DATA => self.on_data(flags, id, payload, tell),
            RST_STREAM => self.end(id, tell),
            _ => {}
        }
    }

    fn on_settings(&mut self, payload: &[u8], out: &mut Vec<u8>, tell: &mut impl FnMut(usize, Happened)) {
        for setting in payload.as_chunks::<6>().0 {
            if u16::from_be_bytes([setting[0], setting[1]]) == INITIAL_WINDOW_SIZE {
                let now = i64::from(number(&setting[2..]));
                self.streams.values_mut().for_each(|stream| stream.window += now - self.initial_window);
                self.initial_window = now;
            }
        }
        push_frame(out, SETTINGS, ACK, 0, &[]);
        self.ready = true;
        for client in std::mem::take(&mut self.early) {
            self.add(client, out);
            if self.purpose == Purpose::Exchange {
                tell(client, Happened::Opened);
            }
        }
    }

    fn on_wider_window(&mut self, id: u32, by: u32, out: &mut Vec<u8>) {
        if id == 0 {
            self.window += i64::from(by);
            self.streams.iter_mut().for_each(|(id, stream)| flush(*id, stream, &mut self.window, out));
        } else if let Some(stream) = self.streams.get_mut(&id) {
            stream.window += i64::from(by);
            flush(id, stream, &mut self.window, out);
        }
    }

    fn on_headers(&mut self, flags: u8, id: u32, block: &[u8], tell: &mut impl FnMut(usize, Happened)) {
        // A change of the table's size may stand in front.
        let first = block.iter().find(|byte| **byte & 0xE0 != 0x20);
        let Some(stream) = self.streams.get(&id) else { return };
        assert!(first == Some(&STATUS_200) && flags & PADDED == 0, "not a 200: {block:?}");
        if self.purpose == Purpose::Tunnel {
            tell(stream.client, Happened::Opened);
        }
        if flags & END_STREAM != 0 {
            self.end(id, tell);
        }
    }

    fn on_data(&mut self, flags: u8, id: u32, mut bytes: &[u8], tell: &mut impl FnMut(usize, Happened)) {
        assert_eq!(flags & PADDED, 0, "padding");
        let Some(stream) = self.streams.get_mut(&id) else { return };
        if self.purpose == Purpose::Tunnel {
            while let Some(piece) = stream.frames.next(&mut bytes) {
                if matches!(piece, Piece::Payload { opcode: BINARY, is_last: true, .. }) {
                    tell(stream.client, Happened::Answered);
                }
            }
        }
        if flags & END_STREAM != 0 {
            self.end(id, tell);
        }
    }

    /// A stream is over: the tunnel has ended, or the answer is whole.
    fn end(&mut self, id: u32, tell: &mut impl FnMut(usize, Happened)) {
        if let Some(stream) = self.streams.remove(&id) {
            let what = if self.purpose == Purpose::Tunnel { Happened::Ended } else { Happened::Answered };
            tell(stream.client, what);
        }
    }
}

fn flush(id: u32, stream: &mut Stream, window: &mut i64, out: &mut Vec<u8>) {
    let room = usize::try_from(stream.window.min(*window)).unwrap_or(0).min(stream.waiting.len());
    for piece in stream.waiting[..room].chunks(LARGEST_FRAME) {
        push_frame(out, DATA, 0, id, piece);
    }
    stream.waiting.drain(..room);
    stream.window -= room as i64;
    *window -= room as i64;
}

fn push_frame(out: &mut Vec<u8>, kind: u8, flags: u8, id: u32, payload: &[u8]) {
    out.extend_from_slice(&(payload.len() as u32).to_be_bytes()[1..]);
    out.extend_from_slice(&[kind, flags]);
    out.extend_from_slice(&id.to_be_bytes());
    out.extend_from_slice(payload);
}

fn number(bytes: &[u8]) -> u32 {
    u32::from_be_bytes(bytes.try_into().expect("four bytes"))
}

/// The lines of a request as HPACK's literals without indexing (RFC 7541 §6.2.2); none of their strings has 127 bytes.
fn header_block(purpose: Purpose, path: &str) -> Vec<u8> {
    let lines: &[(&str, &str)] = match purpose {
        Purpose::Tunnel => &[
            (":method", "CONNECT"),
            (":protocol", "websocket"),
            (":scheme", "https"),
            (":path", path),
            (":authority", "bench.test"),
            ("user-agent", "windlass-compare"),
            ("sec-websocket-version", "13"),
            ("origin", "https://bench.test"),
        ],
        Purpose::Exchange => &[
            (":method", "GET"),
            (":scheme", "https"),
            (":path", path),
            (":authority", "bench.test"),
            ("user-agent", "windlass-compare"),
            ("accept", "*/*"),
        ],
    };
    let mut block = Vec::new();
    for (name, value) in lines {
        block.push(0);
        for text in [name, value] {
            block.push(text.len() as u8);
            block.extend_from_slice(text.as_bytes());
        }
    }
    block
}
