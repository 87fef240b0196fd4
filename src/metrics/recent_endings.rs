//! Whose tunnel ended a moment ago, so that who comes back is told from who is new.
//!
//! Bounded: [`PLACES`] endings are remembered, 8 bytes each, and no lock is taken. An ending is forgotten after [`SOON`], when its client
//! has come back, or when four later ones of its set have taken its place: so where more than some [`PLACES`] tunnels end within a minute, some who come back are not noticed. Somebody new is taken for one
//! who comes back where 32 bits of two keys are equal in one set: one in a thousand million.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Within what time somebody is one who comes back.
pub(super) const SOON: Duration = Duration::from_secs(60);

/// The last endings, by what decides where their clients are placed.
#[derive(Debug)]
pub(super) struct RecentEndings(Box<[[AtomicU64; WAYS]]>);

/// An ending, packed: 32 bits of its key, 24 of when it was (in seconds; they begin anew after half a year), 8 of how.
#[derive(Clone, Copy)]
struct Packed(u64);

impl RecentEndings {
    /// A tunnel of this key ended, `now` after the process began, in this way.
    pub(super) fn note(&self, key: u64, way: u8, now: Duration) {
        let new = Packed::new(key, way, now);
        let Some(set) = self.set(key) else { return };
        let place = set.iter().min_by_key(|place| Packed(place.load(Ordering::Relaxed)).kept_for(now));
        if let Some(place) = place {
            place.store(new.0, Ordering::Relaxed);
        }
    }

    /// Somebody of this key comes: in which way a tunnel of it ended a moment ago. Each ending is told once, the last one first.
    pub(super) fn take(&self, key: u64, now: Duration) -> Option<u8> {
        let found = self.set(key)?.iter().filter_map(|place| {
            let packed = Packed(place.load(Ordering::Relaxed));
            (packed.is_of(key) && packed.kept_for(now) > 0).then_some((packed.kept_for(now), place, packed))
        });
        let (_, place, packed) = found.max_by_key(|(kept, ..)| *kept)?;
        // Another worker may have told it meanwhile.
        place.compare_exchange(packed.0, 0, Ordering::Relaxed, Ordering::Relaxed).ok()?;
        Some(packed.way())
    }

    fn set(&self, key: u64) -> Option<&[AtomicU64; WAYS]> {
        // The bits that are not packed.
        self.0.get(usize::try_from(key & 0xffff_ffff).ok()? % self.0.len())
    }
}

impl Default for RecentEndings {
    fn default() -> Self {
        Self((0..PLACES / WAYS).map(|_| Default::default()).collect())
    }
}

impl Packed {
    fn new(key: u64, way: u8, now: Duration) -> Self {
        // 0 is no time: nothing is there.
        let seconds = (now.as_secs() % LAP).max(1);
        Self(key >> 32 << 32 | seconds << 8 | u64::from(way))
    }

    fn is_of(self, key: u64) -> bool {
        self.0 >> 32 == key >> 32
    }

    fn way(self) -> u8 {
        (self.0 & 0xff) as u8
    }

    /// For how many seconds it is still to be remembered; 0 where it is not.
    fn kept_for(self, now: Duration) -> u64 {
        let ended = self.0 >> 8 & (LAP - 1);
        if ended == 0 {
            return 0;
        }
        // A clock that another worker has read a moment earlier is no reason to forget.
        let age = (now.as_secs() % LAP + LAP + 1 - ended) % LAP;
        (SOON.as_secs() + 1).saturating_sub(age)
    }
}

/// How many endings are remembered.
const PLACES: usize = 1 << 16;
/// How many of one set: as many keys may share a place.
const WAYS: usize = 4;
/// How many seconds are told apart.
const LAP: u64 = 1 << 24;

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn who_comes_back_within_a_minute_is_told_by_how_it_ended_and_once() {
        let recent = RecentEndings::default();
        recent.note(7 << 32 | 5, 3, at(1000));
        assert_eq!(recent.take(8 << 32 | 5, at(1001)), None, "somebody else of the same set");
        assert_eq!(recent.take(7 << 32 | 5, at(1059)), Some(3));
        assert_eq!(recent.take(7 << 32 | 5, at(1059)), None);
        recent.note(7 << 32 | 5, 3, at(2000));
        assert_eq!(recent.take(7 << 32 | 5, at(2062)), None);
    }

    #[test]
    fn each_of_several_tunnels_of_one_client_is_told_the_last_first() {
        let recent = RecentEndings::default();
        for (way, second) in [(1, 10), (2, 12), (3, 11)] {
            recent.note(99, way, at(second));
        }
        let told: Vec<_> = (0..4).map(|_| recent.take(99, at(13))).collect();
        assert_eq!(told, [Some(2), Some(3), Some(1), None]);
    }

    #[test]
    fn neither_the_first_second_nor_half_a_year_later_is_special() {
        for begun in [0, LAP - 1, LAP, 3 * LAP - 30] {
            let recent = RecentEndings::default();
            assert_eq!(recent.take(5, at(begun)), None);
            recent.note(5, 9, at(begun));
            assert_eq!(recent.take(5, at(begun + 30)), Some(9), "{begun}");
            recent.note(5, 9, at(begun));
            assert_eq!(recent.take(5, at(begun + 90)), None, "{begun}");
        }
    }

    #[test]
    fn a_storm_is_remembered_nearly_whole_and_takes_no_more_room() {
        let recent = RecentEndings::default();
        let keys: Vec<_> = (0..30_000_u64).map(|key| xxhash_rust::xxh64::xxh64(&key.to_be_bytes(), 0)).collect();
        keys.iter().for_each(|key| recent.note(*key, 1, at(100)));
        let back = keys.iter().filter(|key| recent.take(**key, at(120)).is_some()).count();
        assert!(back > 29_000, "{back}");
        assert_eq!(recent.0.len() * WAYS, PLACES);
    }

    proptest! {
        #[test]
        fn nobody_is_told_who_did_not_end_within_a_minute(
            steps in prop::collection::vec((any::<bool>(), 0..20_u64, 0..30_u64), 1..200),
        ) {
            let (recent, mut now, mut ended) = (RecentEndings::default(), 1, Vec::new());
            for (ends, key, later) in steps {
                now += later;
                // All of one set.
                let key = key << 32;
                if ends {
                    recent.note(key, 1, at(now));
                    ended.push((key, now));
                } else if recent.take(key, at(now)).is_some() {
                    let last: HashSet<_> = ended.iter().filter(|(_, at)| now - at <= 61).map(|(key, _)| *key).collect();
                    prop_assert!(last.contains(&key));
                }
            }
        }
    }
}
