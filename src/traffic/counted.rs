//! A counter that one thread moves and any other may read.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counts for one writer: it costs what an ordinary integer does.
#[derive(Debug, Default)]
pub(super) struct Counted(AtomicU64);

impl Counted {
    /// Counts so many more. With two writers at a time one of them would be lost, and nothing worse.
    #[inline]
    pub(super) fn add(&self, more: u64) {
        self.0.store(self.0.load(Ordering::Relaxed).wrapping_add(more), Ordering::Relaxed);
    }

    /// How many there are so far.
    pub(super) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}
