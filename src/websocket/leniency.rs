//! What a route may let pass against RFC 6455, for fleets of devices that nobody will ever update.

use serde::{Deserialize, Serialize};

/// How strictly a handshake and its frames are held to RFC 6455.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Strictness {
    /// To the letter.
    Strict,
    /// But for every [`Leniency`].
    Lenient,
}

/// One thing that is against RFC 6455, and that two ends may understand all the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(test, derive(strum::VariantArray))]
pub enum Leniency {
    /// A request asks for `websocket`, and its `Connection` does not say `upgrade` (RFC 6455 §4.2.1).
    Connection,
    /// `Sec-WebSocket-Key` is not the base64 of 16 bytes (RFC 6455 §4.2.1).
    Key,
    /// The answer chose a subprotocol that was not offered (RFC 6455 §4.1).
    Subprotocol,
    /// A frame length is not in its shortest form (RFC 6455 §5.2).
    FrameLength,
    /// A frame from the endpoint is masked (RFC 6455 §5.1).
    Masked,
}

impl Leniency {
    /// Every one there is.
    pub const ALL: [Self; 5] = [Self::Connection, Self::Key, Self::Subprotocol, Self::FrameLength, Self::Masked];

    /// The word for logs and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Connection => "connection",
            Self::Key => "key",
            Self::Subprotocol => "subprotocol",
            Self::FrameLength => "frame_length",
            Self::Masked => "masked",
        }
    }

    fn bit(self) -> u8 {
        1 << self as u8
    }
}

/// A set of leniencies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Leniencies(u8);

impl Leniencies {
    /// Those in it.
    pub fn iter(self) -> impl Iterator<Item = Leniency> {
        Leniency::ALL.into_iter().filter(move |leniency| self.0 & leniency.bit() != 0)
    }

    /// Puts it in.
    pub fn note(&mut self, leniency: Leniency) {
        self.0 |= leniency.bit();
    }

    /// Those in either of the two.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// How strict somebody is, and which leniencies that has needed so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tolerance {
    strictness: Strictness,
    needed: Leniencies,
}

impl Tolerance {
    /// Nothing was needed yet.
    pub fn new(strictness: Strictness) -> Self {
        Self { strictness, needed: Leniencies::default() }
    }

    /// How strict that is.
    pub fn strictness(self) -> Strictness {
        self.strictness
    }

    /// Whether this is let pass; that it was needed is noted then.
    pub fn lets(&mut self, leniency: Leniency) -> bool {
        let is_lenient = self.strictness == Strictness::Lenient;
        if is_lenient {
            self.needed.note(leniency);
        }
        is_lenient
    }

    /// What was needed.
    pub fn needed(self) -> Leniencies {
        self.needed
    }
}

#[cfg(test)]
mod tests {
    use strum::VariantArray;

    use super::*;

    #[test]
    fn only_the_lenient_let_anything_pass_and_note_what_it_was() {
        for leniency in Leniency::ALL {
            let mut strict = Tolerance::new(Strictness::Strict);
            assert!(!strict.lets(leniency));
            assert_eq!(strict.needed().iter().count(), 0);
            let mut lenient = Tolerance::new(Strictness::Lenient);
            assert!(lenient.lets(leniency) && lenient.lets(leniency));
            assert_eq!(lenient.needed().iter().collect::<Vec<_>>(), [leniency]);
        }
    }

    #[test]
    fn every_one_is_among_all() {
        assert_eq!(Leniency::ALL, Leniency::VARIANTS);
    }

    #[test]
    fn what_two_needed_is_one_set() {
        let needed = Leniency::ALL.map(|leniency| {
            let mut tolerance = Tolerance::new(Strictness::Lenient);
            tolerance.lets(leniency);
            tolerance.needed()
        });
        let all = needed.into_iter().fold(Leniencies::default(), Leniencies::and);
        assert_eq!(all.iter().collect::<Vec<_>>(), Leniency::ALL);
    }
}
