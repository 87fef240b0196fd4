//! `location`: which paths it is for.

use super::ledger::Reason;
use crate::config::has_dot_segments;
use crate::import::syntax::Directive;

/// Paths that can be said here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Location {
    /// As it is written: `/ws/`.
    pub(super) written: String,
    /// As a route has it: `/ws`.
    pub(super) path: String,
    pub(super) is_exact: bool,
}

impl Location {
    /// All paths of a server.
    pub(super) fn everything() -> Self {
        Self { written: "/".into(), path: "/".into(), is_exact: false }
    }

    /// What a `location` with these arguments is for.
    ///
    /// # Errors
    /// Why a route cannot be for that.
    pub(super) fn read(arguments: &[&str]) -> Result<Self, Reason> {
        let (modifier, path) = modifier_and_text(arguments).unwrap_or(("?", ""));
        match modifier {
            "" | "^~" | "=" if path.starts_with('@') => Err(Reason::new(
                "is reached from within nginx alone",
                "write what it does in the route that leads to it",
            )),
            "" | "^~" => Ok(Self { is_exact: false, ..Self::of(path)? }),
            "=" if path == "/" => Err(Reason::new(
                "the path \"/\" of a route is for everything below it",
                "let the application answer for it, or write the route that is meant for everything",
            )),
            "=" => Ok(Self { is_exact: true, ..Self::of(path)? }),
            "~" | "~*" => Err(Reason::new(
                "a path is a prefix, and no regular expression: what it took comes to the route of another path now, if there is one",
                "write a route with a `path` for each prefix that it stands for",
            )),
            _ => Err(Reason::new("is no path", "write `path` in [route.NAME]")),
        }
    }

    fn of(written: &str) -> Result<Self, Reason> {
        let encoded = encoded_text(written);
        let path = encoded.trim_end_matches('/');
        let is_plain = |c: char| c.is_ascii_graphic() && !"?#\"<>\\^`{|}*".contains(c);
        let has_segments = !path.split('/').skip(1).any(|segment| matches!(segment, "" | "." | ".."));
        if !encoded.starts_with('/') || !encoded.chars().all(is_plain) || !has_segments || has_dot_segments(&encoded) {
            return Err(Reason::new(
                "is no path that clients send",
                "write `path` in [route.NAME] as it is on the wire",
            ));
        }
        let path = if path.is_empty() { "/" } else { path };
        Ok(Self { written: written.to_owned(), path: path.to_owned(), is_exact: false })
    }
}

/// What stands before the path or the expression of a `location`, and that; they may be written as one word.
pub(super) fn modifier_and_text<'a>(arguments: &[&'a str]) -> Option<(&'a str, &'a str)> {
    match *arguments {
        [modifier, text] => Some((modifier, text)),
        [both] => {
            let modifiers = ["=", "^~", "~*", "~"].into_iter();
            modifiers.filter_map(|it| Some((it, both.strip_prefix(it)?))).next().or(Some(("", both)))
        }
        _ => None,
    }
}

/// Whether it is reached from another location alone.
pub(super) fn is_named(location: &Directive) -> bool {
    location.argument(0).is_some_and(|it| it.starts_with('@'))
}

/// `text` of a path as it is on the wire.
pub(super) fn encoded_text(text: &str) -> String {
    text.chars().map(encoded).collect()
}

/// nginx decodes paths before it looks for a location, and here they are as they were sent.
fn encoded(c: char) -> String {
    let mut bytes = [0; 4];
    match c {
        ' ' | '%' | '?' | '#' => c.encode_utf8(&mut bytes).bytes().map(|byte| format!("%{byte:02X}")).collect(),
        _ if c.is_ascii() => c.to_string(),
        _ => c.encode_utf8(&mut bytes).bytes().map(|byte| format!("%{byte:02X}")).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_and_exact_paths_are_paths_here() {
        for (arguments, path, is_exact) in [
            (&["/"][..], "/", false),
            (&["/ws/"], "/ws", false),
            (&["^~", "/socket.io/"], "/socket.io", false),
            (&["=", "/robots.txt"], "/robots.txt", true),
            (&["=/x"], "/x", true),
            (&["/a b"], "/a%20b", false),
            (&["/é"], "/%C3%A9", false),
        ] {
            let location = Location::read(arguments).unwrap();
            assert_eq!((location.path.as_str(), location.is_exact), (path, is_exact), "{arguments:?}");
        }
    }

    #[test]
    fn what_no_route_is_for_is_refused() {
        for arguments in [
            &["~", "\\.php$"][..],
            &["~*", "^/x"],
            &["~\\.php$"],
            &["@app"],
            &["=", "/"],
            &["x"],
            &["//x"],
            &["/a/../b"],
            &["/a*"],
            &[],
        ] {
            assert!(Location::read(arguments).is_err(), "{arguments:?}");
        }
    }
}
