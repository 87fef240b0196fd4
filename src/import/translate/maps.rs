//! `map`: the one that nearly every configuration has means nothing here.

use super::ledger::Ledger;
use super::text::without_braces;
use crate::import::syntax::Directive;

/// Notes the maps that make `Connection` of what a client says in `Upgrade`, or there itself: an upgrade is one where it is meant.
pub(super) fn upgrade_maps<'t>(directives: impl Iterator<Item = &'t Directive>, ledger: &Ledger) {
    let is_of_upgrade = |map: &&Directive| {
        let source = map.argument(0).map(without_braces);
        source.is_some_and(|source| ["$http_upgrade", "$http_connection"].contains(&source.as_str()))
    };
    directives.filter(|it| it.name() == "map").filter(is_of_upgrade).for_each(|map| ledger.nothing(map));
}
