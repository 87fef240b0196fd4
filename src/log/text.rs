//! Text of others, made harmless: nothing in it ends a line or a field, or moves what stands beside it.

use std::fmt::{self, Write};

/// Writes text in double quotes, as a string of JSON, with an escape for everything that is odd.
pub(super) fn write_quoted(out: &mut String, text: &str) {
    out.push('"');
    for character in text.chars() {
        write_escaped(out, character);
    }
    out.push('"');
}

/// Writes the value of a logfmt field: as it is, where that is one plain word, and in quotes where it is not.
pub(super) fn write_value(out: &mut String, text: &str) {
    let is_word = !text.is_empty() && !text.chars().any(|c| c == ' ' || c == '=' || c == '"' || c == '\\' || is_odd(c));
    if is_word { out.push_str(text) } else { write_quoted(out, text) }
}

/// Writes text as one line without quotes, with an escape for everything that is odd, and for a backslash.
pub(super) fn write_harmless(out: &mut String, text: &str) {
    for character in text.chars() {
        match character {
            '"' => out.push('"'),
            character => write_escaped(out, character),
        }
    }
}

/// The same text as one line, with an escape for everything that is odd: for what somebody reads elsewhere than in the log.
pub fn harmless(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    write_harmless(&mut out, text);
    out
}

/// Writes several lines for a reader at a terminal, `before` each of them what sets it apart, harmless otherwise.
pub(super) fn write_below(out: &mut String, lines: &str, before: &str) {
    for line in lines.lines() {
        out.push_str(before);
        line.chars()
            .for_each(|character| if is_odd(character) { write_unicode(out, character) } else { out.push(character) });
    }
}

fn write_escaped(out: &mut String, character: char) {
    match character {
        '"' => out.push_str("\\\""),
        '\\' => out.push_str("\\\\"),
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        character if is_odd(character) => write_unicode(out, character),
        character => out.push(character),
    }
}

fn write_unicode(out: &mut String, character: char) {
    for unit in character.encode_utf16(&mut [0; 2]) {
        // A string takes everything.
        let _: fmt::Result = write!(out, "\\u{unit:04x}");
    }
}

/// Whether a character is seen as something else than itself: it controls a terminal (C0, DEL, C1), ends a line, turns the
/// direction of what follows, or is not seen at all (Unicode's format characters, general category Cf, and its fillers).
fn is_odd(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{ad}' | '\u{34f}' | '\u{600}'..='\u{605}' | '\u{61c}' | '\u{6dd}' | '\u{70f}' | '\u{890}'..='\u{891}'
                | '\u{8e2}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}' | '\u{180b}'..='\u{180f}'
                | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{feff}'
                | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{110bd}' | '\u{110cd}' | '\u{13430}'..='\u{1343f}'
                | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}'
        )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn quoted(text: &str) -> String {
        let mut out = String::new();
        write_quoted(&mut out, text);
        out
    }

    fn value(text: &str) -> String {
        let mut out = String::new();
        write_value(&mut out, text);
        out
    }

    #[test]
    fn what_controls_turns_or_hides_is_escaped() {
        let controls = (0..=0x1f).chain(0x7f..=0x9f);
        let turns = (0x202a..=0x202e).chain(0x2066..=0x2069).chain([0x200e, 0x200f, 0x061c]);
        let ends_and_hides = [0x2028, 0x2029, 0xfeff, 0x200b, 0x200d, 0xad, 0xe0041];
        for code in controls.chain(turns).chain(ends_and_hides) {
            let text = format!("a{}b", char::from_u32(code).unwrap());
            for shown in [quoted(&text), value(&text)] {
                assert!(shown.is_ascii() && !shown.contains(char::is_control), "{code:x}: {shown:?}");
                assert_eq!(serde_json::from_str::<String>(&shown).unwrap(), text, "{code:x}");
            }
            let mut below = String::new();
            write_below(&mut below, &text, "\n    ");
            assert!(below.is_ascii() && !below.replace('\n', "").contains(char::is_control), "{code:x}: {below:?}");
        }
        assert_eq!(quoted("\u{9b}\u{202e}\u{e0041}"), r#""\u009b\u202e\udb40\udc41""#);
    }

    #[test]
    fn plain_words_stand_as_they_are() {
        assert_eq!(quoted("grüße 漢字 🦀"), "\"grüße 漢字 🦀\"");
        for word in ["chat", "10.0.0.1:80", "/a/b?", "größe", "[::1]:443"] {
            assert_eq!(value(word), word);
        }
        for (text, shown) in
            [("", r#""""#), ("a b", r#""a b""#), ("a=b", r#""a=b""#), ("a\"b", r#""a\"b""#), ("a\\b", r#""a\\b""#)]
        {
            assert_eq!(value(text), shown);
        }
    }

    proptest! {
        #[test]
        fn every_text_is_one_string_of_json(text: String) {
            prop_assert_eq!(serde_json::from_str::<String>(&quoted(&text)).unwrap(), text.clone());
            let shown = value(&text);
            prop_assert!(shown == text || serde_json::from_str::<String>(&shown).unwrap() == text);
            prop_assert!(shown != text || !shown.contains([' ', '"', '=', '\n']));
            let mut harmless = String::new();
            write_harmless(&mut harmless, &text);
            prop_assert!(!harmless.contains(is_odd), "{:?}", harmless);
            let quoted = format!("\"{}\"", harmless.replace('"', "\\\""));
            prop_assert_eq!(serde_json::from_str::<String>(&quoted).unwrap(), text);
        }
    }
}
