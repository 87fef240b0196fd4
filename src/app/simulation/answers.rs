//! What an endpoint makes of what it is asked.

use tokio::time::{Instant, sleep};
use tungstenite::handshake::derive_accept_key;

use super::chance::{Chance, payload};
use super::ledger::Ledger;
use super::requests::chunked;
use super::talk::{Manners, Talk};
use super::talker::{pour, talk};
use super::wire::{Head, Turn, Wire};
use crate::websocket::Side;

pub(super) struct Answers<'e> {
    pub(super) wire: &'e mut Wire,
    pub(super) ledger: &'e Ledger,
    pub(super) chance: &'e mut Chance,
    pub(super) manners: Manners,
}

/// Whether there may be another request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Then {
    Next,
    End,
}

impl Answers<'_> {
    /// Answers until the connection ends.
    pub(super) async fn give(mut self) {
        while let Some(head) = self.wire.head().await {
            let then = match head.get("upgrade") {
                Some(token) if head.get("connection").is_some_and(|it| it.eq_ignore_ascii_case("upgrade")) => {
                    self.switch(&head, token).await
                }
                _ => self.answer(&head).await,
            };
            if then == Then::End {
                return;
            }
        }
    }

    async fn switch(&mut self, head: &Head, token: &str) -> Then {
        if self.chance.one_in(3) {
            sleep(self.chance.soon().min(self.chance.seconds(1..20))).await;
        }
        match self.chance.number(0..12) {
            0 => return self.answer(head).await,
            1 => return self.hang().await,
            2 => return Then::End,
            _ => {}
        }
        let others = head.number("x-tag").unwrap();
        // Its own: an endpoint that grants what the next one was asked for meanwhile is no end of that tunnel.
        let (tag, is_polite) = (self.chance.number(0..u64::MAX), u64::from(self.manners == Manners::Polite));
        let mut accept = head.get("sec-websocket-key").map(|key| derive_accept_key(key.as_bytes())).unwrap_or_default();
        if self.chance.one_in(12) && token == "websocket" {
            accept = "bm9uc2Vuc2Ugbm9uc2Vuc2UgIQ==".into();
        }
        let answer = format!(
            "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: {token}\r\nsec-websocket-accept: {accept}\r\n\
             x-tag: {tag}\r\nx-polite: {is_polite}\r\n\r\n"
        );
        self.wire.send(answer.as_bytes());
        let is_other_polite = head.number("x-polite") == Some(1);
        let talks = Talk { side: Side::Upstream, tag, others, manners: self.manners, is_other_polite };
        if token == "echo" {
            pour(self.wire, talks, self.chance).await;
        } else {
            let talked = talk(self.wire, talks, self.chance, self.ledger).await;
            self.ledger.note_talked(head.path(), talks, talked);
        }
        Then::End
    }

    async fn answer(&mut self, head: &Head) -> Then {
        let (tag, size) = (self.chance.number(0..u64::MAX), self.chance.size(0..50_000));
        let body = payload(tag, size);
        let kind = self.chance.number(0..14);
        let early = if kind == 0 { "x-early: 1\r\n" } else { "" };
        let common = format!("HTTP/1.1 200 OK\r\nx-tag: {tag}\r\nx-size: {size}\r\nx-path: {}\r\n{early}", head.path());
        if kind != 0 {
            let Some(body) = self.wire.body(head).await else { return Then::End };
            let sent = (head.number("x-tag").unwrap(), head.number("x-size").unwrap());
            assert!(body == payload(sent.0, sent.1 as usize), "the body of {} looks whole and is not", head.first);
        }
        if self.chance.one_in(4) {
            sleep(self.chance.soon().min(self.chance.seconds(1..20))).await;
        }
        match kind {
            // The first is an answer before its request is read.
            0..5 => self.wire.send(&[format!("{common}content-length: {size}\r\n\r\n").as_bytes(), &body].concat()),
            5..9 => {
                let head = format!("{common}transfer-encoding: chunked\r\n\r\n");
                self.wire.send(&[head.as_bytes(), &chunked(&body)].concat());
            }
            9 => {
                self.wire.send(&[format!("{common}\r\n").as_bytes(), &body].concat());
                self.wire.finish();
                return self.hang().await;
            }
            10 => {
                let head = format!("{common}content-length: {size}\r\n\r\n");
                self.wire.send(&[head.as_bytes(), &body[..size / 2]].concat());
                return self.leave().await;
            }
            11 => {
                let chunks = chunked(&body);
                let head = format!("{common}transfer-encoding: chunked\r\n\r\n");
                self.wire.send(&[head.as_bytes(), &chunks[..chunks.len() / 2]].concat());
                return self.leave().await;
            }
            12 => return self.hang().await,
            _ => return Then::End,
        }
        if kind == 0 { self.hang().await } else { Then::Next }
    }

    /// Says nothing more, and reads.
    async fn hang(&mut self) -> Then {
        while self.wire.turn(None).await != Turn::Ended {}
        Then::End
    }

    /// Sends what it has to, and closes or resets.
    async fn leave(&mut self) -> Then {
        let until = Instant::now() + self.chance.seconds(1..4);
        while !self.wire.has_sent() && self.wire.turn(Some(until)).await == Turn::Read {}
        if self.chance.one_in(2) {
            self.wire.socket().reset_when_dropped();
        }
        Then::End
    }
}
