//! What was found right a moment ago: a page that asks for a hundred things brings its password a hundred times.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, VecDeque};
use std::hash::Hash;
use std::time::Duration;

/// Keys that were found right, each for [`FOR`]; no more than [`MOST`]. Each counts from when it was found, and not from when it was
/// last asked for: so the oldest ends first.
#[derive(Debug)]
pub(super) struct Verified<K> {
    until: HashMap<K, Duration>,
    oldest_first: VecDeque<K>,
}

/// For how long: a password that is compared anew costs a thread some 50 ms.
pub(super) const FOR: Duration = Duration::from_secs(300);
/// How many: each takes some hundred bytes.
pub(super) const MOST: usize = 4_096;

impl<K: Hash + Eq + Copy> Verified<K> {
    pub(super) fn new() -> Self {
        Self { until: HashMap::new(), oldest_first: VecDeque::new() }
    }

    pub(super) fn holds(&self, key: &K, now: Duration) -> bool {
        self.until.get(key).is_some_and(|until| now < *until)
    }

    /// It was found right. That it was so before makes no difference: it is compared anew in time.
    pub(super) fn note(&mut self, key: K, now: Duration) {
        while let Some(oldest) = self.oldest_first.front().copied() {
            let is_over = self.until.get(&oldest).is_none_or(|until| *until <= now);
            if !is_over && self.oldest_first.len() < MOST {
                break;
            }
            self.oldest_first.pop_front();
            self.until.remove(&oldest);
        }
        if let Entry::Vacant(place) = self.until.entry(key) {
            place.insert(now.saturating_add(FOR));
            self.oldest_first.push_back(key);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn what_was_right_is_right_for_a_while() {
        let mut verified = Verified::new();
        assert!(!verified.holds(&1, seconds(0)));
        verified.note(1, seconds(0));
        verified.note(1, seconds(200));
        assert!(verified.holds(&1, seconds(299)) && !verified.holds(&2, seconds(299)));
        assert!(!verified.holds(&1, seconds(300)));
        verified.note(1, seconds(300));
        assert!(verified.holds(&1, seconds(599)));
    }

    #[test]
    fn of_too_many_the_oldest_go() {
        let mut verified = Verified::new();
        (0..MOST + 10).for_each(|key| verified.note(key, seconds(1)));
        assert_eq!((verified.until.len(), verified.oldest_first.len()), (MOST, MOST));
        assert!(!verified.holds(&9, seconds(1)) && verified.holds(&10, seconds(1)));
    }

    proptest! {
        #[test]
        fn it_holds_what_was_noted_within_its_time(steps in prop::collection::vec((0..6_u8, 0..200_u64), 0..100)) {
            let (mut verified, mut noted, mut now) = (Verified::new(), HashMap::new(), 0);
            for (key, later) in steps {
                now += later;
                let holds = noted.get(&key).is_some_and(|at| now < at + FOR.as_secs());
                prop_assert_eq!(verified.holds(&key, seconds(now)), holds);
                verified.note(key, seconds(now));
                if !holds {
                    noted.insert(key, now);
                }
                prop_assert_eq!(verified.until.len(), verified.oldest_first.len());
            }
        }
    }
}
