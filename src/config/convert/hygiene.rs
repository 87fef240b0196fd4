//! What requests have to look like, of `[listener.NAME]`.

use std::ops::RangeInclusive;

use crate::config::defaults;
use crate::config::read::{choice, integer, text};
use crate::config::settings::{HygieneSettings, UnderscoreHeaders};
use crate::config::tree::{Section, SpannedValue};
use crate::config::units::{SIZE, write_size};

pub(super) fn hygiene(section: &Section<'_>) -> HygieneSettings {
    HygieneSettings {
        underscore_headers: section.read(
            "underscore_headers",
            choice(&UNDERSCORE_HEADERS),
            defaults::UNDERSCORE_HEADERS,
        ),
        max_head: section.read("max_head", size(HEAD), defaults::MAX_HEAD),
        max_header_lines: section.read(
            "max_header_lines",
            |item| narrow(integer(LINES)(item)),
            defaults::MAX_HEADER_LINES,
        ),
        max_header_line: section.read("max_header_line", size(LINE), defaults::MAX_HEADER_LINE),
        max_target: section.read("max_target", size(TARGET), defaults::MAX_TARGET),
    }
}

/// A size within `range`.
fn size(range: RangeInclusive<u64>) -> impl Fn(&SpannedValue<'_>) -> Option<u32> {
    move |item| {
        let size = text(SIZE)(item)?;
        if !range.contains(&size) {
            let (least, most) = (write_size(*range.start()), write_size(*range.end()));
            item.fault(format!("{} is out of range", write_size(size)), format!("write a size from {least} to {most}"));
            return None;
        }
        narrow(Some(size))
    }
}

/// What is in range is no more than this.
fn narrow(number: Option<u64>) -> Option<u32> {
    number.and_then(|number| u32::try_from(number).ok())
}

const UNDERSCORE_HEADERS: [(&str, UnderscoreHeaders); 3] =
    [("drop", UnderscoreHeaders::Drop), ("pass", UnderscoreHeaders::Pass), ("refuse", UnderscoreHeaders::Refuse)];

/// What every browser sends fits into the least; the most is held in memory for each head that comes slowly.
const HEAD: RangeInclusive<u64> = 4 << 10..=1 << 20;
/// No more than a map of headers has room for.
const LINES: RangeInclusive<u64> = 16..=10_000;
const LINE: RangeInclusive<u64> = 256..=1 << 20;
/// What hyper and the `http` crate take.
const TARGET: RangeInclusive<u64> = 256..=65_534;
