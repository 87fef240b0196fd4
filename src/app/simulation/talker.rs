//! One end of a tunnel: says its messages, and judges what it hears.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::chance::{Chance, message, payload};
use super::ledger::Ledger;
use super::talk::{Manners, Talk, Talked};
use super::wire::{End, Turn, Wire};
use crate::tunnel::tests::frames::{Frame, Parsed, parse};
use crate::websocket::Side;

struct Talker<'w> {
    wire: &'w mut Wire,
    talk: Talk,
    ledger: &'w Ledger,
    talked: Talked,
    /// The message that is heard in pieces.
    pieces: Vec<u8>,
    /// The message that is said in pieces: the rest of it.
    rest: Option<Vec<u8>>,
}

/// Talks until the other side has ended.
pub(super) async fn talk(wire: &mut Wire, talk: Talk, chance: &mut Chance, ledger: &Ledger) -> Talked {
    let begun = Instant::now();
    let quits = (talk.manners != Manners::Polite || chance.one_in(2)).then(|| begun + chance.soon());
    let gap = chance.number(50..8_000);
    let mut talker = Talker { wire, talk, ledger, talked: Talked::default(), pieces: vec![], rest: None };
    loop {
        talker.hear();
        if talker.wire.end.is_some() {
            talker.check_end();
            return talker.talked;
        }
        let next = (!talker.talked.has_closed).then(|| {
            let next = Instant::now() + chance.millis(0..gap);
            quits.map_or(next, |quits| next.min(quits.max(Instant::now())))
        });
        let turn = talker.wire.turn(next).await;
        if turn == Turn::Time && !talker.talked.has_closed {
            match quits {
                Some(quits) if Instant::now() >= quits => {
                    if talker.quit(chance).await {
                        return talker.talked;
                    }
                }
                _ => talker.say(chance),
            }
        }
    }
}

impl Talker<'_> {
    /// It has had enough. Says whether there is no more of it.
    async fn quit(&mut self, chance: &mut Chance) -> bool {
        match self.talk.manners {
            Manners::Polite | Manners::IsMute => self.close(chance.one_of(&[1000, 1001, 3000, 4999])),
            Manners::Stalls => {
                sleep(chance.seconds(1..100)).await;
                return true;
            }
            Manners::Raves => self.wire.send(&[0xFF; 20]),
            Manners::Leaves => self.wire.finish(),
            Manners::Vanishes => return true,
        }
        self.talked.has_closed = true;
        false
    }

    fn close(&mut self, code: u16) {
        self.send(0x88, code.to_be_bytes().to_vec());
        self.talked.has_closed = true;
    }

    fn send(&mut self, first: u8, payload: Vec<u8>) {
        self.wire.send(&Frame { first, payload }.encode(self.talk.side));
    }

    /// Says the next message, the rest of one, the first part of one, or a Ping.
    fn say(&mut self, chance: &mut Chance) {
        if let Some(rest) = self.rest.take() {
            self.send(0x80, rest);
        } else if chance.one_in(5) {
            self.send(0x89, self.talk.tag.to_be_bytes().to_vec());
            self.talked.pings += 1;
            return;
        } else {
            let mut message = message(self.talk.tag, self.talked.sent);
            if chance.one_in(4) {
                self.rest = Some(message.split_off(message.len() / 2));
                return self.send(0x02, message);
            }
            self.send(0x82, message);
        }
        self.talked.sent += 1;
    }

    /// Judges every frame that has come.
    fn hear(&mut self) {
        while let Some(frame) = self.wire.frame(self.talk.side) {
            assert!(self.talked.closed.is_none(), "{frame:?} follows a Close");
            let is_mute = self.talk.manners == Manners::IsMute;
            match (frame.first & 0x0F, frame.close_code()) {
                (_, Some(code)) => {
                    assert!(!matches!(code, 1004 | 1005 | 1006 | 1015), "{code} on the wire");
                    self.talked.closed = Some(code);
                    if !self.talked.has_closed && !is_mute {
                        self.send(0x88, frame.payload.clone());
                    }
                    self.talked.has_closed = true;
                    if self.talk.side == Side::Upstream {
                        self.wire.finish();
                    }
                }
                (0x9, _) if is_mute || self.talked.has_closed => {}
                (0x9, _) => self.send(0x8A, frame.payload),
                (0xA, _) => self.judge_pong(&frame),
                _ => self.judge_data(frame),
            }
        }
    }

    fn judge_pong(&self, frame: &Frame) {
        let is_asked = self.talked.pings > 0 && frame.payload == self.talk.tag.to_be_bytes();
        assert!(is_asked, "{:?} hears a pong that it did not ask for: {frame:?}", self.talk);
    }

    fn judge_data(&mut self, frame: Frame) {
        self.pieces.extend(frame.payload);
        if frame.first & 0x80 != 0 {
            let expected = message(self.talk.others, self.talked.heard);
            assert!(self.pieces == expected, "{:?} does not hear message {}", self.talk, self.talked.heard);
            self.pieces.clear();
            self.talked.heard += 1;
        }
    }

    /// Whoever can hear it has a Close before the end.
    fn check_end(&self) {
        let Self { talk, talked, .. } = self;
        let tail = parse(&self.wire.read, talk.side);
        assert!(!matches!(tail, Parsed::InsideHeader), "{talk:?} is left inside a header");
        if talk.manners != Manners::Polite || talked.closed.is_some() || self.ledger.is_cutting() {
            return;
        }
        let is_after_half_a_frame = matches!(tail, Parsed::InsidePayload) && !talk.is_other_polite;
        // An endpoint may be in no tunnel at all, if it has switched too late; whether it is shows in the end.
        assert!(
            is_after_half_a_frame || talk.side == Side::Upstream,
            "{talk:?} has no Close: {talked:?}, {:?}",
            self.wire.end
        );
    }
}

/// How much one end of a tunnel of another protocol may say, in bytes.
const MOST: usize = 64 * 1024;

/// Says all of its bytes, and hears a beginning of the other's.
pub(super) async fn pour(wire: &mut Wire, talk: Talk, chance: &mut Chance) {
    let (ours, theirs) = (payload(talk.tag, MOST), payload(talk.others, MOST));
    let (mut said, all) = (0, chance.size(0..MOST));
    while wire.end.is_none() || said < all {
        assert!(theirs.starts_with(&wire.read), "{talk:?} hears other bytes");
        if said < all {
            let piece = chance.size(1..20_000).min(all - said);
            wire.send(&ours[said..said + piece]);
            said += piece;
        } else {
            wire.finish();
        }
        let next = (said < all).then(|| Instant::now() + Duration::from_millis(chance.number(0..2_000)));
        wire.turn(next).await;
        if wire.end == Some(End::Reset) {
            break;
        }
    }
    assert!(theirs.starts_with(&wire.read), "{talk:?} hears other bytes");
    wire.finish();
    // What is said still gets out, if anybody takes it.
    wire.turn(Some(Instant::now() + Duration::from_secs(1))).await;
}
