//! What tells that an endpoint is well: `health` and `eject` of `[upstream.NAME]`.

use std::num::{NonZeroU16, NonZeroU32};
use std::ops::RangeInclusive;

use http::Method;
use toml::de::DeValue;

use crate::config::defaults;
use crate::config::lists::list;
use crate::config::name_syntax::{HOST_HEADER, METHOD, REQUEST_PATH};
use crate::config::read::{choice, integer, number, text};
use crate::config::schema::{EJECT, HEALTH};
use crate::config::settings::{EjectSettings, HealthSettings, OnDown, ProbeSettings, WhenAllDown};
use crate::config::tree::{Section, SpannedValue};
use crate::config::units::DURATION;

/// The words for `probe`.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Asks {
    Tcp,
    Http,
    Websocket,
}

pub(super) fn health(item: &SpannedValue<'_>) -> Option<HealthSettings> {
    let section = item.section(&HEALTH)?;
    let asks = section.require("probe", choice(&PROBES), "probe = \"http\", \"websocket\" or \"tcp\"");
    let every = section.try_read("every", text(DURATION), defaults::HEALTH_EVERY);
    let timeout = section.try_read(
        "timeout",
        text(DURATION),
        defaults::HEALTH_TIMEOUT.min(every.unwrap_or(defaults::HEALTH_EVERY)),
    );
    let rise = section.try_read("rise", in_a_row, defaults::HEALTH_RISE);
    let fall = section.try_read("fall", in_a_row, defaults::HEALTH_FALL);
    let port = section.try_read("port", port, None);
    if let (Some(every), Some(timeout)) = (every, timeout)
        && timeout > every
    {
        section.item("timeout").iter().for_each(|item| {
            item.fault("is above `every`: the next probe would begin before this one is over", "write less");
        });
    }
    let probe = probe(&section, asks?);
    Some(HealthSettings { probe: probe?, every: every?, timeout: timeout?, rise: rise?, fall: fall?, port: port? })
}

fn probe(section: &Section<'_>, asks: Asks) -> Option<ProbeSettings> {
    let path = section.try_read("path", text(REQUEST_PATH), "/".into());
    let host = section.try_read("host", |item| text(HOST_HEADER)(item).map(Some), None);
    let method = section.try_read("method", text(METHOD), Method::GET);
    let expect = section.try_read("expect", expect, vec![200..=399]);
    let (word, foreign): (_, &[&'static str]) = match asks {
        Asks::Tcp => ("tcp", &["path", "host", "method", "expect"]),
        Asks::Http => ("http", &[]),
        Asks::Websocket => ("websocket", &["method", "expect"]),
    };
    for key in foreign {
        if let Some(item) = section.item(key) {
            item.fault(format!("means nothing to a {word} probe"), "remove it, or write probe = \"http\"");
        }
    }
    match asks {
        Asks::Tcp => Some(ProbeSettings::Tcp),
        Asks::Http => Some(ProbeSettings::Http { method: method?, path: path?, host: host?, expect: expect? }),
        Asks::Websocket => Some(ProbeSettings::Websocket { path: path?, host: host? }),
    }
}

fn expect(item: &SpannedValue<'_>) -> Option<Vec<RangeInclusive<u16>>> {
    let ranges = list(statuses, "[\"200-399\"]")(item)?;
    if ranges.is_empty() {
        item.fault("is empty: no answer would be well", "write one or more, such as [\"200-399\"]");
    }
    Some(ranges)
}

/// A status, or a text with the first and the last of several: `204`, `"200-299"`.
fn statuses(item: &SpannedValue<'_>) -> Option<RangeInclusive<u16>> {
    let DeValue::String(text) = item.value() else {
        let hint = || "write a status such as 204, or \"200-299\"".to_owned();
        let status = u16::try_from(number(item, 200..=599, hint)?).ok()?;
        return Some(status..=status);
    };
    let ends = text.split_once('-').and_then(|(first, last)| Some(first.parse().ok()?..=last.parse().ok()?));
    let range = ends.filter(|range: &RangeInclusive<u16>| {
        (200..=599).contains(range.start()) && (*range.start()..=599).contains(range.end())
    });
    if range.is_none() {
        let hint = match (text.parse::<u16>(), text.strip_suffix("xx")) {
            (Ok(status), _) => format!("write {status}, without quotes"),
            (_, Some(hundred)) => format!("write \"{hundred}00-{hundred}99\""),
            _ => "write one such as \"200-299\"".to_owned(),
        };
        item.fault(format!("{text:?} is no range of statuses from 200 to 599"), hint);
    }
    range
}

fn port(item: &SpannedValue<'_>) -> Option<Option<NonZeroU16>> {
    u16::try_from(integer(1..=65_535)(item)?).ok().and_then(NonZeroU16::new).map(Some)
}

fn in_a_row(item: &SpannedValue<'_>) -> Option<NonZeroU32> {
    u32::try_from(integer(1..=1_000)(item)?).ok().and_then(NonZeroU32::new)
}

pub(super) fn eject(item: &SpannedValue<'_>) -> Option<EjectSettings> {
    let section = item.section(&EJECT)?;
    let after = section.try_read("after", in_a_row, defaults::EJECT.after);
    let first = section.try_read("first", text(DURATION), defaults::EJECT.first);
    let most = section.try_read("most", text(DURATION), defaults::EJECT.most);
    let eject = EjectSettings { after: after?, first: first?, most: most? };
    if eject.first > eject.most {
        let location = section.item("first").or_else(|| section.item("most"));
        location.iter().for_each(|item| item.fault("`first` is above `most`", "write a `first` up to `most`"));
    }
    Some(eject)
}

const PROBES: [(&str, Asks); 3] = [("tcp", Asks::Tcp), ("http", Asks::Http), ("websocket", Asks::Websocket)];

pub(super) const ON_DOWN: [(&str, OnDown); 3] =
    [("keep", OnDown::Keep), ("drain", OnDown::Drain), ("close", OnDown::Close)];

pub(super) const WHEN_ALL_DOWN: [(&str, WhenAllDown); 2] = [("try", WhenAllDown::Try), ("refuse", WhenAllDown::Refuse)];
