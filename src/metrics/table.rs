//! Values by a key, of which there are few and hardly ever new ones: finding one takes no lock, and a new one copies the table.

use std::hash::Hash;
use std::sync::Arc;

use arc_swap::ArcSwap;
use foldhash::HashMap;

/// Values by their keys, which are ours and the configuration's: nobody outside chooses them, so a fast hash does.
#[derive(Debug)]
pub(super) struct Table<K, V>(ArcSwap<HashMap<K, Arc<V>>>);

impl<K: Clone + Eq + Hash, V> Table<K, V> {
    /// Does something with the value of `key`, which is made if it is not there.
    pub(super) fn with<R>(&self, key: &K, make: impl FnOnce() -> V, act: impl FnOnce(&V) -> R) -> R {
        if let Some(value) = self.0.load().get(key) {
            return act(value);
        }
        act(&self.insert(key, make()))
    }

    /// Has the value of `key` be there.
    pub(super) fn ensure(&self, key: &K, make: impl FnOnce() -> V) {
        self.with(key, make, |_| ());
    }

    /// Takes all out but these. What is counted at that moment under a key that goes may be lost.
    pub(super) fn keep(&self, is_kept: impl Fn(&K, &V) -> bool) -> Vec<Arc<V>> {
        let gone: Vec<_> = self.all().into_iter().filter(|(key, value)| !is_kept(key, value)).collect();
        if !gone.is_empty() {
            self.0.rcu(|table| {
                let mut table = HashMap::clone(table);
                gone.iter().for_each(|(key, _)| drop(table.remove(key)));
                table
            });
        }
        gone.into_iter().map(|(_, value)| value).collect()
    }

    /// All of them, in no order.
    pub(super) fn all(&self) -> Vec<(K, Arc<V>)> {
        self.0.load().iter().map(|(key, value)| (key.clone(), Arc::clone(value))).collect()
    }

    #[cold]
    fn insert(&self, key: &K, value: V) -> Arc<V> {
        let value = Arc::new(value);
        self.0.rcu(|table| {
            let mut table = HashMap::clone(table);
            // Whoever came first stays: somebody may have counted there.
            table.entry(key.clone()).or_insert_with(|| Arc::clone(&value));
            table
        });
        self.0.load().get(key).map_or(value, Arc::clone)
    }
}

impl<K, V> Default for Table<K, V> {
    fn default() -> Self {
        Self(ArcSwap::default())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::thread;

    use super::*;

    #[test]
    fn nothing_is_lost_while_others_make_values() {
        let table = Table::<u32, AtomicU64>::default();
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for turn in 0..400 {
                        table.with(&(turn % 40), AtomicU64::default, |count| count.fetch_add(1, Ordering::Relaxed));
                    }
                });
            }
        });
        let all = table.all();
        assert_eq!(all.len(), 40);
        assert!(all.iter().all(|(_, count)| count.load(Ordering::Relaxed) == 40), "{all:?}");
    }

    #[test]
    fn what_is_not_kept_is_gone() {
        let table = Table::<u32, AtomicU64>::default();
        for key in 0..4 {
            table.ensure(&key, AtomicU64::default);
        }
        assert_eq!(table.keep(|key, _| *key % 2 == 0).len(), 2);
        let mut left: Vec<_> = table.all().into_iter().map(|(key, _)| key).collect();
        left.sort_unstable();
        assert_eq!(left, [0, 2]);
    }
}
