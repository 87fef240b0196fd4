//! What is left to chance, and everything that follows from a number: payloads, and how an actor behaves.

use std::ops::Range;
use std::time::Duration;

use fastrand::Rng;

/// A source of choices for one actor: what others do does not change them.
#[derive(Debug)]
pub(super) struct Chance(Rng);

impl Chance {
    pub(super) fn of(seed: u64) -> Self {
        Self(Rng::with_seed(seed))
    }

    /// Another actor's.
    pub(super) fn fork(&mut self) -> Self {
        Self(self.0.fork())
    }

    pub(super) fn number(&mut self, range: Range<u64>) -> u64 {
        self.0.u64(range)
    }

    pub(super) fn size(&mut self, range: Range<usize>) -> usize {
        self.0.usize(range)
    }

    pub(super) fn one_in(&mut self, number: u64) -> bool {
        self.number(0..number) == 0
    }

    pub(super) fn one_of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.size(0..choices.len())]
    }

    pub(super) fn millis(&mut self, range: Range<u64>) -> Duration {
        Duration::from_millis(self.number(range))
    }

    pub(super) fn seconds(&mut self, range: Range<u64>) -> Duration {
        Duration::from_secs(self.number(range))
    }

    /// A moment from now on: mostly a near one, for most of what can go wrong happens at the beginning.
    pub(super) fn soon(&mut self) -> Duration {
        match self.number(0..4) {
            0 => self.millis(0..150),
            1 => self.millis(0..1_000),
            2 => self.millis(0..10_000),
            _ => self.millis(0..60_000),
        }
    }
}

/// Bytes that both ends can make: nobody has to remember what was sent.
pub(super) fn payload(tag: u64, size: usize) -> Vec<u8> {
    let mut bytes = vec![0; size];
    Rng::with_seed(tag).fill(&mut bytes);
    bytes
}

/// What `tag` says as its `number`th message; mostly little, and now and then more than fits anywhere.
pub(super) fn message(tag: u64, number: u64) -> Vec<u8> {
    let seed = tag.wrapping_mul(1_000_003).wrapping_add(number);
    let size = match seed % 13 {
        0 => seed % 40_000,
        1..4 => seed % 3_000,
        _ => seed % 120,
    };
    payload(seed, size as usize)
}
