//! How often wrong tokens came from where: who guesses is slowed.
//!
//! Invariant: so many addresses are known at the most; who has guessed least lately is forgotten first.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Who has shown wrong tokens lately.
#[derive(Debug, Default)]
pub(super) struct Guesses {
    /// When everything is forgiven, by address.
    forgiven: Mutex<HashMap<IpAddr, Instant>>,
}

/// How long one wrong token counts.
const EACH: Duration = Duration::from_secs(2);
/// How many may count at a time.
const MOST: u32 = 10;
/// How many addresses are known.
const ADDRESSES: usize = 1024;

impl Guesses {
    /// Whether this address has guessed too often.
    pub(super) fn is_over(&self, from: IpAddr, now: Instant) -> bool {
        let until = self.forgiven().get(&network(from)).copied();
        until.is_some_and(|until| until.saturating_duration_since(now) > EACH * (MOST - 1))
    }

    /// A wrong token came from there.
    pub(super) fn note(&self, from: IpAddr, now: Instant) {
        let mut forgiven = self.forgiven();
        let from = network(from);
        if !forgiven.contains_key(&from) && forgiven.len() >= ADDRESSES {
            forgiven.retain(|_, until| *until > now);
            let first = forgiven.iter().min_by_key(|(_, until)| **until).map(|(from, _)| *from);
            if let Some(first) = first.filter(|_| forgiven.len() >= ADDRESSES) {
                forgiven.remove(&first);
            }
        }
        let until = forgiven.entry(from).or_insert(now);
        *until = (*until).max(now) + EACH;
        if until.saturating_duration_since(now) > EACH * (MOST - 1) {
            tracing::warn!(%from, "wrong tokens of operators: others from there are answered 429 for a while");
        }
    }

    fn forgiven(&self) -> MutexGuard<'_, HashMap<IpAddr, Instant>> {
        self.forgiven.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whoever has one address of IPv6 has all of its /64.
pub(super) fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6((address.to_bits() & (u128::MAX << 64)).into()),
        address => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));

    #[test]
    fn some_wrong_ones_are_forgiven_and_time_forgives_all() {
        let (guesses, begun) = (Guesses::default(), Instant::now());
        for _ in 0..MOST {
            assert!(!guesses.is_over(ONE, begun));
            guesses.note(ONE, begun);
        }
        assert!(guesses.is_over(ONE, begun));
        assert!(!guesses.is_over(IpAddr::from([192, 0, 2, 2]), begun));
        assert!(!guesses.is_over(ONE, begun + EACH));
    }

    #[test]
    fn a_network_of_ipv6_is_one_and_no_more_than_so_many_are_known() {
        let (guesses, now) = (Guesses::default(), Instant::now());
        for number in 0..u64::from(MOST) {
            guesses.note(format!("2001:db8::{number:x}").parse().unwrap(), now);
        }
        assert!(guesses.is_over("2001:db8::ffff".parse().unwrap(), now));
        for number in 0..5000_u32 {
            guesses.note(IpAddr::from(number.to_be_bytes()), now);
        }
        assert!(guesses.forgiven().len() <= ADDRESSES);
        assert!(guesses.is_over("2001:db8::1".parse().unwrap(), now), "who guesses most is remembered");
    }
}
