//! Looking up in a sorted list what is asked for in its order: thousands of endpoints are compared with thousands in one pass.

use crate::config::EndpointName;

/// Finds the index of each name in `things`, which are sorted by the name that `name_of` says, as long as the names that are asked for
/// are sorted too.
pub fn in_order<T>(things: &[T], name_of: impl Fn(&T) -> &EndpointName) -> impl FnMut(&EndpointName) -> Option<usize> {
    let mut at = 0;
    move |name| {
        while name_of(things.get(at)?) < name {
            at += 1;
        }
        (name_of(things.get(at)?) == name).then_some(at)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn each_is_found_where_it_is(
            things in prop::collection::btree_set("[ab]{0,3}", 0..12),
            asked in prop::collection::vec("[ab]{0,3}", 0..12),
        ) {
            let named = |names: &BTreeSet<String>| names.iter().map(|name| EndpointName::from(&**name)).collect::<Vec<_>>();
            let things = named(&things);
            let mut asked: Vec<_> = asked.iter().map(|name| EndpointName::from(&**name)).collect();
            asked.sort();
            let mut find = in_order(&things, |name| name);
            for name in &asked {
                prop_assert_eq!(find(name), things.iter().position(|thing| thing == name));
            }
        }
    }
}
