//! How much an endpoint gets at once, and who waits: `handshakes_at_once` and `queue` of `[upstream.NAME]`.

use std::num::NonZeroU32;

use toml::de::DeValue;

use crate::config::defaults;
use crate::config::read::{integer, text};
use crate::config::schema::{HANDSHAKES, QUEUE};
use crate::config::settings::{HandshakeLimits, QueueSettings, WhenFull};
use crate::config::tree::SpannedValue;
use crate::config::units::DURATION;

/// A number that stays, or the bounds of one that adapts.
pub(super) fn handshakes_at_once(item: &SpannedValue<'_>) -> Option<HandshakeLimits> {
    let DeValue::Table(_) = item.value() else {
        return handshakes(item).map(|fixed| HandshakeLimits { start: fixed, min: fixed, max: fixed });
    };
    let section = item.section(&HANDSHAKES)?;
    let start = section.require("start", handshakes, "start = 50, with which it begins");
    let start = start?;
    let min = section.try_read("min", handshakes, defaults::HANDSHAKES_MIN.min(start));
    let max = section.try_read("max", handshakes, defaults::HANDSHAKES_MAX.max(start));
    let limits = HandshakeLimits { start, min: min?, max: max? };
    if limits.min > start || start > limits.max {
        section.item("start").iter().for_each(|item| {
            item.fault(
                format!("{start} is not from {} to {}", limits.min, limits.max),
                "write a `start` between `min` and `max`",
            );
        });
    }
    Some(limits)
}

fn handshakes(item: &SpannedValue<'_>) -> Option<NonZeroU32> {
    u32::try_from(integer(1..=100_000)(item)?).ok().and_then(NonZeroU32::new)
}

pub(super) fn queue(item: &SpannedValue<'_>) -> Option<QueueSettings> {
    let section = item.section(&QUEUE)?;
    let length = section.try_read("length", length, defaults::QUEUE.length);
    let wait = section.try_read("wait", text(DURATION), defaults::QUEUE.wait);
    Some(QueueSettings { length: length?, wait: wait? })
}

fn length(item: &SpannedValue<'_>) -> Option<usize> {
    usize::try_from(integer(1..=1_000_000)(item)?).ok()
}

pub(super) const WHEN_FULL: [(&str, WhenFull); 2] = [("refuse", WhenFull::Refuse), ("close", WhenFull::Close)];
