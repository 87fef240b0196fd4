//! What tunnels belong to, once for all that belong to the same: there are many tunnels, and few listeners, routes and endpoints.
//!
//! Invariant: what nobody belongs to any more is forgotten before there is twice as much of it.

use std::sync::Arc;

use foldhash::HashSet;

use super::scope::Member;

/// What the tunnels of one worker belong to.
#[derive(Debug, Default)]
pub(super) struct Members {
    known: HashSet<Arc<Member>>,
    /// How many there were after the last look for those that nobody is any more.
    in_use: usize,
}

impl Members {
    /// `member`, shared with all who are the same.
    pub(super) fn shared(&mut self, member: Member) -> Arc<Member> {
        if let Some(known) = self.known.get(&member) {
            return Arc::clone(known);
        }
        if self.known.len() >= LEAST.max(2 * self.in_use) {
            self.known.retain(|known| Arc::strong_count(known) > 1);
            self.in_use = self.known.len();
        }
        let member = Arc::new(member);
        self.known.insert(Arc::clone(&member));
        member
    }
}

/// How many are kept without a look at them.
const LEAST: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn those_who_are_the_same_share_one_and_what_nobody_is_goes() {
        let mut members = Members::default();
        let member = |name: usize| Member::of_route(&name.to_string());
        let kept: Vec<_> = (0..10).map(|name| members.shared(member(name))).collect();
        assert!(Arc::ptr_eq(&kept[3], &members.shared(member(3))));
        for name in 10..100_000 {
            members.shared(member(name));
            assert!(members.known.len() <= LEAST, "{}", members.known.len());
        }
        assert!(Arc::ptr_eq(&kept[3], &members.shared(member(3))));
        let all: Vec<_> = (0..1_000).map(|name| members.shared(member(name))).collect();
        assert_eq!(members.known.iter().filter(|known| Arc::strong_count(known) > 1).count(), all.len());
    }
}
