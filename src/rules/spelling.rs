//! Other spellings of a path: what the laxest endpoint makes of it before it looks who is to serve it.
//!
//! Endpoints do not agree on what a path is: many decode it, some take a backslash for a slash, cut `;` and what follows off a segment, or
//! make one of two slashes. Each of these alone makes of a path without dot segments one whose tidied form is the same. So whoever
//! compares tidied paths has compared what any of them reads; of dot segments that is not so, nor of what some take for a host
//! (`//host/path`, RFC 3986 §4.2), and they are only told.

use std::borrow::Cow;

/// Whether a path has one spelling only: everybody reads it as it was sent.
pub fn is_plain(path: &str) -> bool {
    let mut before = 0;
    path.bytes().all(|byte| {
        let is_border = before == b'/' && matches!(byte, b'/' | b'.');
        before = byte;
        !is_border && !matches!(byte, b'%' | b'\\' | b';')
    })
}

/// A path, decoded once, with one slash between its segments and nothing behind those. Its dot segments stand where they stood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TidiedPath {
    text: String,
    has_dot_segments: bool,
    begins_with_host: bool,
}

impl TidiedPath {
    /// What a path comes to.
    pub fn of(path: &str) -> Self {
        let decoded = decoded(path);
        let decoded = String::from_utf8_lossy(&decoded);
        let mut tidied =
            Self { text: String::with_capacity(decoded.len() + 1), has_dot_segments: false, begins_with_host: false };
        for (at, segment) in decoded.split(['/', '\\']).enumerate() {
            let segment = segment.split(CUTS).next().unwrap_or_default();
            // The first stands before the first slash.
            tidied.begins_with_host |= at == 2 && tidied.text.is_empty();
            if !segment.is_empty() {
                tidied.text.push('/');
                tidied.text.push_str(segment);
                tidied.has_dot_segments |= matches!(segment, "." | "..");
            }
        }
        if tidied.text.is_empty() {
            tidied.text.push('/');
        }
        tidied
    }

    /// It begins with a slash, and ends with none unless that is all there is.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether some endpoint resolves a part of it: how much of it is then not known.
    pub fn has_dot_segments(&self) -> bool {
        self.has_dot_segments
    }

    /// Whether some endpoint takes its beginning for a host: where the path begins is then not known.
    pub fn begins_with_host(&self) -> bool {
        self.begins_with_host
    }

    /// Its segments; none of them is empty.
    pub fn segments(&self) -> impl Iterator<Item = &str> {
        self.text.split('/').filter(|segment| !segment.is_empty())
    }
}

/// `path` with what is percent-encoded decoded, once.
fn decoded(path: &str) -> Cow<'_, [u8]> {
    if !path.contains('%') {
        return Cow::Borrowed(path.as_bytes());
    }
    let (mut bytes, mut rest) = (Vec::with_capacity(path.len()), path.as_bytes());
    while let [byte, behind @ ..] = rest {
        let encoded = match behind {
            [high, low, behind @ ..] if *byte == b'%' => digit(*high).zip(digit(*low)).map(|it| (it, behind)),
            _ => None,
        };
        let (byte, behind) = encoded.map_or((*byte, behind), |((high, low), behind)| (high << 4 | low, behind));
        bytes.push(byte);
        rest = behind;
    }
    Cow::Owned(bytes)
}

fn digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

/// Some endpoint takes none of a segment from one of these on: it begins a parameter, a query, a fragment, or ends a text of C.
const CUTS: [char; 4] = [';', '?', '#', '\0'];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_path_is_plain_that_everybody_reads_alike() {
        for path in ["/", "/a", "/a/", "/a.b/c..", "/a/b.js", "/é:@!$&'()*+,=~_-", "*", ""] {
            assert!(is_plain(path), "{path}");
        }
        for path in ["//", "/a//b", "/./a", "/a/..", "/.well-known", "/%61", "/a;b", "/a\\b"] {
            assert!(!is_plain(path), "{path}");
        }
    }

    #[test]
    fn a_path_is_tidied_as_the_laxest_endpoint_does() {
        for (path, tidied) in [
            ("/", "/"),
            ("//", "/"),
            ("/;", "/"),
            ("//admin", "/admin"),
            ("/admin//", "/admin"),
            ("/%61dmin", "/admin"),
            ("/%2561dmin", "/%61dmin"),
            ("/admin;x=1/y;z", "/admin/y"),
            ("/admin%3bx/y", "/admin/y"),
            ("/admin%3fx/y%23", "/admin/y"),
            ("/admin%00.js", "/admin"),
            ("/;x/admin", "/admin"),
            ("\\admin", "/admin"),
            ("/%5cadmin", "/admin"),
            ("/%2fadmin%2F%78", "/admin/x"),
            ("/a%20b/%c3%a9", "/a b/é"),
            ("/%", "/%"),
            ("/%zz", "/%zz"),
            ("/...", "/..."),
        ] {
            let of = TidiedPath::of(path);
            assert_eq!((of.as_str(), of.has_dot_segments()), (tidied, false), "{path}");
        }
    }

    #[test]
    fn dot_segments_are_told_and_stay() {
        for (path, tidied) in [
            ("/x/../admin", "/x/../admin"),
            ("/x/..;/admin", "/x/../admin"),
            ("/x\\..\\admin", "/x/../admin"),
            ("/x%2f%2e%2E%5cadmin", "/x/../admin"),
            ("/./x", "/./x"),
            ("/x/..%3fy", "/x/.."),
        ] {
            let of = TidiedPath::of(path);
            assert_eq!((of.as_str(), of.has_dot_segments()), (tidied, true), "{path}");
        }
    }

    #[test]
    fn what_some_take_for_a_host_is_told() {
        for path in ["//x/admin", "/\\x/admin", "///x", "//", "\\\\x", "/%2fx", "%5c/x", "/;/x", "/%00/x"] {
            assert!(TidiedPath::of(path).begins_with_host(), "{path}");
        }
        for path in ["/", "/x//admin", "/x", "/;", ""] {
            assert!(!TidiedPath::of(path).begins_with_host(), "{path}");
        }
    }

    proptest! {
        #[test]
        fn what_was_tidied_stays(path in "/([ab./\\\\;?#]|%2[EeFf35]|%5[cC]|%3[bB]|%61|%|%00){0,14}") {
            let once = TidiedPath::of(&path);
            // What was encoded twice is decoded by each reading once.
            prop_assume!(!once.as_str().contains('%'));
            let twice = TidiedPath::of(once.as_str());
            prop_assert_eq!(twice.as_str(), once.as_str());
            prop_assert_eq!(twice.has_dot_segments(), once.has_dot_segments());
            prop_assert!(once.segments().all(|segment| !segment.contains(['/', '\\', ';', '?', '#', '\0'])));
        }

        #[test]
        fn a_plain_path_is_only_rid_of_the_slash_at_its_end(path in "(/[a-z][a-z.]{0,4}){0,4}/?") {
            let path = if path.is_empty() { "/".to_owned() } else { path };
            prop_assert!(is_plain(&path));
            let tidied = TidiedPath::of(&path);
            prop_assert!(!tidied.has_dot_segments());
            let expected = if path == "/" { "/" } else { path.strip_suffix('/').unwrap_or(&path) };
            prop_assert_eq!(tidied.as_str(), expected);
        }
    }
}
