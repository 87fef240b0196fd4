//! How fast tunnels are: what they had counted a moment ago, compared with now.
//!
//! Invariant: two looks are kept at the most, and none for longer than a minute after the last one.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::admin::wire::TunnelRate;
use crate::drain::{TunnelHandle, TunnelId};
use crate::session::Proxy;

/// What was seen of tunnels lately.
#[derive(Clone, Debug, Default)]
pub struct Rates(Arc<Mutex<Looks>>);

#[derive(Debug, Default)]
struct Looks {
    /// The last one, and the one before it.
    last: Option<Arc<Look>>,
    before: Option<Arc<Look>>,
}

/// What all tunnels had counted at one moment.
#[derive(Debug)]
pub(in crate::admin) struct Look {
    at: Instant,
    counts: HashMap<TunnelId, (u64, u64)>,
}

/// A shorter time says nothing.
pub(in crate::admin) const AT_LEAST: Duration = Duration::from_secs(1);
/// A look that is older says nothing of now.
const AT_MOST: Duration = Duration::from_secs(60);

impl Rates {
    /// What rates are to be compared with now; `None` where nobody has looked lately.
    pub(in crate::admin) fn base(&self, now: Instant) -> Option<Arc<Look>> {
        let looks = self.looks();
        let is_telling = |look: &&Arc<Look>| (AT_LEAST..=AT_MOST).contains(&now.saturating_duration_since(look.at));
        [&looks.last, &looks.before].into_iter().flatten().find(is_telling).cloned()
    }

    /// Looks at all tunnels, unless somebody has a moment ago.
    pub(in crate::admin) fn look(&self, proxy: &Proxy, now: Instant) {
        let is_fresh = |look: &Arc<Look>| now.saturating_duration_since(look.at) < AT_LEAST;
        if self.looks().last.as_ref().is_some_and(is_fresh) {
            return;
        }
        let mut counts = HashMap::with_capacity(proxy.registry.len());
        proxy.registry.each(|handle| {
            counts.insert(handle.id, counted(handle));
        });
        let look = Arc::new(Look { at: now, counts });
        let forgotten = Arc::downgrade(&look);
        let mut looks = self.looks();
        looks.before = looks.last.replace(look);
        drop(looks);
        let rates = Arc::downgrade(&self.0);
        tokio::spawn(async move {
            sleep(AT_MOST).await;
            forget(&rates, &forgotten);
        });
    }

    /// Whether anything is kept.
    #[cfg(test)]
    pub(in crate::admin) fn has_looks(&self) -> bool {
        let looks = self.looks();
        looks.last.is_some() || looks.before.is_some()
    }

    fn looks(&self) -> MutexGuard<'_, Looks> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Look {
    /// How fast a tunnel was from then to `now`.
    pub(in crate::admin) fn rate(&self, handle: &TunnelHandle, now: Instant) -> TunnelRate {
        // One that opened since had counted nothing.
        let (messages, bytes) = self.counts.get(&handle.id).copied().unwrap_or_default();
        let since = self.at.max(handle.opened);
        rate(counted(handle), (messages, bytes), now.saturating_duration_since(since))
    }
}

/// What one tunnel has counted: messages and bytes.
pub(in crate::admin) fn counted(handle: &TunnelHandle) -> (u64, u64) {
    let counts = handle.traffic().vitals().counts;
    let (there, back) = (counts.from_client, counts.from_upstream);
    (there.messages.wrapping_add(back.messages), there.bytes.wrapping_add(back.bytes))
}

/// How fast somebody was who had counted `before`, and counts `now` after so long.
#[expect(clippy::cast_precision_loss, reason = "a rate is read by people")]
pub(in crate::admin) fn rate(now: (u64, u64), before: (u64, u64), over: Duration) -> TunnelRate {
    // A tunnel of a moment ago is no faster than what it has done in all.
    let seconds = over.as_secs_f64().max(1.0);
    let tenths = |count: u64| (count as f64 / seconds * 10.0).round() / 10.0;
    TunnelRate {
        messages_per_second: tenths(now.0.wrapping_sub(before.0)),
        bytes_per_second: tenths(now.1.wrapping_sub(before.1)),
    }
}

/// Forgets this look and those before it: whoever has looked since keeps theirs.
fn forget(rates: &Weak<Mutex<Looks>>, look: &Weak<Look>) {
    let (Some(rates), Some(look)) = (rates.upgrade(), look.upgrade()) else { return };
    let mut looks = rates.lock().unwrap_or_else(PoisonError::into_inner);
    if looks.before.as_ref().is_some_and(|it| Arc::ptr_eq(it, &look)) {
        looks.before = None;
    }
    if looks.last.as_ref().is_some_and(|it| Arc::ptr_eq(it, &look)) {
        *looks = Looks::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_what_was_counted_since_and_no_spike_of_a_newcomer() {
        let second = Duration::from_secs(1);
        let of = |messages_per_second, bytes_per_second| TunnelRate { messages_per_second, bytes_per_second };
        assert_eq!(rate((20, 1000), (10, 500), 2 * second), of(5.0, 250.0));
        assert_eq!(rate((5, 100), (0, 0), Duration::from_millis(1)), of(5.0, 100.0));
        assert_eq!(rate((4, 0), (u64::MAX, 0), second), of(5.0, 0.0));
    }

    #[tokio::test(start_paused = true)]
    async fn a_look_is_forgotten_after_a_minute_and_one_since_is_not() {
        let rates = Rates::default();
        let look = |at| Arc::new(Look { at, counts: HashMap::new() });
        let (first, begun) = (look(Instant::now()), Instant::now());
        rates.looks().last = Some(Arc::clone(&first));
        assert!(rates.base(begun).is_none());
        assert!(rates.base(begun + AT_LEAST).is_some());
        assert!(rates.base(begun + AT_MOST + AT_LEAST).is_none());
        let second = look(begun + AT_LEAST);
        rates.looks().before = Some(Arc::clone(&first));
        rates.looks().last = Some(Arc::clone(&second));
        assert!(Arc::ptr_eq(&rates.base(begun + AT_LEAST).unwrap(), &first));
        forget(&Arc::downgrade(&rates.0), &Arc::downgrade(&first));
        assert!(rates.looks().before.is_none() && rates.looks().last.is_some());
        forget(&Arc::downgrade(&rates.0), &Arc::downgrade(&second));
        assert!(rates.looks().last.is_none());
    }
}
