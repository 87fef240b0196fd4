//! Texts and numbers as they stand in a frame: harmless, and of the width that there is.

use ratatui::text::Span;

pub(super) use crate::log::harmless;

/// On which side a cell has its blanks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    /// Words begin at the left.
    Left,
    /// Numbers end at the right.
    Right,
}

/// How many columns of a terminal a text takes.
pub(super) fn width(text: &str) -> usize {
    Span::raw(text).width()
}

/// The text in exactly so many columns: what is too long ends in `…`.
pub(super) fn fit(text: &str, columns: usize, side: Side) -> String {
    let has = width(text);
    if has <= columns {
        let blanks = " ".repeat(columns - has);
        return if side == Side::Left { text.to_owned() + &blanks } else { blanks + text };
    }
    if columns == 0 {
        return String::new();
    }
    let (mut cut, mut taken) = (String::new(), 0);
    for character in text.chars() {
        let next = width(character.encode_utf8(&mut [0; 4]));
        if taken + next >= columns {
            break;
        }
        taken += next;
        cut.push(character);
    }
    cut + "…" + &" ".repeat(columns - taken - 1)
}

/// A number in a few characters: 9999, 12.3k, 4.5M.
#[expect(clippy::cast_precision_loss, reason = "people read it")]
pub(super) fn number(count: u64) -> String {
    match count {
        0..10_000 => count.to_string(),
        10_000..1_000_000 => format!("{:.1}k", count as f64 / 1e3),
        1_000_000..1_000_000_000 => format!("{:.1}M", count as f64 / 1e6),
        _ => format!("{:.1}G", count as f64 / 1e9),
    }
}

/// How many a second: 0, 0.4, 12, 3400.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is rounded, and never negative")]
pub(super) fn rate(per_second: f64) -> String {
    if per_second > 0.0 && per_second < 9.95 { format!("{per_second:.1}") } else { number(per_second.round() as u64) }
}

/// How many bytes a second.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is rounded, and never negative")]
pub(super) fn byte_rate(per_second: f64) -> String {
    crate::cli::amounts::bytes(per_second.round() as u64)
}

/// A time in a narrow column: 59s, 59m, 23h59m, 12d3h.
pub(super) fn short_time(seconds: u64) -> String {
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3600 => format!("{}m{:02}s", seconds / 60, seconds % 60),
        3600..86400 => format!("{}h{:02}m", seconds / 3600, seconds % 3600 / 60),
        _ => format!("{}d{:02}h", seconds / 86400, seconds % 86400 / 3600),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_does_not_fit_is_cut_and_says_so() {
        assert_eq!(fit("chat", 6, Side::Left), "chat  ");
        assert_eq!(fit("12", 4, Side::Right), "  12");
        assert_eq!(fit("endpoint", 5, Side::Left), "endp…");
        assert_eq!(fit("漢字漢字", 4, Side::Left), "漢… ");
        assert_eq!(fit("endpoint", 0, Side::Left), "");
    }

    #[test]
    fn numbers_are_short() {
        assert_eq!([9_999, 12_345, 4_500_000].map(number), ["9999", "12.3k", "4.5M"]);
        assert_eq!([0.0, 0.44, 9.96, 3400.4].map(rate), ["0", "0.4", "10", "3400"]);
        assert_eq!([59, 61, 3_700, 90_000].map(short_time), ["59s", "1m01s", "1h01m", "1d01h"]);
    }

    proptest! {
        #[test]
        fn whatever_it_is_it_has_its_width(text in "\\PC*", columns in 0_usize..40) {
            let text = harmless(&text);
            prop_assert_eq!(width(&fit(&text, columns, Side::Left)), columns);
            prop_assert_eq!(width(&fit(&text, columns, Side::Right)), columns);
        }
    }
}
