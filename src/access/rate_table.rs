//! How fast each client comes: a table of fixed size, however many addresses there are.
//!
//! Each client has a bucket of tokens, kept as one number (GCRA): when it would be full again. A place in the table is 16 bytes;
//! 65,536 of them, in sets of eight, make about 1.1 MB for each route that limits its clients. Who finds its set taken gets the
//! place of the one whose bucket is fullest, which then begins anew with a full one. The place of somebody who is over the rate is
//! never given away: where all eight are, whoever else would belong there shares one bucket with all of those. So a flood of
//! addresses cannot wash out a client that is over its rate, and one that has sent nothing is refused only where eight of those
//! share its set, by a number that nobody outside can work out.
//!
//! Pure: `now` is the time since any epoch, always the same; time that goes backwards stands still.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::client_key::ClientKey;
use crate::config::Rate;

/// How fast each client of a route comes.
#[derive(Debug)]
pub struct RateTable {
    shards: Box<[Mutex<Box<[Set]>>]>,
}

/// Where a few clients are kept.
#[derive(Clone, Copy, Debug, Default)]
struct Set {
    clients: [Client; WAYS],
    /// When the bucket is full of all who have no place here.
    strangers: u64,
}

/// A client and its bucket.
#[derive(Clone, Copy, Debug, Default)]
struct Client {
    /// Its number; zero where there is none.
    number: u64,
    /// When its bucket is full, in nanoseconds.
    full_at: u64,
}

const SHARDS: usize = 64;
const SETS: usize = 128;
const WAYS: usize = 8;

impl RateTable {
    /// One that knows nobody.
    pub fn new() -> Self {
        let shard = || Mutex::new(vec![Set::default(); SETS].into_boxed_slice());
        Self { shards: (0..SHARDS).map(|_| shard()).collect() }
    }

    /// Takes a token of this client; whether there was one.
    pub fn take(&self, client: ClientKey, rate: Rate, now: Duration) -> bool {
        let (number, bucket) = (client.number().get(), Bucket::of(rate, now));
        #[expect(clippy::cast_possible_truncation, reason = "only the last bits count")]
        let (shard, set) = (number as usize % SHARDS, (number >> 32) as usize % SETS);
        let Some(shard) = self.shards.get(shard) else { return true };
        let mut sets = shard.lock().unwrap_or_else(PoisonError::into_inner);
        sets.get_mut(set).is_none_or(|set| set.take(number, &bucket))
    }

    /// The bytes that it takes, and never more.
    pub const BYTES: usize = SHARDS * SETS * size_of::<Set>();
}

impl Default for RateTable {
    fn default() -> Self {
        Self::new()
    }
}

impl Set {
    fn take(&mut self, number: u64, bucket: &Bucket) -> bool {
        if let Some(known) = self.clients.iter_mut().find(|client| client.number == number) {
            return bucket.take(&mut known.full_at);
        }
        match self.clients.iter_mut().min_by_key(|client| client.full_at) {
            Some(place) if bucket.has_token(place.full_at) => {
                *place = Client { number, full_at: 0 };
                bucket.take(&mut place.full_at)
            }
            _ => bucket.take(&mut self.strangers),
        }
    }
}

/// A rate, now.
struct Bucket {
    now: u64,
    /// How long a token takes to come.
    each: u64,
    /// How long all but one take.
    all_but_one: u64,
}

impl Bucket {
    fn of(rate: Rate, now: Duration) -> Self {
        // Rounded down: nobody is refused for a part of a nanosecond.
        let each = 1_000_000_000_u64.checked_div(rate.per_second).unwrap_or(u64::MAX).max(1);
        let now = u64::try_from(now.as_nanos()).unwrap_or(u64::MAX);
        Self { now, each, all_but_one: each.saturating_mul(rate.burst.saturating_sub(1)) }
    }

    /// Whether there is one in a bucket that is full then.
    fn has_token(&self, full_at: u64) -> bool {
        full_at.saturating_sub(self.now) <= self.all_but_one
    }

