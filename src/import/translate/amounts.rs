//! Times, sizes and rates, as nginx writes them.

use std::time::Duration;

use crate::config::write_duration;

/// The longest that a key takes.
const LONGEST: Duration = Duration::from_secs(365 * 86_400);

/// The most that a key which counts takes.
pub(super) const MOST: u64 = 1_000_000_000;

/// A time such as `30`, `1h 30m` or `500ms`; without a unit it is seconds. `None` for zero, for more than a year, and for what is none.
pub(super) fn time(text: &str) -> Option<Duration> {
    let mut total = Duration::ZERO;
    let mut rest = text.trim();
    while !rest.is_empty() {
        let (amount, unit, behind) = amount(rest)?;
        let worth = match unit {
            "ms" => Duration::from_millis(1),
            "s" | "" => Duration::from_secs(1),
            "m" => Duration::from_secs(60),
            "h" => Duration::from_secs(3_600),
            "d" => Duration::from_secs(86_400),
            "w" => Duration::from_secs(7 * 86_400),
            "M" => Duration::from_secs(30 * 86_400),
            "y" => Duration::from_secs(365 * 86_400),
            _ => return None,
        };
        total = total.checked_add(worth.checked_mul(u32::try_from(amount).ok()?)?)?;
        rest = behind.trim_start();
    }
    (Duration::ZERO < total && total <= LONGEST).then_some(total)
}

/// The same, as it is written here.
pub(super) fn written_time(text: &str) -> Option<String> {
    time(text).map(write_duration)
}

/// A size such as `512`, `8k`, `10m` or `1g`, in bytes.
pub(super) fn size(text: &str) -> Option<u64> {
    let (amount, unit, rest) = amount(text)?;
    let worth: u64 = match unit {
        "" => 1,
        "k" | "K" => 1 << 10,
        "m" | "M" => 1 << 20,
        "g" | "G" => 1 << 30,
        _ => return None,
    };
    if rest.is_empty() { amount.checked_mul(worth).filter(|size| i64::try_from(*size).is_ok()) } else { None }
}

pub(super) fn written_size(bytes: u64) -> String {
    let units = [("GiB", 1_u64 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10), ("B", 1)];
    let whole = units.into_iter().find(|(_, worth)| bytes >= *worth && bytes.is_multiple_of(*worth));
    whole.map_or_else(|| "1B".to_owned(), |(unit, worth)| format!("{}{unit}", bytes / worth))
}

/// A rate such as `10r/s` or `90r/m`, in whole requests a second, and no more than [`MOST`]; `None` for less than one.
pub(super) fn rate(text: &str) -> Option<u64> {
    let rate = match text.split_once("r/")? {
        (count, "s") => count.parse().ok()?,
        (count, "m") => count.parse::<u64>().ok()? / 60,
        _ => return None,
    };
    (rate > 0).then_some(rate.min(MOST))
}

fn amount(text: &str) -> Option<(u64, &str, &str)> {
    let (digits, rest) = text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()));
    let (unit, rest) = rest.split_at(rest.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(rest.len()));
    Some((digits.parse().ok()?, unit, rest))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn times_have_the_units_of_nginx() {
        for (text, written) in [
            ("60", "1min"),
            ("1h30m", "1h30min"),
            ("1h 30m", "1h30min"),
            ("500ms", "500ms"),
            ("1M", "30d"),
            ("1y", "365d"),
        ] {
            assert_eq!(written_time(text).unwrap(), written, "{text}");
        }
        for text in ["0", "", "h", "1x", "2y", "99999999999999999999", "$t", "-1"] {
            assert_eq!(time(text), None, "{text}");
        }
    }

    #[test]
    fn sizes_and_rates_are_read() {
        for (text, written) in [("10m", "10MiB"), ("1500", "1500B"), ("8K", "8KiB"), ("1024k", "1MiB"), ("2g", "2GiB")]
        {
            assert_eq!(written_size(size(text).unwrap()), written, "{text}");
        }
        assert_eq!((size("1t"), size("m"), size("99999999999g")), (None, None, None));
        assert_eq!(
            (rate("10r/s"), rate("120r/m"), rate("30r/m"), rate("r/s"), rate("5")),
            (Some(10), Some(2), None, None, None)
        );
    }

    proptest! {
        #[test]
        fn no_text_panics(text in any::<String>()) {
            let _ = (time(&text), size(&text), rate(&text));
        }
    }
}
