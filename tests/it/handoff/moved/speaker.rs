//! One end of a tunnel that talks in sequence numbers, and takes nothing but the next one from the other.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};

use super::site::End;
use crate::rig::{Frame, Opcode};

/// In what pieces somebody writes.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Manner {
    /// A short message at once.
    Brief,
    /// The same, a few bytes at a time: most of the time a header or a frame is half written.
    Dribbling,
    /// Long messages in fragments, a part at a time: they are always in the middle of one.
    Lengthy,
}

/// Which end it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    Client,
    Endpoint,
}

/// One end of a tunnel.
pub(crate) struct Speaker {
    end: End,
    part: Part,
    manner: Manner,
    /// The next number that it says, and that it hears.
    says: u64,
    hears: u64,
    /// What of its message is not written yet.
    pending: Vec<u8>,
    /// What it has heard of a message.
    heard: Vec<u8>,
    has_said_all: bool,
    has_heard_all: bool,
}

impl Speaker {
    pub(crate) fn new(end: End, part: Part, manner: Manner) -> Self {
        let (pending, heard) = (Vec::new(), Vec::new());
        Self { end, part, manner, says: 0, hears: 0, pending, heard, has_said_all: false, has_heard_all: false }
    }

    /// Talks until it `is_over` and both have heard all; then the client closes with [`GOOD_BYE`]. Returns how many numbers it has heard.
    pub(crate) async fn talk(mut self, every: Duration, is_over: watch::Receiver<bool>) -> u64 {
        let mut tick = interval(every);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while !(self.has_said_all && self.has_heard_all) {
            tokio::select! {
                frame = self.end.frame() => self.hear(frame),
                _ = tick.tick(), if !self.has_said_all => {
                    let is_over = *is_over.borrow();
                    self.say(is_over).await;
                }
            }
        }
        self.part_ways().await;
        self.hears
    }

    async fn say(&mut self, is_over: bool) {
        if self.pending.is_empty() {
            if is_over {
                let last = Frame::new(Opcode::Text, self.says.to_string());
                let bytes = self.bytes(&last);
                self.end.send(bytes).await;
                self.has_said_all = true;
                return;
            }
            self.pending = self.message();
            self.says += 1;
        }
        let piece = match self.manner {
            Manner::Brief => self.pending.len(),
            Manner::Dribbling => 3,
            Manner::Lengthy => 4 * 1024,
        };
        let piece: Vec<_> = self.pending.drain(..piece.min(self.pending.len())).collect();
        self.end.send(piece).await;
    }

    fn message(&self) -> Vec<u8> {
        let mut text = self.says.to_be_bytes().to_vec();
        let fragments = match self.manner {
            Manner::Brief | Manner::Dribbling => 1,
            Manner::Lengthy => 4,
        };
        if fragments > 1 {
            text.resize(LONG, self.says as u8);
        }
        let parts: Vec<_> = text.chunks(text.len().div_ceil(fragments)).collect();
        let frames = parts.iter().enumerate().map(|(index, part)| Frame {
            fin: index + 1 == parts.len(),
            opcode: if index == 0 { Opcode::Binary } else { Opcode::Continuation },
            payload: part.to_vec(),
        });
        frames.flat_map(|frame| self.bytes(&frame)).collect()
    }

    fn hear(&mut self, frame: Frame) {
        match frame.opcode {
            Opcode::Binary | Opcode::Continuation => {
                self.heard.extend(&frame.payload);
                if frame.fin {
                    let heard = std::mem::take(&mut self.heard);
                    let (number, rest) = heard.split_first_chunk().unwrap();
                    assert_eq!(u64::from_be_bytes(*number), self.hears, "{:?} hears another number", self.part);
                    assert!(rest.iter().all(|byte| *byte == self.hears as u8), "{:?} hears nonsense", self.part);
                    self.hears += 1;
                }
            }
            Opcode::Text => {
                assert_eq!(String::from_utf8(frame.payload).unwrap(), self.hears.to_string());
                self.has_heard_all = true;
            }
            Opcode::Close | Opcode::Ping | Opcode::Pong => panic!("{:?} hears {frame:?}", self.part),
        }
    }

    async fn part_ways(&mut self) {
        let close = self.bytes(&Frame::close(GOOD_BYE, ""));
        if self.part == Part::Client {
            self.end.send(&close).await;
        }
        assert_eq!(self.end.frame().await.close_code(), Some(GOOD_BYE), "{:?}", self.part);
        if self.part == Part::Endpoint {
            self.end.send(&close).await;
        }
    }

    fn bytes(&self, frame: &Frame) -> Vec<u8> {
        match self.part {
            Part::Client => frame.by_client(),
            Part::Endpoint => frame.by_endpoint(),
        }
    }
}

/// The code of the Close when everything is said.
pub(crate) const GOOD_BYE: u16 = 4000;

const LONG: usize = 256 * 1024;
