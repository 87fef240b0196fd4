//! What became of each directive: the reason that none is left out in silence.
//!
//! A directive that nobody has spoken for by the end is told as one that is not known. What has to be looked at is never taken back: of
//! two that speak of one directive, the graver word stands, and of two grave ones the first.

use std::cell::RefCell;

use crate::import::syntax::Directive;

/// Why a directive is told of, and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::import) struct Reason {
    pub(in crate::import) why: String,
    pub(in crate::import) instead: String,
}

impl Reason {
    pub(in crate::import) fn new(why: impl Into<String>, instead: impl Into<String>) -> Self {
        Self { why: why.into(), instead: instead.into() }
    }
}

/// What became of a directive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::import) enum Fate {
    Unread,
    /// It means nothing here.
    Nothing,
    /// The file that is written says the same.
    Carried,
    /// It stands in the block of one that is told of.
    Listed,
    /// It is told of, and nobody has to do anything.
    Remarked(Reason),
    /// It was not carried over, or not whole: somebody has to look at it.
    Left(Reason),
}

impl Fate {
    fn gravity(&self) -> u8 {
        match self {
            Self::Unread => 0,
            Self::Nothing => 1,
            Self::Carried => 2,
            Self::Remarked(_) => 3,
            Self::Listed => 4,
            Self::Left(_) => 5,
        }
    }
}

#[derive(Debug)]
pub(in crate::import) struct Ledger {
    fates: RefCell<Vec<Fate>>,
}

impl Ledger {
    /// For so many directives.
    pub(in crate::import) fn new(count: usize) -> Self {
        Self { fates: RefCell::new(vec![Fate::Unread; count]) }
    }

    pub(in crate::import) fn carried(&self, directive: &Directive) {
        self.note(directive, Fate::Carried);
    }

    /// The directive, and all that stands in its block.
    pub(in crate::import) fn carried_whole(&self, directive: &Directive) {
        self.note(directive, Fate::Carried);
        directive.inner().iter().for_each(|inner| self.carried_whole(inner));
    }

    /// The directive means nothing here, nor does what stands in its block.
    pub(in crate::import) fn nothing(&self, directive: &Directive) {
        self.note(directive, Fate::Nothing);
        directive.inner().iter().for_each(|inner| self.nothing(inner));
    }

    pub(in crate::import) fn remarked(
        &self,
        directive: &Directive,
        why: impl Into<String>,
        instead: impl Into<String>,
    ) {
        self.note(directive, Fate::Remarked(Reason::new(why, instead)));
        directive.inner().iter().for_each(|inner| self.listed(inner));
    }

    /// The directive was not carried over, and nothing of its block was.
    pub(in crate::import) fn left(&self, directive: &Directive, why: impl Into<String>, instead: impl Into<String>) {
        self.note(directive, Fate::Left(Reason::new(why, instead)));
        directive.inner().iter().for_each(|inner| self.listed(inner));
    }

    pub(in crate::import) fn left_because(&self, directive: &Directive, reason: Reason) {
        self.left(directive, reason.why, reason.instead);
    }

    fn listed(&self, directive: &Directive) {
        self.note(directive, Fate::Listed);
        directive.inner().iter().for_each(|inner| self.listed(inner));
    }

    pub(in crate::import) fn fate(&self, directive: &Directive) -> Fate {
        self.fates.borrow().get(directive.id).cloned().unwrap_or(Fate::Unread)
    }

    pub(in crate::import) fn is_unread(&self, directive: &Directive) -> bool {
        self.fate(directive) == Fate::Unread
    }

    /// How many were carried over, mean nothing, and have to be looked at.
    pub(in crate::import) fn counts(&self) -> (usize, usize, usize) {
        let fates = self.fates.borrow();
        let count = |is_one: fn(&&Fate) -> bool| fates.iter().filter(is_one).count();
        (
            count(|fate| matches!(fate, Fate::Carried | Fate::Remarked(_))),
            count(|fate| matches!(fate, Fate::Nothing)),
            count(|fate| matches!(fate, Fate::Left(_))),
        )
    }

    fn note(&self, directive: &Directive, fate: Fate) {
        if let Some(noted) = self.fates.borrow_mut().get_mut(directive.id)
            && noted.gravity() < fate.gravity()
        {
            *noted = fate;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::import::syntax::{Numbers, parse};

    #[test]
    fn the_graver_word_stands() {
        let tree = parse("a { b; } c;", &"x".into(), &mut Numbers::default()).unwrap();
        let (a, c) = (&tree[0], &tree[1]);
        let ledger = Ledger::new(3);
        ledger.left(a, "first", "do");
        ledger.carried_whole(a);
        ledger.left(a, "second", "do");
        assert_eq!(ledger.fate(a), Fate::Left(Reason::new("first", "do")));
        assert_eq!(ledger.fate(&a.inner()[0]), Fate::Listed);
        assert!(ledger.is_unread(c));
        ledger.nothing(c);
        ledger.carried(c);
        assert_eq!(ledger.fate(c), Fate::Carried);
        assert_eq!(ledger.counts(), (1, 0, 1));
    }
}