    /// Takes one. What a slower rate has left is no more than an empty bucket.
    fn take(&self, full_at: &mut u64) -> bool {
        *full_at = (*full_at).min(self.now.saturating_add(self.all_but_one).saturating_add(self.each));
        let has_token = self.has_token(*full_at);
        if has_token {
            *full_at = (*full_at).max(self.now).saturating_add(self.each);
        }
        has_token
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::net::{IpAddr, Ipv4Addr};

    use http::HeaderMap;
    use proptest::prelude::*;
    use proptest::sample::select;

    use super::super::client_key::{Asker, ClientKeys};
    use super::*;
    use crate::config::ClientKeySource;
    use crate::websocket::TokenBucket;

    const RATE: Rate = Rate { per_second: 5, burst: 20 };

    fn millis(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    fn key(keys: &ClientKeys, number: u32) -> ClientKey {
        let address = IpAddr::V4(Ipv4Addr::from_bits(number));
        keys.of(&ClientKeySource::ClientIp, &Asker { address, headers: &HeaderMap::new(), permission: None })
    }

    #[test]
    fn a_client_has_its_burst_and_then_its_rate() {
        let (table, keys) = (RateTable::new(), ClientKeys::default());
        let ada = key(&keys, 1);
        let granted = |now| (0..100).filter(|_| table.take(ada, RATE, now)).count();
        assert_eq!(granted(millis(0)), 20);
        assert_eq!(granted(millis(199)), 0);
        assert_eq!(granted(millis(200)), 1);
        assert_eq!(granted(millis(1_200)), 5);
        assert_eq!(granted(millis(60_000)), 20);
        assert_eq!((0..100).filter(|_| table.take(key(&keys, 2), RATE, millis(60_000))).count(), 20);
    }

    #[test]
    fn a_rate_that_changes_counts_from_then_on() {
        let (table, keys) = (RateTable::new(), ClientKeys::default());
        let (ada, slow) = (key(&keys, 1), Rate { per_second: 1, burst: 1_000_000 });
        for _ in 0..1_000 {
            assert!(table.take(ada, slow, millis(0)));
        }
        assert!(!table.take(ada, RATE, millis(0)));
        assert!(table.take(ada, RATE, millis(200)), "no more is owed than an empty bucket");
    }

    #[test]
    fn a_million_addresses_take_no_more_memory_and_nobodys_share() {
        let (table, keys) = (RateTable::new(), ClientKeys::default());
        const { assert!(RateTable::BYTES < 1_200_000) };
        let (calm, greedy) = (key(&keys, u32::MAX), key(&keys, u32::MAX - 1));
        let (mut calm_granted, mut greedy_granted) = (0, 0);
        // Ten seconds of a hundred thousand new addresses each.
        for number in 0..1_000_000_u32 {
            let now = Duration::from_micros(u64::from(number) * 10);
            table.take(key(&keys, number), RATE, now);
            if number.is_multiple_of(20_000) {
                calm_granted += usize::from(table.take(calm, RATE, now));
            }
            if number.is_multiple_of(100) {
                greedy_granted += usize::from(table.take(greedy, RATE, now));
            }
        }
        assert_eq!(calm_granted, 50, "five a second, each of them");
        assert!((20..=20 + 5 * 10 + 1).contains(&greedy_granted), "{greedy_granted} of 10,000");
    }

    #[test]
    fn where_all_are_over_the_rate_the_others_share_one_bucket() {
        let (mut set, once) = (Set::default(), Rate { per_second: 1, burst: 1 });
        let at = |now| Bucket::of(once, millis(now));
        let over: Vec<u64> = (1..=8).collect();
        assert!(over.iter().all(|&number| set.take(number, &at(0))));
        let strangers = (100..200).filter(|&number| set.take(number, &at(0))).count();
        assert_eq!(strangers, 1);
        assert!(!over.iter().any(|&number| set.take(number, &at(999))), "none was forgotten");
        assert!(set.take(300, &at(1_000)), "who is over no more gives its place up");
    }

    proptest! {
        #[test]
        fn few_clients_have_exact_buckets(
            per_second in select(vec![1_u64, 2, 5, 10, 1_000]),
            burst in 1..30_u64,
            steps in prop::collection::vec((0..4_u32, 0..400_u64), 1..300),
        ) {
            let (table, keys, rate) = (RateTable::new(), ClientKeys::default(), Rate { per_second, burst });
            let (mut naive, mut now) = (HashMap::new(), Duration::ZERO);
            for (client, later) in steps {
                now += millis(later);
                let bucket = naive.entry(client).or_insert_with(|| TokenBucket::new(per_second, burst, now));
                prop_assert_eq!(table.take(key(&keys, client), rate, now), bucket.take(1, now));
            }
        }

        #[test]
        fn no_rate_and_no_time_overflows(per_second in 0..=u64::MAX, burst in 0..=u64::MAX, seconds in 0..=u64::MAX) {
            let (table, keys) = (RateTable::new(), ClientKeys::default());
            for now in [seconds, 0, u64::MAX] {
                table.take(key(&keys, 1), Rate { per_second, burst }, Duration::from_secs(now));
            }
        }
    }
}
