//! Which directives count at a place: nginx looks in the block, and then in those around it.

use crate::import::syntax::Directive;

/// A block, and those around it.
#[derive(Clone, Debug)]
pub(super) struct Scope<'t> {
    /// From the outside in; never empty.
    blocks: Vec<&'t [Directive]>,
}

impl<'t> Scope<'t> {
    pub(super) fn of(block: &'t [Directive]) -> Self {
        Self { blocks: vec![block] }
    }

    /// The scope of a block that stands in this one.
    pub(super) fn within(&self, block: &'t [Directive]) -> Self {
        let mut blocks = self.blocks.clone();
        blocks.push(block);
        Self { blocks }
    }

    /// The outermost block, with all that stands in it.
    pub(super) fn whole(&self) -> &'t [Directive] {
        self.blocks.first().copied().unwrap_or(&[])
    }

    /// What stands in the block itself.
    pub(super) fn own(&self) -> &'t [Directive] {
        self.blocks.last().copied().unwrap_or(&[])
    }

    pub(super) fn own_named<'n>(&self, name: &'n str) -> impl Iterator<Item = &'t Directive> + use<'t, 'n> {
        self.own().iter().filter(move |directive| directive.name() == name)
    }

    /// The one with this name that counts: of several in one block the last.
    pub(super) fn last(&self, name: &str) -> Option<&'t Directive> {
        self.all(name).last().copied()
    }

    /// Those with this name that count: all of the innermost block that has any.
    pub(super) fn all(&self, name: &str) -> Vec<&'t Directive> {
        self.all_of(&[name])
    }

    /// Those with one of these names that count, in their order: all of the innermost block that has any.
    pub(super) fn all_of(&self, names: &[&str]) -> Vec<&'t Directive> {
        let of_block = |block: &&'t [Directive]| -> Vec<&'t Directive> {
            block.iter().filter(|directive| names.contains(&directive.name())).collect()
        };
        self.blocks.iter().rev().map(of_block).find(|found| !found.is_empty()).unwrap_or_default()
    }

    /// Those of this name in every block, from the outside in.
    pub(super) fn every<'n>(&'n self, name: &'n str) -> impl Iterator<Item = &'t Directive> + use<'t, 'n> {
        self.everything().filter(move |directive| directive.name() == name)
    }

    pub(super) fn everything(&self) -> impl Iterator<Item = &'t Directive> + use<'t, '_> {
        self.blocks.iter().flat_map(|block| block.iter())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::import::syntax::{Numbers, parse};

    #[test]
    fn a_block_that_says_something_replaces_what_stands_around_it() {
        let tree = parse("h a; h b; t 1; t 2; l { h c; }", &"x".into(), &mut Numbers::default()).unwrap();
        let outer = Scope::of(&tree);
        let inner = outer.within(tree[4].inner());
        let values = |scope: &Scope<'_>, name| {
            scope.all(name).iter().map(|it| it.value().unwrap().to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(values(&outer, "h"), ["a", "b"]);
        assert_eq!(values(&inner, "h"), ["c"]);
        assert_eq!(inner.last("t").and_then(Directive::value), Some("2"));
        assert_eq!(inner.last("none"), None);
        assert_eq!(inner.every("h").count(), 3);
        assert_eq!(inner.own().len(), 1);
    }
}
