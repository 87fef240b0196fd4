//! What a simulation leaves to chance: chosen by a seed, or by the bytes of a fuzzer.

use std::ops::Range;

use fastrand::Rng;

/// A source of choices.
pub(super) enum Choices {
    /// From a seed; so many steps are left.
    Seed(Rng, usize),
    /// From bytes, the first of them last, until there are none; then every choice is the first.
    Bytes(Vec<u8>),
}

impl Choices {
    pub(super) fn from_seed(seed: u64) -> Self {
        let mut rng = Rng::with_seed(seed);
        let steps = rng.usize(5..80);
        Self::Seed(rng, steps)
    }

    pub(super) fn from_bytes(bytes: &[u8]) -> Self {
        Self::Bytes(bytes.iter().copied().rev().collect())
    }

    /// Whether there is to be another step.
    pub(super) fn go_on(&mut self) -> bool {
        match self {
            Self::Seed(_, steps) => {
                let more = *steps > 0;
                *steps = steps.saturating_sub(1);
                more
            }
            Self::Bytes(bytes) => !bytes.is_empty(),
        }
    }

    /// A number of this range. Bytes choose it with as few of them as it takes.
    pub(super) fn number(&mut self, range: Range<u64>) -> u64 {
        match self {
            Self::Seed(rng, _) => rng.u64(range),
            Self::Bytes(bytes) => {
                let span = range.end - range.start;
                let (mut number, mut reach) = (0, 1);
                while let (true, Some(byte)) = (reach < span, bytes.pop()) {
                    number = number << 8 | u64::from(byte);
                    reach <<= 8;
                }
                range.start + number % span
            }
        }
    }

    /// The same for a size.
    pub(super) fn size(&mut self, range: Range<usize>) -> usize {
        self.number(range.start as u64..range.end as u64) as usize
    }

    pub(super) fn is_heads(&mut self) -> bool {
        self.number(0..2) == 1
    }

    pub(super) fn one_in(&mut self, number: u64) -> bool {
        self.number(0..number) == 0
    }

    /// One of these.
    pub(super) fn one_of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.size(0..choices.len())]
    }
}
