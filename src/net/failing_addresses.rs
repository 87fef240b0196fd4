//! Addresses that have failed a moment ago: they are tried last, so that a hole among the addresses of a name is paid for once.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// The addresses that failed lately, a bounded number of them.
#[derive(Debug, Default)]
pub(super) struct FailingAddresses(Mutex<HashMap<SocketAddr, Instant>>);

impl FailingAddresses {
    /// An address did not answer, or refused.
    pub(super) fn note_failed(&self, address: SocketAddr, now: Instant) {
        let mut failed = self.failed();
        if failed.len() >= MOST_REMEMBERED && !failed.contains_key(&address) {
            failed.retain(|_, at| *at + REMEMBERED_FOR > now);
            let oldest = failed.iter().min_by_key(|(_, at)| **at).map(|(address, _)| *address);
            if let Some(oldest) = oldest.filter(|_| failed.len() >= MOST_REMEMBERED) {
                failed.remove(&oldest);
            }
        }
        failed.insert(address, now);
    }

    /// An address has answered.
    pub(super) fn note_reached(&self, address: SocketAddr) {
        self.failed().remove(&address);
    }

    /// Those that failed lately go last; otherwise the order stays.
    pub(super) fn put_last(&self, addresses: &mut [SocketAddr], now: Instant) {
        let failed = self.failed();
        if !failed.is_empty() {
            addresses.sort_by_key(|address| failed.get(address).is_some_and(|at| *at + REMEMBERED_FOR > now));
        }
    }

    fn failed(&self) -> MutexGuard<'_, HashMap<SocketAddr, Instant>> {
        // Each change leaves it whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// After this an address has its turn again: it may be well.
const REMEMBERED_FOR: Duration = Duration::from_secs(60);
/// More than that fail only where there is no network at all.
const MOST_REMEMBERED: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    fn address(number: u16) -> SocketAddr {
        SocketAddr::from(([10, 0, 0, 1], number))
    }

    fn ordered(failing: &FailingAddresses, now: Instant) -> Vec<u16> {
        let mut addresses = [1, 2, 3].map(address);
        failing.put_last(&mut addresses, now);
        addresses.iter().map(SocketAddr::port).collect()
    }

    #[test]
    fn who_failed_goes_last_for_a_while_or_until_it_answers() {
        let (failing, now) = (FailingAddresses::default(), Instant::now());
        assert_eq!(ordered(&failing, now), [1, 2, 3]);
        failing.note_failed(address(1), now);
        assert_eq!(ordered(&failing, now), [2, 3, 1]);
        failing.note_failed(address(2), now);
        assert_eq!(ordered(&failing, now), [3, 1, 2], "among those the order stays");
        failing.note_reached(address(1));
        assert_eq!(ordered(&failing, now), [1, 3, 2]);
        assert_eq!(ordered(&failing, now + REMEMBERED_FOR), [1, 2, 3]);
    }

    #[test]
    fn so_many_are_remembered_and_the_oldest_is_forgotten() {
        let (failing, now) = (FailingAddresses::default(), Instant::now());
        for number in 0..5000_u16 {
            failing.note_failed(address(number), now + Duration::from_millis(number.into()));
        }
        assert_eq!(failing.failed().len(), MOST_REMEMBERED);
        assert!(!failing.failed().contains_key(&address(1)));
        assert!(failing.failed().contains_key(&address(4999)));
    }
}
