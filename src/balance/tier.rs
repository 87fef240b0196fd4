//! The endpoints of an upstream that are chosen from together: its ordinary ones, or its backups.

use super::candidate::Share;
use super::hash::AffinityKey;
use super::memo::Memo;
use super::rendezvous;

/// Endpoints that are chosen from together.
#[derive(Debug)]
pub struct Tier {
    shares: Box<[Share]>,
    /// The index in `shares` of what a key means, where there are so many that going through them takes long.
    memo: Option<Memo>,
}

impl Tier {
    /// Of these endpoints.
    pub fn new(shares: impl IntoIterator<Item = Share>) -> Self {
        let shares: Box<[_]> = shares.into_iter().collect();
        let memo = (shares.len() >= MANY).then(|| Memo::new(shares.len()));
        Self { shares, memo }
    }

    /// Its endpoints.
    pub fn shares(&self) -> &[Share] {
        &self.shares
    }

    /// What the key means of all of them, each with all of its weight, where that is kept in mind.
    pub(super) fn kept_in_mind(&self, key: AffinityKey) -> Option<&Share> {
        let memo = self.memo.as_ref()?;
        if let Some(index) = memo.get(key) {
            return self.shares.get(index);
        }
        let index = rendezvous::best_index(key, &self.shares)?;
        memo.note(key, index);
        self.shares.get(index)
    }
}

/// From so many endpoints on, going through all of them takes longer than a look into a table that is not in the cache.
const MANY: usize = 256;
