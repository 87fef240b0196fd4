//! What was said in the log of a collector that does not take spans: each thing once, and how many were lost meanwhile.

/// What was last said of a collector.
#[derive(Debug, Default)]
pub(super) struct Trouble {
    /// Why it takes nothing.
    told: Option<String>,
    /// What it said when it did not take all.
    told_of_some: Option<String>,
    /// Whether that was said, of it or of one before it, and not yet that it is over.
    is_open: bool,
    /// How many spans were lost since any were taken.
    lost: usize,
}

impl Trouble {
    /// It takes nothing, for this reason: whether that is to be said.
    pub(super) fn is_new(&mut self, why: &str) -> bool {
        self.is_open = true;
        is_other(&mut self.told, why)
    }

    /// It does not take all, or warns: whether that is to be said. That it takes all of others in between changes nothing.
    pub(super) fn is_new_of_some(&mut self, why: &str) -> bool {
        is_other(&mut self.told_of_some, why)
    }

    /// So many spans are lost.
    pub(super) fn lose(&mut self, count: usize) {
        self.lost = self.lost.saturating_add(count);
    }

    /// It takes spans: where there was trouble, how many were lost meanwhile, `without_room` those for which there was no room.
    pub(super) fn end(&mut self, without_room: usize) -> Option<usize> {
        let (lost, was_open) = (std::mem::take(&mut self.lost), std::mem::take(&mut self.is_open));
        self.told = None;
        was_open.then(|| lost.saturating_add(without_room))
    }

    /// Another collector takes spans from now on, of which nothing was said. What is lost stays so, and is told once that takes any.
    pub(super) fn forget(&mut self) {
        (self.told, self.told_of_some) = (None, None);
    }

    /// How many spans are lost of which nobody has read yet.
    pub(super) fn lost(&self) -> usize {
        self.lost
    }
}

fn is_other(told: &mut Option<String>, why: &str) -> bool {
    let is_other = told.as_deref() != Some(why);
    if is_other {
        *told = Some(why.to_owned());
    }
    is_other
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_thing_is_said_once_until_it_is_over() {
        let mut trouble = Trouble::default();
        assert_eq!(trouble.end(0), None, "nothing was wrong");
        assert!(trouble.is_new("gone") && !trouble.is_new("gone") && trouble.is_new("503"));
        trouble.lose(3);
        assert_eq!((trouble.end(4), trouble.end(0)), (Some(7), None));
        assert!(trouble.is_new("503"));
    }

    #[test]
    fn batches_that_are_taken_between_others_that_are_not_say_nothing() {
        let mut trouble = Trouble::default();
        assert!(trouble.is_new_of_some("too old"));
        for _ in 0..3 {
            assert_eq!(trouble.end(0), None);
            assert!(!trouble.is_new_of_some("too old"));
        }
        assert!(trouble.is_new_of_some("too long"));
    }

    #[test]
    fn of_another_collector_nothing_was_said_and_what_is_lost_is_told_by_it() {
        let mut trouble = Trouble::default();
        assert!(trouble.is_new("gone") && trouble.is_new_of_some("too old"));
        trouble.lose(3);
        trouble.forget();
        assert!(trouble.is_new("gone") && trouble.is_new_of_some("too old"));
        trouble.forget();
        assert_eq!((trouble.end(4), trouble.end(4)), (Some(7), None));
    }
}
