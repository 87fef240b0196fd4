//! Bytes that a stream did not take at once.
//!
//! Invariant: `taken < bytes.len()`, or both are nothing.

use crate::ranges::within;

/// A queue of bytes that costs nothing while it is empty: its buffer is given back with its last byte.
#[derive(Debug, Default)]
pub struct Spill {
    bytes: Vec<u8>,
    /// How many of `bytes` were taken already.
    taken: usize,
}

impl Spill {
    /// Puts `bytes` behind everything that waits.
    pub fn push(&mut self, bytes: &[u8]) {
        // Pushed to at most a few times before it is empty again: room to grow would double its size for nothing.
        self.bytes.reserve_exact(bytes.len());
        self.bytes.extend_from_slice(bytes);
    }

    /// `count` bytes of the front were taken.
    pub fn advance(&mut self, count: usize) {
        debug_assert!(count <= self.front().len(), "{count} bytes were taken of {}", self.front().len());
        self.taken += count;
        if self.taken >= self.bytes.len() {
            *self = Self::default();
        }
    }

    /// Forgets what waits.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// What waits.
    pub fn front(&self) -> &[u8] {
        within(&self.bytes, self.taken..)
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Panics unless the invariant holds.
    pub fn check_invariants(&self) {
        let is_whole = self.taken < self.bytes.len() || (self.taken, self.bytes.capacity()) == (0, 0);
        assert!(is_whole, "{} of {} bytes were taken", self.taken, self.bytes.len());
    }

    #[cfg(any(test, feature = "fuzzing"))]
    pub(crate) fn capacity(&self) -> usize {
        self.bytes.capacity()
    }
}
