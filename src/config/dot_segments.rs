//! Paths that an endpoint may resolve to somewhere else than where they were matched.
//!
//! A route is found by the path as it was sent. Most endpoints resolve `..` before they look at a path, many read `%2e` as a
//! dot and `%2f` as a slash before they do, some a backslash as a slash, and some cut `;` and what follows off a segment
//! first: to each of them `/public/..;/admin` is another path than to whoever compared it with `/public`.

/// Whether `path` has a segment that some endpoint takes for `.` or `..` (RFC 3986 §3.3), or a backslash, plain or encoded.
///
/// What is encoded twice counts as any other text: whoever decodes a path twice has given up telling paths apart.
pub fn has_dot_segments(path: &str) -> bool {
    let mut segment = Segment::Dots(0);
    let mut rest = path.as_bytes();
    while let Some((byte, behind)) = next(rest) {
        rest = behind;
        segment = match (byte, segment) {
            (b'\\', _) => return true,
            (b'/', _) if segment.is_dots() => return true,
            (b'/', _) => Segment::Dots(0),
            (b'.', Segment::Dots(count)) => Segment::Dots(count.saturating_add(1)),
            (b';', Segment::Dots(_)) if segment.is_dots() => return true,
            _ => Segment::Other,
        };
    }
    segment.is_dots()
}

/// What a segment has shown of itself so far.
#[derive(Clone, Copy)]
enum Segment {
    /// Nothing but so many dots.
    Dots(u8),
    /// Something else.
    Other,
}

impl Segment {
    fn is_dots(self) -> bool {
        matches!(self, Self::Dots(1 | 2))
    }
}

/// The first character of `path`, decoded where that makes it one that borders or makes up a dot segment, and what follows.
fn next(path: &[u8]) -> Option<(u8, &[u8])> {
    let (&first, behind) = path.split_first()?;
    if let (b'%', [high, low, rest @ ..]) = (first, behind) {
        let decoded = match (high, low.to_ascii_lowercase()) {
            (b'2', b'e') => b'.',
            (b'2', b'f') => b'/',
            (b'3', b'b') => b';',
            (b'5', b'c') => b'\\',
            _ => return Some((first, behind)),
        };
        return Some((decoded, rest));
    }
    Some((first, behind))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_spelling_of_a_dot_segment_is_found() {
        for path in [
            "/a/../b",
            "/a/./b",
            "/a/..",
            "/a/.",
            "/..",
            "/../a",
            "/a//../../b",
            "/a/%2e%2e/b",
            "/a/.%2E/b",
            "/a/%2e/b",
            "/a/..%2fb",
            "/a/..%2Fb",
            "/a%2f..%2fb",
            "/a/%2e%2E%2fb",
            "/a/..;/b",
            "/a/..;x=1/b",
            "/a/.;/b",
            "/a/..%3b/b",
            "/a/..%3B",
            "/a/x\\y",
            "/a/..\\b",
            "/a/%5c",
            "/a/x%5C..%5Cb",
            "/a/..;",
        ] {
            assert!(has_dot_segments(path), "{path}");
        }
    }

    #[test]
    fn dots_that_are_part_of_a_name_are_none() {
        for path in [
            "",
            "/",
            "//",
            "/a",
            "/a/",
            "/a//b",
            "/.well-known/x",
            "/a..b/c",
            "/..a",
            "/a..",
            "/...",
            "/a/.../b",
            "/x.js",
            "/a%2fb",
            "/a;..",
            "/a;x=../b;y",
            "/%252e%252e/a",
            "/%2",
            "/%",
            "/%e",
            "/a%20b/%2ea",
            "/a/;/b",
            "/a/%2e%2e%2e",
        ] {
            assert!(!has_dot_segments(path), "{path}");
        }
    }

    /// What a path comes to where dots, slashes, backslashes and semicolons are decoded first.
    fn segments(path: &str) -> Vec<String> {
        let mut path = path.to_ascii_lowercase();
        for (encoded, plain) in [("%2e", "."), ("%2f", "/"), ("%5c", "\\"), ("%3b", ";")] {
            path = path.replace(encoded, plain);
        }
        let cut = |segment: &str| segment.split(';').next().unwrap().to_owned();
        path.split(['/', '\\']).map(cut).collect()
    }

    proptest! {
        #[test]
        fn what_passes_resolves_to_itself(path in "/([a./\\\\;]|%2[EeFf]|%5[cC]|%3[bB]|%){0,12}") {
            let is_dots = segments(&path).iter().any(|segment| segment == "." || segment == "..");
            let has_backslash = path.contains('\\') || path.to_ascii_lowercase().contains("%5c");
            // Decoding in one pass and decoding one after the other differ where a percent sign stands before another.
            prop_assume!(!path.contains("%%"));
            prop_assert_eq!(has_dot_segments(&path), is_dots || has_backslash);
        }
    }
}
