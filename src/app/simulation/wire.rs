//! A connection as an actor uses it: reads and writes at the same time, and understands what it reads.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::Poll;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, sleep_until};

use crate::net::SimulatedSocket;
use crate::tunnel::tests::frames::{Frame, Parsed, parse};
use crate::websocket::Side;

/// Nobody waits for so long in here, whatever happens.
const HANGS: Duration = Duration::from_secs(600);

pub(super) struct Wire {
    socket: SimulatedSocket,
    /// Read, and not understood yet.
    pub(super) read: Vec<u8>,
    unsent: Vec<u8>,
    /// A FIN follows what is unsent.
    finishes: bool,
    has_finished: bool,
    /// How the other side has ended.
    pub(super) end: Option<End>,
}

/// How a side has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    Fin,
    Reset,
}

/// What comes to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// Something was read.
    Read,
    /// The other side has ended.
    Ended,
    /// It is time.
    Time,
}

/// The head of a request or an answer.
#[derive(Debug)]
pub(super) struct Head {
    pub(super) first: String,
    fields: Vec<(String, String)>,
}

impl Wire {
    pub(super) fn new(socket: SimulatedSocket) -> Self {
        Self { socket, read: vec![], unsent: vec![], finishes: false, has_finished: false, end: None }
    }

    pub(super) fn send(&mut self, bytes: &[u8]) {
        self.unsent.extend(bytes);
    }

    pub(super) fn finish(&mut self) {
        self.finishes = true;
    }

    pub(super) fn has_sent(&self) -> bool {
        self.unsent.is_empty()
    }

    pub(super) fn socket(&self) -> &SimulatedSocket {
        &self.socket
    }

    /// Reads and writes until something has come, or until then; without a time, it must come.
    pub(super) async fn turn(&mut self, until: Option<Instant>) -> Turn {
        if self.end.is_some() && until.is_none() {
            return Turn::Ended;
        }
        let mut time = pin!(sleep_until(until.unwrap_or(Instant::now() + HANGS)));
        let Self { socket, read, unsent, finishes, has_finished, end } = self;
        let turn = poll_fn(|cx| {
            while !unsent.is_empty() {
                match Pin::new(&mut *socket).poll_write(cx, unsent) {
                    Poll::Ready(Ok(count)) => drop(unsent.drain(..count)),
                    // The reads tell.
                    Poll::Ready(Err(_)) => unsent.clear(),
                    Poll::Pending => break,
                }
            }
            if *finishes && unsent.is_empty() && !std::mem::replace(has_finished, true) {
                let _ = Pin::new(&mut *socket).poll_shutdown(cx);
            }
            if end.is_none() {
                let mut bytes = [0; 4096];
                let mut buf = ReadBuf::new(&mut bytes);
                match Pin::new(&mut *socket).poll_read(cx, &mut buf) {
                    Poll::Ready(Ok(())) if !buf.filled().is_empty() => {
                        read.extend(buf.filled());
                        return Poll::Ready(Turn::Read);
                    }
                    Poll::Ready(ended) => {
                        *end = Some(if ended.is_ok() { End::Fin } else { End::Reset });
                        return Poll::Ready(Turn::Ended);
                    }
                    Poll::Pending => {}
                }
            }
            time.as_mut().poll(cx).map(|()| Turn::Time)
        });
        let turn = turn.await;
        assert!(turn != Turn::Time || until.is_some(), "nothing comes any more");
        turn
    }

    /// The next head; `None` if the other side ends before it is whole.
    pub(super) async fn head(&mut self) -> Option<Head> {
        loop {
            if let Some(at) = self.read.windows(4).position(|four| four == b"\r\n\r\n") {
                let head: Vec<u8> = self.read.drain(..at + 4).collect();
                return Some(Head::parse(&String::from_utf8(head).unwrap()));
            }
            if self.turn(None).await == Turn::Ended {
                return None;
            }
        }
    }

    /// So many bytes; `None` if the other side ends before.
    pub(super) async fn bytes(&mut self, count: usize) -> Option<Vec<u8>> {
        while self.read.len() < count {
            if self.turn(None).await == Turn::Ended {
                return None;
            }
        }
        Some(self.read.drain(..count).collect())
    }

    /// The body behind a head; `None` if it is cut.
    pub(super) async fn body(&mut self, head: &Head) -> Option<Vec<u8>> {
        if let Some(length) = head.get("content-length") {
            return self.bytes(length.parse().unwrap()).await;
        }
        if head.get("transfer-encoding") == Some("chunked") {
            return self.chunks().await;
        }
        if head.first.starts_with("HTTP/") {
            while self.turn(None).await != Turn::Ended {}
            return (self.end == Some(End::Fin)).then(|| std::mem::take(&mut self.read));
        }
        Some(vec![])
    }

    async fn chunks(&mut self) -> Option<Vec<u8>> {
        let mut body = vec![];
        loop {
            let end = loop {
                if let Some(end) = self.read.windows(2).position(|two| two == b"\r\n") {
                    break end;
                }
                if self.turn(None).await == Turn::Ended {
                    return None;
                }
            };
            let line = self.bytes(end + 2).await?;
            let size = usize::from_str_radix(str::from_utf8(&line).unwrap().trim(), 16).unwrap();
            body.extend_from_slice(self.bytes(size + 2).await?.split_last_chunk::<2>().unwrap().0);
            if size == 0 {
                return Some(body);
            }
        }
    }

    /// The next frame that has come whole, for `side`.
    pub(super) fn frame(&mut self, side: Side) -> Option<Frame> {
        match parse(&self.read, side) {
            Parsed::Frame(frame, size) => {
                self.read.drain(..size);
                Some(frame)
            }
            Parsed::InsideHeader | Parsed::InsidePayload | Parsed::Nothing => None,
        }
    }
}

impl Head {
    fn parse(text: &str) -> Self {
        let (first, rest) = text.split_once("\r\n").unwrap();
        let fields = rest.lines().filter_map(|line| line.split_once(": "));
        let fields = fields.map(|(name, value)| (name.to_lowercase(), value.to_owned())).collect();
        Self { first: first.to_owned(), fields }
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(field, _)| field == name).map(|(_, value)| value.as_str())
    }

    /// The number that a field says.
    pub(super) fn number(&self, name: &str) -> Option<u64> {
        self.get(name)?.parse().ok()
    }

    pub(super) fn status(&self) -> u16 {
        self.first.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_else(|| panic!("{}", self.first))
    }

    pub(super) fn path(&self) -> &str {
        self.first.split(' ').nth(1).unwrap_or_default()
    }
}
