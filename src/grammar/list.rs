//! Header fields that are comma-separated lists (RFC 9110 §5.6.1), over one line or several.

use http::{HeaderMap, HeaderName};

/// The members of every line of the field `name`, in order, trimmed, the empty ones left out (RFC 9110 §5.6.1.2).
///
/// Each member is judged by itself: a byte that is no ASCII makes the member that has it one that nobody knows, and says
/// nothing of the others in its line. Else a client could hide `close` or `Negotiate` behind it. Quoted strings are not known
/// here.
pub fn members<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'a [u8]> {
    let lines = headers.get_all(name).into_iter();
    lines
        .flat_map(|line| line.as_bytes().split(|&byte| byte == b','))
        .map(<[u8]>::trim_ascii)
        .filter(|member| !member.is_empty())
}

/// Whether the field `name` has `token` among its members, in any case of letters.
pub fn has_member(headers: &HeaderMap, name: &HeaderName, token: &str) -> bool {
    members(headers, name).any(|member| member.eq_ignore_ascii_case(token.as_bytes()))
}

/// Splits a line at every `separator` outside of quoted strings (RFC 9110 §5.6.4).
pub fn split_unquoted(line: &[u8], separator: u8) -> impl Iterator<Item = &[u8]> {
    let mut quoting = Quoting::default();
    line.split(move |&byte| {
        quoting.note(byte);
        byte == separator && !quoting.is_quoted
    })
}

/// Whether a quoted string begins in a line that does not end there: what is written behind it would belong to that.
pub fn ends_in_quotes(line: &[u8]) -> bool {
    let mut quoting = Quoting::default();
    line.iter().for_each(|byte| quoting.note(*byte));
    quoting.is_quoted
}

/// Where in a line one is.
#[derive(Default)]
struct Quoting {
    is_quoted: bool,
    /// Behind a backslash in a quoted string.
    is_escaped: bool,
}

impl Quoting {
    fn note(&mut self, byte: u8) {
        if self.is_escaped {
            self.is_escaped = false;
        } else if byte == b'"' {
            self.is_quoted = !self.is_quoted;
        } else {
            self.is_escaped = self.is_quoted && byte == b'\\';
        }
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use http::header::CONNECTION;
    use proptest::prelude::*;

    use super::*;

    fn headers(lines: &[&str]) -> HeaderMap {
        lines.iter().map(|line| (CONNECTION, HeaderValue::from_bytes(line.as_bytes()).unwrap())).collect()
    }

    #[test]
    fn lists_go_on_over_lines() {
        let headers = headers(&["keep-alive,\tUPGRADE ", "", ", ,", "close"]);
        let found: Vec<_> = members(&headers, &CONNECTION).collect();
        assert_eq!(found, [&b"keep-alive"[..], b"UPGRADE", b"close"]);
        assert!(has_member(&headers, &CONNECTION, "upgrade"));
        assert!(!has_member(&headers, &CONNECTION, "up"));
    }

    #[test]
    fn what_is_no_ascii_hides_nothing_beside_it() {
        let headers = headers(&["a , b", "\u{fc}, c", ",d,,", "e\u{fc}"]);
        let found: Vec<_> = members(&headers, &CONNECTION).collect();
        assert_eq!(found, [&b"a"[..], b"b", "\u{fc}".as_bytes(), b"c", b"d", "e\u{fc}".as_bytes()]);
        assert!(has_member(&headers, &CONNECTION, "c"));
        assert!(!has_member(&headers, &CONNECTION, "e"));
    }

    #[test]
    fn a_separator_in_a_quoted_string_separates_nothing() {
        for (line, parts) in [
            ("a;b", &["a", "b"][..]),
            ("a=\"b;c\";d", &["a=\"b;c\"", "d"]),
            ("a=\"\\\";b\";c", &["a=\"\\\";b\"", "c"]),
            ("a\\;b", &["a\\", "b"]),
            ("\"a;b", &["\"a;b"]),
            ("", &[""]),
        ] {
            let found: Vec<_> = split_unquoted(line.as_bytes(), b';').collect();
            assert_eq!(found, parts.iter().map(|part| part.as_bytes()).collect::<Vec<_>>(), "{line}");
        }
    }

    #[test]
    fn a_quoted_string_may_have_no_end() {
        for (line, is_open) in
            [("", false), ("a", false), ("\"a\"", false), ("\"a", true), ("\"a\\\"", true), ("\"a\\\\\"", false)]
        {
            assert_eq!(ends_in_quotes(line.as_bytes()), is_open, "{line}");
        }
    }

    proptest! {
        #[test]
        fn parts_and_their_separators_are_the_whole_line(line: Vec<u8>) {
            prop_assert_eq!(split_unquoted(&line, b',').collect::<Vec<_>>().join(&b','), line);
        }
    }
}
