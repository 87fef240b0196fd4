//! What of a list is chosen: it stays chosen while the list changes around it.

/// One of a list whose members have keys.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Choice {
    key: Option<String>,
    /// Where it was last; what stands there now is chosen where it is gone.
    at: usize,
}

/// Where to go from what is chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Move {
    Up(usize),
    Down(usize),
    First,
    Last,
}

impl Choice {
    /// Where the chosen one stands; `None` where there is nothing.
    pub(super) fn position(&self, keys: &[String]) -> Option<usize> {
        let last = keys.len().checked_sub(1)?;
        let found = self.key.as_ref().and_then(|key| keys.iter().position(|it| it == key));
        Some(found.unwrap_or(self.at.min(last)))
    }

    /// Where the chosen one stands, if the list still has it: what took its place was chosen by nobody.
    pub(super) fn found(&self, keys: &[String]) -> Option<usize> {
        let key = self.key.as_ref()?;
        keys.iter().position(|it| it == key)
    }

    /// Keeps to what stands at its place, where nothing is chosen by its key yet.
    pub(super) fn pin(&mut self, keys: &[String]) {
        if self.key.is_none() {
            self.key = self.position(keys).and_then(|at| keys.get(at)).cloned();
        }
    }

    /// Chooses what stands there, whatever that is.
    pub(super) fn put(&mut self, at: usize) {
        *self = Self { key: None, at };
    }

    /// Chooses another one; returns whether the list has one there, and not only its end.
    pub(super) fn go(&mut self, to: Move, keys: &[String]) -> bool {
        let Some(from) = self.position(keys) else { return false };
        let last = keys.len() - 1;
        let (wanted, is_there) = match to {
            Move::Up(by) => (from.saturating_sub(by), from > 0),
            Move::Down(by) => (from.saturating_add(by), from < last),
            Move::First => (0, true),
            Move::Last => (last, true),
        };
        self.at = wanted.min(last);
        self.key = keys.get(self.at).cloned();
        is_there
    }

    /// Which part of a list of `all` is shown in so many rows, so that the one at `position` is among them: what stands before it.
    pub(super) fn offset(position: Option<usize>, all: usize, rows: usize) -> usize {
        position.unwrap_or_default().saturating_sub(rows / 2).min(all.saturating_sub(rows))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn keys(text: &str) -> Vec<String> {
        text.chars().map(String::from).collect()
    }

    #[test]
    fn the_chosen_one_is_followed_and_what_takes_its_place_is_next() {
        let mut choice = Choice::default();
        assert_eq!(choice.position(&[]), None);
        assert!(choice.go(Move::Down(1), &keys("abc")));
        assert_eq!(choice.position(&keys("xyabc")), Some(3), "it is followed");
        assert_eq!(choice.position(&keys("ac")), Some(1), "it is gone");
        assert!(!choice.go(Move::Down(1), &keys("ab")), "that is the end");
    }

    proptest! {
        #[test]
        fn the_chosen_one_is_always_shown(at in 0_usize..50, all in 1_usize..50, rows in 1_usize..20) {
            let at = at.min(all - 1);
            let offset = Choice::offset(Some(at), all, rows);
            prop_assert!(offset <= at && at < offset + rows);
            prop_assert!(offset == 0 || offset + rows <= all, "there are no empty rows");
        }
    }
}
