//! What a client asks, and what it makes of the answers.

use tokio::time::{Instant, sleep};

use super::chance::{Chance, payload};
use super::ledger::Ledger;
use super::wire::{Head, Turn, Wire};

pub(super) struct Requests<'c> {
    pub(super) wire: &'c mut Wire,
    pub(super) ledger: &'c Ledger,
    pub(super) chance: &'c mut Chance,
    /// No other request has it.
    pub(super) path: &'c str,
    pub(super) tag: u64,
    pub(super) is_polite: bool,
    /// It has a body.
    pub(super) has_body: bool,
}

/// How a request went.
#[derive(Debug)]
pub(super) enum Went {
    /// It was answered, and the next may come.
    Answered,
    /// It was answered, and the connection ends.
    Last,
    /// The connection ended first.
    Cut,
    Tunnel {
        token: &'static str,
        others: u64,
        is_other_polite: bool,
    },
}

/// Of the specification (RFC 6455 §1.3).
const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";

impl Requests<'_> {
    /// A plain exchange.
    pub(super) async fn exchange(&mut self) -> Went {
        let size = self.chance.size(0..40_000);
        let body = payload(self.tag, size);
        let common = format!("{} HTTP/1.1\r\nhost: h\r\nx-tag: {}\r\n", self.path, self.tag);
        let whole = match self.chance.number(0..4) {
            0 | 1 => format!("GET {common}x-size: 0\r\n\r\n").into_bytes(),
            2 => {
                let expect = self.chance.one_of(&["", "expect: 100-continue\r\n"]);
                let head = format!("POST {common}x-size: {size}\r\n{expect}content-length: {size}\r\n\r\n");
                [head.as_bytes(), &body].concat()
            }
            _ => {
                let head = format!("POST {common}x-size: {size}\r\ntransfer-encoding: chunked\r\n\r\n");
                [head.as_bytes(), &chunked(&body)].concat()
            }
        };
        self.has_body = whole.starts_with(b"POST");
        self.send(&whole).await;
        self.answer().await
    }

    /// One that wants a tunnel.
    pub(super) async fn upgrade(&mut self, token: &'static str) -> Went {
        let handshake = match token {
            "websocket" => format!("sec-websocket-version: 13\r\nsec-websocket-key: {KEY}\r\n"),
            _ => String::new(),
        };
        let head = format!(
            "GET {} HTTP/1.1\r\nhost: h\r\nconnection: upgrade\r\nupgrade: {token}\r\n{handshake}x-tag: {}\r\nx-size: 0\r\n\
             x-polite: {}\r\n\r\n",
            self.path,
            self.tag,
            u64::from(self.is_polite)
        );
        self.send(head.as_bytes()).await;
        match self.answer().await {
            Went::Tunnel { others, is_other_polite, .. } => Went::Tunnel { token, others, is_other_polite },
            went => went,
        }
    }

    /// Sends all of it; some take their time in the middle, or say something else.
    async fn send(&mut self, bytes: &[u8]) {
        if !self.is_polite && self.chance.one_in(6) {
            self.wire.send(&payload(self.tag, 200));
            return;
        }
        if self.chance.one_in(4) {
            let (first, rest) = bytes.split_at(self.chance.size(0..bytes.len()));
            self.wire.send(first);
            // It does not listen meanwhile.
            let begun = Instant::now();
            let pause = self.chance.millis(0..if self.is_polite { 1_500 } else { 20_000 });
            while self.wire.turn(Some(begun + pause)).await == Turn::Read {}
            sleep((begun + pause).saturating_duration_since(Instant::now())).await;
            self.wire.send(rest);
        } else {
            self.wire.send(bytes);
        }
    }

    async fn answer(&mut self) -> Went {
        let head = loop {
            let Some(head) = self.wire.head().await else { return self.cut("no answer") };
            if head.status() >= 200 || head.status() == 101 {
                break head;
            }
        };
        self.ledger.note_answered(self.path, &head);
        if head.status() == 101 {
            let (others, polite) = (head.number("x-tag").unwrap(), head.number("x-polite").unwrap());
            return Went::Tunnel { token: "", others, is_other_polite: polite == 1 };
        }
        let Some(body) = self.wire.body(&head).await else { return self.cut("half an answer") };
        self.judge(&head, &body);
        if self.has_body && (head.get("x-path").is_none() || head.get("x-early").is_some()) {
            // What of the body nobody read would be in the way of another request: hyper may close, and does not say so.
            return Went::Last;
        }
        if head.get("connection") == Some("close") || self.wire.end.is_some() {
            while self.wire.turn(None).await != Turn::Ended {}
            return Went::Last;
        }
        assert!(self.wire.read.is_empty() || !self.is_polite, "more than one answer to {}", self.path);
        Went::Answered
    }

    /// An endpoint's answer is to this request, and whole.
    fn judge(&self, head: &Head, body: &[u8]) {
        if let (Some(tag), Some(size)) = (head.number("x-tag"), head.number("x-size")) {
            assert_eq!(head.get("x-path"), Some(self.path), "the answer to another request");
            assert!(body == payload(tag, size as usize), "the answer to {} looks whole and is not", self.path);
        } else {
            assert!(head.status() >= 400, "{} to {}", head.first, self.path);
        }
    }

    /// The answer does not come, or not whole.
    fn cut(&self, what: &str) -> Went {
        self.ledger.note(&format!("{}: {what}", self.path));
        assert!(!self.is_polite || what != "no answer" || self.ledger.is_ending(), "{}: no answer", self.path);
        Went::Cut
    }
}

/// In chunks of several sizes.
pub(super) fn chunked(body: &[u8]) -> Vec<u8> {
    let mut bytes = vec![];
    for chunk in body.chunks(7_001) {
        bytes.extend(format!("{:x}\r\n", chunk.len()).into_bytes());
        bytes.extend(chunk);
        bytes.extend(b"\r\n");
    }
    bytes.extend(b"0\r\n\r\n");
    bytes
}
