//! A value of which each worker has one of its own, so that no two of them write to one cache line; whoever looks reads them all.
//!
//! A worker is told by its thread: who counts need not know which it is. Threads that are none share what is there, so each
//! value is made of atomics.

use std::cell::Cell;
use std::fmt;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

/// One `T` for each worker that has touched it.
pub(super) struct PerWorker<T>(Box<[OnceLock<Box<Padded<T>>>]>);

/// Two lines: processors fetch them in pairs.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Padded<T>(T);

impl<T> PerWorker<T> {
    /// For so many workers.
    pub(super) fn new(workers: usize) -> Self {
        Self((0..workers.max(1)).map(|_| OnceLock::new()).collect())
    }

    /// That of the calling thread, which is made if it is not there.
    pub(super) fn mine(&self, make: impl FnOnce() -> T) -> &T {
        // A power of two would save a division, and waste up to half of the places.
        let place = thread_number() % self.0.len();
        let cell = self.0.get(place).expect("a remainder is below its divisor");
        &cell.get_or_init(|| Box::new(Padded(make()))).0
    }

    /// All that are there.
    pub(super) fn each(&self) -> impl Iterator<Item = &T> {
        self.0.iter().filter_map(|cell| Some(&cell.get()?.0))
    }
}

impl<T> fmt::Debug for PerWorker<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PerWorker").field("workers", &self.0.len()).finish_non_exhaustive()
    }
}

/// A number that no other thread has which counts.
fn thread_number() -> usize {
    NUMBER.with(|number| {
        number.get().unwrap_or_else(|| {
            let next = NEXT.fetch_add(1, Ordering::Relaxed);
            number.set(Some(next));
            next
        })
    })
}

static NEXT: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    static NUMBER: Cell<Option<usize>> = const { Cell::new(None) };
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicU64;
    use std::thread;

    use super::*;

    #[test]
    fn nothing_is_lost_however_many_threads_share_how_few_places() {
        for places in [0, 1, 2, 7] {
            let counts = PerWorker::<AtomicU64>::new(places);
            thread::scope(|scope| {
                for _ in 0..5 {
                    scope.spawn(|| {
                        for _ in 0..1000 {
                            counts.mine(AtomicU64::default).fetch_add(1, Ordering::Relaxed);
                        }
                    });
                }
            });
            assert_eq!(counts.each().map(|count| count.load(Ordering::Relaxed)).sum::<u64>(), 5000, "{places} places");
        }
    }

    #[test]
    fn a_thread_has_one_place_and_nobody_who_does_not_count_has_one() {
        let counts = PerWorker::<AtomicU64>::new(64);
        assert_eq!(counts.each().count(), 0);
        let first: *const AtomicU64 = counts.mine(AtomicU64::default);
        let again: *const AtomicU64 = counts.mine(AtomicU64::default);
        assert_eq!((first, counts.each().count()), (again, 1));
        assert!(first.cast::<u8>().align_offset(128) == 0, "it shares no line");
    }
}
