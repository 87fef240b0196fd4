//! Lists, and what somebody means who writes one value instead.

use toml::de::DeValue;

use super::tree::{SpannedValue, is_taken};

/// A list of different things; `None` if any of them is wrong.
pub(super) fn list<T: PartialEq>(
    reader: impl Fn(&SpannedValue<'_>) -> Option<T>,
    example: &str,
) -> impl Fn(&SpannedValue<'_>) -> Option<Vec<T>> {
    move |item| {
        let elements = elements(item, &reader, example)?;
        let values: Vec<_> = elements.iter().map(&reader).collect();
        for (index, (element, value)) in elements.iter().zip(&values).enumerate() {
            if value.is_some() && values.iter().take(index).any(|earlier| earlier == value) {
                element.fault("stands in the list twice", "remove it");
            }
        }
        values.into_iter().collect()
    }
}

/// The elements of a list, each for `reader`; a problem where it is none.
pub(super) fn elements<'a, T>(
    item: &SpannedValue<'a>,
    reader: impl Fn(&SpannedValue<'_>) -> Option<T>,
    example: &str,
) -> Option<Vec<SpannedValue<'a>>> {
    let elements = item.elements();
    if elements.is_none() {
        item.fault(format!("must be a list, not {}", item.type_name()), how_to_list(item, reader, example));
    }
    elements
}

/// How to write a list of what is there; what is wrong with that is noted too, or it would be the next problem.
fn how_to_list<T>(item: &SpannedValue<'_>, reader: impl Fn(&SpannedValue<'_>) -> Option<T>, example: &str) -> String {
    let DeValue::String(text) = item.value() else { return format!("write it as {example}") };
    if is_taken(text, &reader) {
        return format!("write it as [{text:?}]");
    }
    let parts: Vec<_> = text.split([',', ' ']).filter(|part| !part.is_empty()).collect();
    if !parts.is_empty() && parts.iter().all(|part| is_taken(part, &reader)) {
        return format!("write it as {parts:?}");
    }
    reader(item);
    format!("write it in brackets, as in {example}")
}
