//! Durations and sizes: a number and its unit, written together.

use std::time::Duration;

use super::syntax::{Syntax, SyntaxError};

/// `"250ms"`, `"10s"`, `"1h30min"`: more than zero, a year at the most.
pub(super) const DURATION: Syntax<Duration> =
    Syntax { noun: "a duration", example: r#""250ms", "10s", "5min" or "1h30min""#, unit: "s", parse: read_duration };

/// `"64KiB"`, `"1MB"`: a number of bytes, more than zero.
pub(super) const SIZE: Syntax<u64> =
    Syntax { noun: "a size", example: r#""500B", "64KiB" or "1MiB""#, unit: "B", parse: parse_size };

/// `"20%"`, `"2.5%"`, in thousandths: up to the whole.
pub(super) const PERCENT: Syntax<u32> =
    Syntax { noun: "a share", example: r#""20%" or "2.5%""#, unit: "%", parse: parse_percent };

/// Reads a duration as it stands in a configuration.
///
/// # Errors
/// What is wrong with it.
pub fn parse_duration(text: &str) -> Result<Duration, SyntaxError> {
    read_duration(text).map_err(|error| error.or_write(DURATION.example))
}

/// Writes a duration of whole milliseconds the way [`DURATION`] reads it.
pub fn write_duration(duration: Duration) -> String {
    let mut rest = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    let mut written = String::new();
    for (unit, worth) in TIME {
        if rest >= worth {
            written += &format!("{}{unit}", rest / worth);
            rest %= worth;
        }
    }
    written
}

/// `1 listener`, `2 listeners`: how many there are of what `noun` names.
pub fn counted(count: usize, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

/// Writes a size the way [`SIZE`] reads it.
pub(super) fn write_size(size: u64) -> String {
    let whole = |(_, worth): &&Unit| size >= *worth && size.is_multiple_of(*worth);
    BYTES.iter().find(whole).map_or_else(|| format!("{size}B"), |(unit, worth)| format!("{}{unit}", size / worth))
}

fn read_duration(text: &str) -> Result<Duration, SyntaxError> {
    let not_one = || format!("{text:?} is not a duration");
    let (mut total, mut rest) = take_amount(text, &TIME, not_one)?;
    while !rest.is_empty() {
        let (amount, after) = take_amount(rest, &TIME, not_one)?;
        (total, rest) = (total.saturating_add(amount), after);
    }
    match Duration::from_millis(total) {
        Duration::ZERO => Err("must be more than zero".into()),
        duration if duration > YEAR => Err("is more than a year".into()),
        duration => Ok(duration),
    }
}

fn parse_size(text: &str) -> Result<u64, SyntaxError> {
    let not_one = || format!("{text:?} is not a size");
    match take_amount(text, &BYTES, not_one)? {
        (_, rest) if !rest.is_empty() => Err(not_one().into()),
        (0, _) => Err("must be more than zero".into()),
        (size, _) if size > LARGEST_SIZE => Err("is more than can be counted".into()),
        (size, _) => Ok(size),
    }
}

fn parse_percent(text: &str) -> Result<u32, SyntaxError> {
    let not_one = || format!("{text:?} is not a share");
    let number = text.strip_suffix('%').ok_or_else(not_one)?;
    let (whole, tenths) = number.split_once('.').unwrap_or((number, "0"));
    let is_number = |text: &str| (1..=3).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    if !is_number(whole) || !is_number(tenths) || tenths.len() > 1 {
        return Err(not_one().into());
    }
    let number = |text: &str| text.parse::<u32>().unwrap_or(u32::MAX);
    match number(whole).saturating_mul(10).saturating_add(number(tenths)) {
        permille if permille > 1_000 => Err("is more than the whole".into()),
        permille => Ok(permille),
    }
}

/// A number and its unit at the front of `text`, and what is behind them. What is too big for us saturates.
fn take_amount<'t>(text: &'t str, units: &[Unit], not_one: impl Fn() -> String) -> Result<(u64, &'t str), SyntaxError> {
    let (digits, rest) = split_while(text, |c| c.is_ascii_digit());
    let (letters, rest) = split_while(rest, char::is_alphabetic);
    let hint =
        || format!("use one of the units {}", units.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", "));
    match units.iter().find(|(name, _)| *name == letters) {
        _ if digits.is_empty() => Err(not_one().into()),
        Some((_, worth)) => Ok((digits.parse::<u64>().unwrap_or(u64::MAX).saturating_mul(*worth), rest)),
        None if !letters.is_empty() => Err(SyntaxError::new(format!("{letters:?} is not a unit"), hint())),
        None if rest.is_empty() => Err(SyntaxError::new(format!("{text:?} has no unit"), hint())),
        None => Err(not_one().into()),
    }
}

fn split_while(text: &str, belongs: fn(char) -> bool) -> (&str, &str) {
    text.split_at(text.find(|c| !belongs(c)).unwrap_or(text.len()))
}

/// A unit and what it is worth: milliseconds or bytes.
type Unit = (&'static str, u64);

const TIME: [Unit; 5] = [("d", 86_400_000), ("h", 3_600_000), ("min", 60_000), ("s", 1_000), ("ms", 1)];

/// Nothing that we time is longer than this, and so no deadline overflows a clock.
const YEAR: Duration = Duration::from_secs(365 * 86_400);

const BYTES: [Unit; 9] = [
    ("TiB", 1 << 40),
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
    ("TB", 1_000_000_000_000),
    ("GB", 1_000_000_000),
    ("MB", 1_000_000),
    ("kB", 1_000),
    ("B", 1),
];

/// The longest payload a frame can announce (RFC 6455 §5.2).
const LARGEST_SIZE: u64 = i64::MAX as u64;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn shares_are_in_percent() {
        for (text, permille) in [("20%", 200), ("2.5%", 25), ("0%", 0), ("100%", 1_000)] {
            assert_eq!(parse_percent(text).unwrap(), permille, "{text}");
        }
        for bad in ["20", "%", "-1%", "100.1%", "1.25%", ".5%", "5.%", "a%", "1 %"] {
            assert!(parse_percent(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn durations_have_units() {
        for (text, millis) in [
            ("250ms", 250),
            ("10s", 10_000),
            ("5min", 300_000),
            ("1h", 3_600_000),
            ("1h30min", 5_400_000),
            ("365d", 31_536_000_000),
        ] {
            assert_eq!(parse_duration(text).unwrap(), Duration::from_millis(millis), "{text}");
        }
        for text in ["", "0s", "10", "s", "1m", "1.5h", "-1s", "1 s", "10s ", "366d", "99999999999999999999d", "1h30"] {
            assert!(parse_duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn sizes_have_units() {
        for (text, bytes) in
            [("500B", 500), ("64KiB", 65_536), ("1MiB", 1 << 20), ("2kB", 2_000), ("3GB", 3_000_000_000)]
        {
            assert_eq!(parse_size(text).unwrap(), bytes, "{text}");
        }
        for text in ["", "0B", "64", "64k", "64KB", "1MiB1B", "1.5MiB", "9999999TiB", "KiB", "1MiB "] {
            assert!(parse_size(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn durations_round_trip(millis in 1..=31_536_000_000_u64) {
            let duration = Duration::from_millis(millis);
            prop_assert_eq!(parse_duration(&write_duration(duration)).unwrap(), duration);
        }

        #[test]
        fn sizes_round_trip(size in 1..=LARGEST_SIZE, shift in 0..50_u32) {
            let size = (size >> shift << shift).max(1);
            prop_assert_eq!(parse_size(&write_size(size)).unwrap(), size);
        }

        #[test]
        fn no_text_panics(text in any::<String>()) {
            let _ = (parse_duration(&text), parse_size(&text));
        }
    }
}
