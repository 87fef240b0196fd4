//! Who says on whose behalf it speaks, and is not believed: said once of each, as a hint that a proxy is not trusted yet.

use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

/// How many are told apart; whoever comes after them is not said.
const MOST: usize = 8;

/// The peers of a listener whose forwarding headers were not believed.
#[derive(Debug, Default)]
pub struct Strangers {
    is_full: AtomicBool,
    known: Mutex<Vec<IpAddr>>,
}

impl Strangers {
    /// Notes one; whether this is to be said.
    pub fn is_new(&self, peer: IpAddr) -> bool {
        if self.is_full.load(Ordering::Relaxed) {
            return false;
        }
        // A panic while it was held leaves the list whole.
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.contains(&peer) || known.len() >= MOST {
            return false;
        }
        known.push(peer);
        self.is_full.store(known.len() >= MOST, Ordering::Relaxed);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_new_once_and_a_crowd_is_not_listed() {
        let strangers = Strangers::default();
        let is_new = |number: u32| strangers.is_new(IpAddr::from(number.to_be_bytes()));
        assert_eq!([1, 1, 2, 1].map(is_new), [true, false, true, false]);
        assert_eq!((0..1000).filter(|&number| is_new(number)).count(), MOST - 2);
        assert_eq!(strangers.known.lock().unwrap().len(), MOST);
    }
}
