//! Counts that workers write to, each in a place of its own.

use std::sync::atomic::{AtomicU64, Ordering};

/// The count at the place of a variant.
pub(super) fn at<const N: usize>(counts: &[AtomicU64; N], place: usize) -> &AtomicU64 {
    counts.get(place).expect("each variant has a place")
}

pub(super) fn add(count: &AtomicU64, more: u64) {
    count.fetch_add(more, Ordering::Relaxed);
}

pub(super) fn load(count: &AtomicU64) -> u64 {
    count.load(Ordering::Relaxed)
}
