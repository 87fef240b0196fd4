//! Paths of routes: prefixes, and what somebody meant who wrote something else.

use super::syntax::{Syntax, SyntaxError};
use crate::ranges::text_within;

/// The prefix that a route serves.
pub(super) const PATH: Syntax<String> =
    Syntax { noun: "a path", example: r#""/" or "/ws""#, unit: "", parse: parse_path };

/// What takes the place of a prefix; `/` takes that off.
pub(super) const NEW_PREFIX: Syntax<String> =
    Syntax { noun: "a path", example: r#""/" or "/new""#, unit: "", parse: parse_path };

/// A whole path that clients are sent to: unlike a prefix, it may end with a slash.
pub(super) const PATH_OF_PLACE: Syntax<String> =
    Syntax { noun: "a path", example: r#""/" or "/start/""#, unit: "", parse: parse_path_of_place };

fn parse_path_of_place(text: &str) -> Result<String, SyntaxError> {
    let path = parse_path(text)?;
    Ok(if text.ends_with('/') && path != "/" { path + "/" } else { path })
}

fn parse_path(text: &str) -> Result<String, SyntaxError> {
    if let Some(path) = valid(text) {
        return Ok(path);
    }
    let write = format!("write {:?}", meant(text));
    let below = format!("a path serves everything below it: {write}");
    let wrong = text.chars().find(|c| !is_plain(*c));
    Err(match wrong {
        _ if text.contains("://") => SyntaxError::new(format!("{text:?} is a URL"), write),
        _ if begins_like_an_expression(text) || text.contains(['\\', '|']) || text.contains(".*") => {
            SyntaxError::new(format!("{text:?} is a regular expression, and a path is none"), below)
        }
        _ if text.contains('*') => SyntaxError::new(format!("{text:?} has a wildcard"), below),
        _ if text.contains(['{', '}']) => SyntaxError::new(format!("{text:?} has a placeholder"), below),
        _ if !text.starts_with('/') => SyntaxError::new(format!("{text:?} does not start with a slash"), write),
        Some('?' | '#') => SyntaxError::new(
            format!("{text:?} has a query or a fragment, which no route looks at"),
            format!("write the path alone: {:?}", meant(text)),
        ),
        Some(wrong) => SyntaxError::new(
            format!("{text:?} has {wrong:?} in it, which no path on the wire has"),
            format!("{write}, percent-encoded as clients send it"),
        ),
        None => SyntaxError::new(format!("{text:?} has an empty, `.` or `..` segment"), write),
    })
}

/// What somebody meant who wrote a path that is valid and yet looks like a pattern: it is taken word for word.
pub(super) fn pattern(path: &str) -> Option<String> {
    let is_group =
        |open: char, close: char| path.find(open).is_some_and(|at| path.get(at..).is_some_and(|it| it.contains(close)));
    let is_pattern = path.ends_with('$') || is_group('(', ')') || is_group('[', ']') || path.contains("/:");
    is_pattern.then(|| meant(path))
}

/// Whether `path` is below `above`, on a border of segments, or is it.
pub(super) fn is_below(path: &str, above: &str) -> bool {
    match path.strip_prefix(above.trim_end_matches('/')) {
        Some(rest) => path != "/" && (rest.is_empty() || rest.starts_with('/')),
        None => false,
    }
}

fn valid(text: &str) -> Option<String> {
    let trimmed = text.trim_end_matches('/');
    let is_sound = text.starts_with('/') && text.chars().all(|c| is_plain(c) && c != '*');
    let has_segments = !trimmed.split('/').skip(1).any(|segment| matches!(segment, "" | "." | ".."));
    (is_sound && has_segments).then(|| if trimmed.is_empty() { "/".into() } else { trimmed.into() })
}

/// Whether it stands in paths on the wire (RFC 3986 §3.3), or is let through there.
fn is_plain(c: char) -> bool {
    c.is_ascii_graphic() && !"?#\"<>\\^`{|}".contains(c)
}

fn begins_like_an_expression(text: &str) -> bool {
    text.starts_with(['^', '~', '='])
}

/// The path that `text` most likely means: always a valid one.
fn meant(text: &str) -> String {
    let path = match text.split_once("://") {
        Some((_, rest)) => rest.find('/').and_then(|slash| rest.get(slash..)).unwrap_or("/"),
        None => text,
    };
    let path = path.trim_start_matches(['^', '~', '=', '*', ' ']);
    let cut = path.find(['*', '?', '#', '(', '[', '{', '|', '\\', '^', '$', '<', '"']).unwrap_or(path.len());
    let named = path.find("/:").unwrap_or(path.len());
    let prefix = text_within(path, ..cut.min(named));
    let prefix = if prefix.len() < path.len() { prefix.trim_end_matches(['.', '-', '_', '+']) } else { prefix };
    let mut segments = Vec::new();
    for segment in prefix.split('/') {
        match segment {
            "" | "." => {}
            ".." => drop(segments.pop()),
            segment => segments.push(encoded(segment)),
        }
    }
    format!("/{}", segments.join("/"))
}

fn encoded(segment: &str) -> String {
    let write =
        |byte: u8| if is_plain(char::from(byte)) { char::from(byte).to_string() } else { format!("%{byte:02X}") };
    segment.bytes().map(write).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn paths_end_without_a_slash() {
        for (written, path) in [("/", "/"), ("/ws", "/ws"), ("/ws/", "/ws"), ("/a/b%20c/", "/a/b%20c")] {
            assert_eq!(parse_path(written).unwrap(), path, "{written}");
        }
    }

    #[test]
    fn what_was_meant_is_a_prefix() {
        for (written, path) in [
            ("^/ws", "/ws"),
            ("~ ^/ws/.*$", "/ws"),
            ("~* \\.(png|jpg)$", "/"),
            ("/ws/.*", "/ws"),
            ("/ws.*", "/ws"),
            ("/ws/*", "/ws"),
            ("ws/*", "/ws"),
            ("/ws/?", "/ws"),
            ("/ws?room=1", "/ws"),
            ("/(a|b)/c", "/"),
            ("/rooms/{id}/ws", "/rooms"),
            ("/rooms/\\d+", "/rooms"),
            ("= /ws", "/ws"),
            ("/a b/é", "/a%20b/%C3%A9"),
            ("/a//b", "/a/b"),
            ("/a/../../b/.", "/b"),
            ("https://chat.example.com/ws/", "/ws"),
            ("https://chat.example.com", "/"),
            ("", "/"),
        ] {
            assert_eq!(meant(written), path, "{written}");
            let hint = parse_path(written).unwrap_err().hint.unwrap();
            assert!(hint.contains(&format!("{path:?}")), "{written}: {hint}");
        }
    }

    #[test]
    fn patterns_that_are_valid_paths_are_found() {
        for (written, path) in [("/ws$", "/ws"), ("/ws/[0-9]+", "/ws"), ("/(chat)", "/"), ("/rooms/:id/ws", "/rooms")] {
            assert!(parse_path(written).is_ok());
            assert_eq!(pattern(written).as_deref(), Some(path), "{written}");
        }
        for written in ["/", "/ws", "/a:b", "/a$b", "/a+b", "/a.b"] {
            assert_eq!(pattern(written), None, "{written}");
        }
    }

    proptest! {
        #[test]
        fn what_was_meant_is_always_valid(text in any::<String>()) {
            let path = meant(&text);
            prop_assert_eq!(parse_path(&path).unwrap(), path);
        }

        #[test]
        fn what_was_meant_by_a_pattern_is_always_valid(text in "[~^= /a.*+?()\\[\\]{}|$\\\\:#-]{0,20}") {
            let path = meant(&text);
            prop_assert_eq!(parse_path(&path).unwrap(), path);
        }
    }
}
