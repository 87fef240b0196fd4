//! Source addresses that nothing could be connected from: what is said of each, at a human pace, though another one was taken instead.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// The source addresses that nothing could be connected from: as many as were configured, at the most.
#[derive(Debug, Default)]
pub(super) struct LostSources(Mutex<BTreeMap<IpAddr, Lost>>);

#[derive(Debug)]
struct Lost {
    /// When it was said last.
    said: Instant,
    /// Connects that it was left for since then.
    unsaid: u64,
}

impl LostSources {
    /// Nothing could be connected from `source`; how many connects that are since it was said last, if it is to be said now.
    pub(super) fn note_lost(&self, source: IpAddr, now: Instant) -> Option<u64> {
        // Each change leaves it whole.
        let mut sources = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(lost) = sources.get_mut(&source) else {
            sources.insert(source, Lost { said: now, unsaid: 0 });
            return Some(1);
        };
        lost.unsaid += 1;
        if now < lost.said + SAY {
            return None;
        }
        lost.said = now;
        Some(std::mem::take(&mut lost.unsaid))
    }
}

/// How often it is said of one: it may be used up, and have a port again, many times a second.
const SAY: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_said_at_once_and_then_now_and_then() {
        let (lost, start) = (LostSources::default(), Instant::now());
        let [one, other] = [1, 2].map(|last| IpAddr::from([10, 0, 0, last]));
        assert_eq!(lost.note_lost(one, start), Some(1));
        assert_eq!(lost.note_lost(one, start + SAY / 2), None);
        assert_eq!(lost.note_lost(other, start + SAY / 2), Some(1));
        assert_eq!(lost.note_lost(one, start + SAY), Some(2));
        assert_eq!(lost.note_lost(one, start + SAY), None);
        assert_eq!(lost.note_lost(other, start + SAY), None);
    }
}
