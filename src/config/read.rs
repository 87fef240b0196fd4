//! Readers: from one value of the tree to one value of the settings.
//!
//! A reader is a function from an [`SpannedValue`] to a value, or to `None` once it has noted what is wrong.

use std::ops::RangeInclusive;

use toml::de::DeValue;

use super::name_syntax::{FILE, is_name};
use super::not_compared::NotCompared;
use super::schema::{DIRECTIONS, RATE, SIDES};
use super::settings::{NamedFile, Rate};
use super::suggest;
use super::syntax::Syntax;
use super::tree::{Section, SpannedValue};
use crate::websocket::{CloseCode, PerDirection, PerSide};

/// A text of `syntax`.
pub(super) fn text<T>(syntax: Syntax<T>) -> impl Fn(&SpannedValue<'_>) -> Option<T> {
    let Syntax { noun, example, unit, parse } = syntax;
    move |item| {
        let hint = || format!("write {example}");
        match item.value() {
            DeValue::String(text) if text == "off" && !unit.is_empty() => {
                item.fault("cannot be off", hint());
                None
            }
            DeValue::String(text) => {
                parse(text).map_err(|error| item.fault(error.problem, error.hint.unwrap_or_else(hint))).ok()
            }
            DeValue::Integer(number) if !unit.is_empty() => {
                item.fault(
                    format!("must be {noun}, not a bare number"),
                    format!("write its unit too: \"{number}{unit}\""),
                );
                None
            }
            _ => {
                item.fault(format!("must be {noun}, not {}", item.type_name()), hint());
                None
            }
        }
    }
}

/// The path of a file; a relative one starts at the folder of the configuration.
pub(super) fn named_file(item: &SpannedValue<'_>) -> Option<NamedFile> {
    let path = item.location().report().folder().join(text(FILE)(item)?);
    Some(NamedFile { path, location: NotCompared(item.location().source()) })
}

/// A whole number within `range`.
pub(super) fn integer(range: RangeInclusive<u64>) -> impl Fn(&SpannedValue<'_>) -> Option<u64> {
    move |item| number(item, range.clone(), || format!("write a number from {} to {}", range.start(), range.end()))
}

/// A whole number within `range`, with a hint of the caller's own.
pub(super) fn number(item: &SpannedValue<'_>, range: RangeInclusive<u64>, hint: impl Fn() -> String) -> Option<u64> {
    let DeValue::Integer(number) = item.value() else {
        item.fault(format!("must be an integer, not {}", item.type_name()), hint());
        return None;
    };
    let value = u64::from_str_radix(number.as_str(), number.radix()).ok().filter(|value| range.contains(value));
    if value.is_none() {
        item.fault(format!("{number} is out of range"), hint());
    }
    value
}

/// [`COUNT`] of something.
pub(super) fn count(item: &SpannedValue<'_>) -> Option<u64> {
    integer(COUNT)(item)
}

/// `true` or `false`.
pub(super) fn flag(item: &SpannedValue<'_>) -> Option<bool> {
    let DeValue::Boolean(value) = item.value() else {
        item.fault(format!("must be true or false, not {}", item.type_name()), "write true or false, without quotes");
        return None;
    };
    Some(*value)
}

/// A close code that may stand on the wire.
pub(super) fn close_code(item: &SpannedValue<'_>) -> Option<CloseCode> {
    let hint = || "write 1000 to 1003, 1007 to 1014, or 3000 to 4999".to_owned();
    let code = number(item, 0..=u64::MAX, hint)?;
    let valid = u16::try_from(code).ok().and_then(CloseCode::new);
    if valid.is_none() {
        item.fault(format!("{code} never stands in a Close frame"), hint());
    }
    valid
}

