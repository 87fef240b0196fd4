//! Tables whose keys are names of headers.

use http::HeaderName;

use crate::config::syntax::{Syntax, SyntaxError};
use crate::config::tree::SpannedValue;

/// A table of headers: `name` says what a key may be, `value` reads what stands there.
pub(super) fn entries<V>(
    item: &SpannedValue<'_>,
    name: Syntax<HeaderName>,
    value: impl Fn(&SpannedValue<'_>) -> Option<V>,
) -> Option<Vec<(HeaderName, V)>> {
    let Some(entries) = item.entries() else {
        item.fault(format!("must be a table of headers, not {}", item.type_name()), "write { x-name = \"value\" }");
        return None;
    };
    let named = |key: &str, item: &SpannedValue<'_>| {
        let noted = |error: SyntaxError| item.fault(error.problem, error.hint.unwrap_or_default());
        (name.parse)(key).map_err(|error| noted(error.or_write(name.example))).ok()
    };
    let read: Vec<_> = entries.iter().map(|(key, item)| named(key, item).zip(value(item))).collect();
    for (index, (_, item)) in entries.iter().enumerate() {
        let name_at = |index: usize| read.get(index)?.as_ref().map(|(name, _)| name);
        if name_at(index).is_some() && (0..index).any(|earlier| name_at(earlier) == name_at(index)) {
            item.fault("is written twice: case makes no difference in names of headers", "keep one of them");
        }
    }
    read.into_iter().collect()
}
