//! What keys were found to mean before: a table of fixed size that every worker reads and writes without a lock.
//!
//! An entry is one word: the bits of its key that its slot does not tell, and what the key means, as one more than a number, so
//! that 0 is no entry. What is found is therefore always right; what is written last stays. What a key means goes by names and
//! weights alone, so no entry is ever stale in the upstream that it is of.

use std::fmt;
use std::iter::repeat_with;
use std::sync::atomic::{AtomicU64, Ordering};

use super::hash::AffinityKey;

/// What keys were found to mean.
pub(super) struct Memo {
    slots: Box<[AtomicU64]>,
    /// Those bits of a key that say its slot; an entry has its number there.
    mask: u64,
}

impl Memo {
    /// For numbers below `count`.
    pub(super) fn new(count: usize) -> Self {
        let slots = FEWEST_SLOTS.max((count + 1).next_power_of_two());
        Self { slots: repeat_with(AtomicU64::default).take(slots).collect(), mask: slots as u64 - 1 }
    }

    /// What the key means, if it is known.
    pub(super) fn get(&self, key: AffinityKey) -> Option<usize> {
        let entry = self.slot(key)?.load(Ordering::Relaxed);
        let is_of_key = (entry ^ key.get()) & !self.mask == 0;
        let number = (entry & self.mask).checked_sub(1).filter(|_| is_of_key)?;
        Some(number as usize)
    }

    /// The key means this number.
    pub(super) fn note(&self, key: AffinityKey, number: usize) {
        let entry = (key.get() & !self.mask) | (number as u64 + 1);
        debug_assert!((number as u64) < self.mask, "{number} is not below what the table is for");
        if let Some(slot) = self.slot(key) {
            slot.store(entry, Ordering::Relaxed);
        }
    }

    fn slot(&self, key: AffinityKey) -> Option<&AtomicU64> {
        self.slots.get((key.get() & self.mask) as usize)
    }
}

impl fmt::Debug for Memo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Memo").field("slots", &self.slots.len()).finish_non_exhaustive()
    }
}

/// 128 KiB of them.
const FEWEST_SLOTS: usize = 1 << 14;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn there_are_as_many_slots_as_numbers_need() {
        let slots = |count| Memo::new(count).slots.len();
        assert_eq!([1, 16_382, 16_383, 16_384].map(slots), [1 << 14, 1 << 14, 1 << 14, 1 << 15]);
        let memo = Memo::new(16_383);
        memo.note(AffinityKey::of_lot(7), 16_382);
        assert_eq!(memo.get(AffinityKey::of_lot(7)), Some(16_382));
    }

    #[test]
    fn nothing_is_known_at_first_not_even_of_the_smallest_key() {
        assert_eq!(Memo::new(300).get(AffinityKey::of_lot(0)), None);
    }

    proptest! {
        #[test]
        fn whatever_is_found_is_what_was_noted_last(keys in prop::collection::vec((0_u64..4, 0_u64..4, 0_usize..300), 0..50)) {
            let memo = Memo::new(300);
            let mut noted = std::collections::BTreeMap::new();
            for (high, low, number) in keys {
                let key = AffinityKey::of_lot((high << 14) | low);
                memo.note(key, number);
                noted.insert(key.get(), number);
                prop_assert_eq!(memo.get(key), Some(number));
                for (&key, &number) in &noted {
                    prop_assert!(memo.get(AffinityKey::of_lot(key)).is_none_or(|found| found == number));
                }
            }
        }
    }
}
