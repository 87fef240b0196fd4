//! A meter between two scans, as a plain value: without its window, which is larger than all the rest of a tunnel.

use serde::{Deserialize, Serialize};

use super::{InflateMeter, MessageCoding};

/// How far a meter has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FrozenMeter {
    size: u64,
    message: MessageCoding,
    mask: Option<[u8; 4]>,
    /// There was something that later bytes may refer to.
    loses_sight: bool,
}

impl FrozenMeter {
    /// Whether what later messages inflate to can no longer be known: for good, or until the end of the message where none refers to
    /// the one before.
    pub fn loses_sight(&self) -> bool {
        self.loses_sight
    }
}

impl InflateMeter {
    /// How far it has come.
    pub fn freeze(&self) -> FrozenMeter {
        let loses_sight = self.inflate.is_some() || self.is_blind;
        FrozenMeter { size: self.size, message: self.message, mask: self.mask, loses_sight }
    }

    /// Brings one that is at its start to where another one has come.
    pub fn thaw(&mut self, frozen: FrozenMeter) {
        let FrozenMeter { size, message, mask, loses_sight } = frozen;
        (self.size, self.message, self.mask) = (size, message, mask);
        self.is_blind = loses_sight;
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{Receiver, Sender, frame, text};
    use crate::websocket::{Direction, Violation};

    const FROM: Direction = Direction::FromClient;
    const MAX: u64 = 1_000;
    const TOO_BIG: Option<Violation> = Some(Violation::InflatedTooBig(MAX));

    impl Receiver {
        /// Goes on with what is read of what is written of its meter.
        fn carry_over(&mut self, no_takeover: bool) {
            let written = postcard::to_stdvec(&self.meter.freeze()).unwrap();
            self.meter = Self::new(FROM, no_takeover, MAX).meter;
            self.meter.thaw(postcard::from_bytes(&written).unwrap());
        }

        fn violation_of(&mut self, stream: &[u8]) -> Option<Violation> {
            self.take(stream, usize::MAX, usize::MAX).violation
        }
    }

    #[test]
    fn one_that_has_inflated_nothing_yet_stops_what_comes() {
        let mut receiver = Receiver::new(FROM, false, MAX);
        receiver.carry_over(false);
        let bomb = frame(FROM, 0xC2, &Sender::new(false).compress(&text(1_001)));
        assert_eq!(receiver.violation_of(&bomb), TOO_BIG);
    }

    #[test]
    fn messages_that_refer_to_what_is_not_moved_escape_and_others_do_not() {
        let (mut sender, mut receiver) = (Sender::new(false), Receiver::new(FROM, false, MAX));
        assert_eq!(receiver.violation_of(&frame(FROM, 0xC2, &sender.compress(&text(100)))), None);
        assert!(receiver.meter.freeze().loses_sight());
        receiver.carry_over(false);
        assert_eq!(receiver.violation_of(&frame(FROM, 0xC2, &sender.compress(&[0; 100_000]))), None);
        receiver.carry_over(false);
        assert_eq!(receiver.violation_of(&frame(FROM, 0x82, &text(1_001))), TOO_BIG);
    }

    #[test]
    fn where_none_refers_to_another_only_the_message_that_is_cut_escapes() {
        let (mut sender, mut receiver) = (Sender::new(true), Receiver::new(FROM, true, MAX));
        assert_eq!(receiver.violation_of(&frame(FROM, 0xC2, &sender.compress(&text(100)))), None);
        assert!(!receiver.meter.freeze().loses_sight(), "the next message begins anew");
        let message = sender.compress(&text(2_000));
        let (first, rest) = message.split_at(100);
        assert_eq!(receiver.violation_of(&frame(FROM, 0x42, first)), None);
        receiver.carry_over(true);
        assert!(receiver.meter.freeze().loses_sight());
        assert_eq!(receiver.violation_of(&frame(FROM, 0x80, rest)), None);
        assert_eq!(receiver.violation_of(&frame(FROM, 0xC2, &sender.compress(&text(1_001)))), TOO_BIG);
    }
}
