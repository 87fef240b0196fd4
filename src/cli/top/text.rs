//! Texts and numbers as they stand in a frame: harmless, and of the width that there is.

use ratatui::style::Style;
use ratatui::text::{Line, Span};

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

/// The text in lines of so many columns at the most: broken between words, and within one that is longer than a line.
pub(super) fn wrapped(text: &str, columns: usize) -> Vec<String> {
    let columns = columns.max(1);
    let (mut lines, mut line, mut taken) = (Vec::new(), String::new(), 0);
    for word in text.split_inclusive(' ') {
        // The blank behind a word may stand beyond the edge.
        if taken > 0 && taken + width(word.trim_end()) > columns {
            lines.push(std::mem::take(&mut line));
            taken = 0;
        }
        for character in word.chars() {
            let next = width(character.encode_utf8(&mut [0; 4]));
            if taken > 0 && taken + next > columns {
                if character == ' ' {
                    continue;
                }
                lines.push(std::mem::take(&mut line));
                taken = 0;
            }
            taken += next;
            line.push(character);
        }
    }
    lines.push(line);
    lines.into_iter().map(|line: String| line.trim_end().to_owned()).collect()
}

/// The same, to be drawn.
pub(super) fn lines(text: &str, style: Style, columns: usize) -> Vec<Line<'static>> {
    wrapped(text, columns).into_iter().map(|line| Line::styled(line, style)).collect()
}

/// A number in a few characters: 9999, 12.3k, 4.5M.
#[expect(clippy::cast_precision_loss, reason = "people read it")]
pub(super) fn number(count: u64) -> String {
    match count {
        0..10_000 => count.to_string(),
        10_000..999_950 => format!("{:.1}k", count as f64 / 1e3),
        999_950..999_950_000 => format!("{:.1}M", count as f64 / 1e6),
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
    fn what_is_too_long_for_a_line_goes_on_in_the_next() {
        assert_eq!(wrapped("no endpoint of chat", 11), ["no endpoint", "of chat"]);
        assert_eq!(wrapped("/run/windlass", 5), ["/run/", "windl", "ass"]);
        assert_eq!(wrapped("a /run/windlass", 5), ["a", "/run/", "windl", "ass"]);
        assert_eq!(wrapped("漢字漢", 3), ["漢", "字", "漢"]);
        assert_eq!(wrapped("", 5), [""]);
    }

    #[test]
    fn numbers_are_short() {
        assert_eq!([9_999, 12_345, 4_500_000].map(number), ["9999", "12.3k", "4.5M"]);
        assert_eq!([999_949, 999_950, 999_949_999, 999_950_000].map(number), ["999.9k", "1.0M", "999.9M", "1.0G"]);
        assert_eq!([0.0, 0.44, 9.96, 3400.4].map(rate), ["0", "0.4", "10", "3400"]);
        assert_eq!([59, 61, 3_700, 90_000].map(short_time), ["59s", "1m01s", "1h01m", "1d01h"]);
    }

    proptest! {
        #[test]
        fn a_wrapped_text_is_whole_and_no_line_too_wide(text in "[a-z漢 ]{0,60}", columns in 2_usize..20) {
            let lines = wrapped(&text, columns);
            prop_assert!(lines.iter().all(|line| width(line.trim_end()) <= columns), "{:?}", lines);
            let words = |text: &str| text.replace(' ', "");
            prop_assert_eq!(words(&lines.concat()), words(&text));
        }

        #[test]
        fn whatever_it_is_it_has_its_width(text in "\\PC*", columns in 0_usize..40) {
            let text = harmless(&text);
            prop_assert_eq!(width(&fit(&text, columns, Side::Left)), columns);
            prop_assert_eq!(width(&fit(&text, columns, Side::Right)), columns);
        }
    }
}