/// One of a few words.
pub(super) fn choice<T: Copy>(options: &[(&'static str, T)]) -> impl Fn(&SpannedValue<'_>) -> Option<T> {
    move |item| {
        let words: Vec<_> = options.iter().map(|(word, _)| *word).collect();
        let DeValue::String(text) = item.value() else {
            item.fault(format!("must be a string, not {}", item.type_name()), suggest::among("", &words));
            return None;
        };
        let chosen = options.iter().find(|(word, _)| word == text).map(|(_, value)| *value);
        if chosen.is_none() {
            item.fault(format!("{text:?} is not one of its values"), suggest::among(text, &words));
        }
        chosen
    }
}

/// One of the names that the file gives to its `what`s; `instead` knows what to do about words that are meant otherwise.
pub(super) fn reference<T: for<'n> From<&'n str>>(
    names: &[&str],
    what: &str,
    instead: impl Fn(&str) -> Option<String>,
) -> impl Fn(&SpannedValue<'_>) -> Option<T> {
    move |item| {
        let DeValue::String(name) = item.value() else {
            item.fault(format!("must be a name of [{what}.NAME], not {}", item.type_name()), suggest::among("", names));
            return None;
        };
        if !names.contains(&name.as_ref()) {
            let hint = instead(name).unwrap_or_else(|| match suggest::nearest(name, names) {
                Some(near) => format!("did you mean {near:?}?"),
                None => how_to_name(name, what),
            });
            item.fault(format!("there is no {what} {name:?}"), hint);
            return None;
        }
        Some(T::from(name))
    }
}

fn how_to_name(name: &str, what: &str) -> String {
    match name {
        _ if !is_name(name) => format!("write the NAME that stands in [{what}.NAME]"),
        _ if name.contains('.') => format!("add [{what}.{name:?}], or name one that there is"),
        _ => format!("add [{what}.{name}], or name one that there is"),
    }
}

/// What `reader` reads, or `"off"`.
pub(super) fn or_off<T>(
    reader: impl Fn(&SpannedValue<'_>) -> Option<T>,
) -> impl Fn(&SpannedValue<'_>) -> Option<Option<T>> {
    move |item| match item.value() {
        DeValue::String(text) if text == "off" => Some(None),
        _ => reader(&item.or_off()).map(Some),
    }
}

/// A rate whose amounts are read by `amount`: one value, which is also the burst, or `{ rate, burst }`.
pub(super) fn rate(amount: impl Fn(&SpannedValue<'_>) -> Option<u64>) -> impl Fn(&SpannedValue<'_>) -> Option<Rate> {
    move |item| {
        let DeValue::Table(_) = item.value() else {
            return amount(item).map(|per_second| Rate { per_second, burst: per_second });
        };
        let section = item.section(&RATE)?;
        let per_second = section.require("rate", &amount, "rate, the amount for each second");
        let burst = section.try_read("burst", |item| amount(item).map(Some), None);
        let (per_second, burst) = (per_second?, burst?);
        Some(Rate { per_second, burst: burst.unwrap_or(per_second) })
    }
}

/// A rate of how many.
pub(super) fn rate_of_count(item: &SpannedValue<'_>) -> Option<Rate> {
    if let DeValue::String(_) = item.value() {
        item.fault("must be a number or a table, not a string", "write 5, or { rate = 5, burst = 5 }, of each second");
        return None;
    }
    rate(count)(item)
}

/// One value for both directions, or `{ from_client, from_upstream }`; one that is not written keeps its default.
pub(super) fn per_direction<T: Clone>(
    reader: impl Fn(&SpannedValue<'_>) -> Option<T>,
    default: PerDirection<T>,
) -> impl Fn(&SpannedValue<'_>) -> Option<PerDirection<T>> {
    move |item| match item.value() {
        DeValue::Table(table) if !RATE.keys.iter().any(|key| table.contains_key(*key)) => {
            let section = item.section(&DIRECTIONS)?;
            let from_client = section.try_read("from_client", &reader, default.from_client.clone());
            let from_upstream = section.try_read("from_upstream", &reader, default.from_upstream.clone());
            Some(PerDirection { from_client: from_client?, from_upstream: from_upstream? })
        }
        _ => reader(item).map(|value| PerDirection { from_client: value.clone(), from_upstream: value }),
    }
}

/// One value for the client's side, or `{ client, upstream }`; one that is not written keeps its default.
pub(super) fn per_side<T: Clone>(
    reader: impl Fn(&SpannedValue<'_>) -> Option<T>,
    default: PerSide<T>,
) -> impl Fn(&SpannedValue<'_>) -> Option<PerSide<T>> {
    move |item| {
        let DeValue::Table(_) = item.value() else {
            return reader(item).map(|client| PerSide { client, upstream: default.upstream.clone() });
        };
        let section = item.section(&SIDES)?;
        let client = section.try_read("client", &reader, default.client.clone());
        let upstream = section.try_read("upstream", &reader, default.upstream.clone());
        Some(PerSide { client: client?, upstream: upstream? })
    }
}

impl Section<'_> {
    /// A limit, which may differ between the directions; `None` where it is wrong.
    pub(super) fn try_limit<T: Clone>(
        &self,
        key: &'static str,
        reader: impl Fn(&SpannedValue<'_>) -> Option<T>,
        default: PerDirection<T>,
    ) -> Option<PerDirection<T>> {
        self.try_read(key, per_direction(reader, default.clone()), default)
    }

    /// A limit, which may differ between the directions; `default` as a stand-in where it is wrong.
    pub(super) fn limit<T: Clone>(
        &self,
        key: &'static str,
        reader: impl Fn(&SpannedValue<'_>) -> Option<T>,
        default: PerDirection<T>,
    ) -> PerDirection<T> {
        self.try_limit(key, reader, default.clone()).unwrap_or(default)
    }
}

/// How many of something: enough for everybody, and small enough for every sum and product made of it.
pub(super) const COUNT: RangeInclusive<u64> = 1..=1_000_000_000;
