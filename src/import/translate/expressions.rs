//! Locations that are regular expressions: none becomes a route, but what one kept out is not let in.

/// The path of which everything below is what `expression` is for, and perhaps more; `None` where that cannot be told.
///
/// Only what begins with `^/` and goes on with plain letters up to the border of a segment.
pub(super) fn path_below(expression: &str) -> Option<String> {
    let mut rest = expression.strip_prefix('^').filter(|rest| rest.starts_with('/'))?.chars().peekable();
    let mut path = String::new();
    while let Some(c) = rest.peek().copied() {
        match c {
            '\\' => {
                rest.next();
                path.push(rest.next().filter(|escaped| !escaped.is_ascii_alphanumeric())?);
            }
            _ if c.is_ascii_alphanumeric() || "/-_".contains(c) => path.extend(rest.next()),
            _ => break,
        }
    }
    let rest: String = rest.collect();
    // What stands here may make the letter in front of it mean less.
    let is_whole = rest.is_empty() || path.ends_with('/') || rest.starts_with('$') || rest.starts_with("(/");
    if !is_whole || rest.starts_with(['?', '*', '+', '{']) {
        path.truncate(path.rfind('/')?);
    }
    let path = path.trim_end_matches('/');
    (!path.is_empty()).then(|| path.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_expression_is_for_is_below_a_path() {
        for (expression, path) in [
            ("^/admin", "/admin"),
            ("^/admin/", "/admin"),
            ("^/admin(/|$)", "/admin"),
            ("^/a/b\\.php$", "/a/b.php"),
            ("^/a/b/?$", "/a/b"),
            ("^/a/(b|c)", "/a"),
            ("^/a/b.*", "/a"),
            ("^/a/bc?d", "/a"),
        ] {
            assert_eq!(path_below(expression).as_deref(), Some(path), "{expression}");
        }
        for expression in ["/admin", "^/(a|b)", "\\.php$", "^/.*", "^(/a)", "^/\\d+", "^/ab?"] {
            assert_eq!(path_below(expression), None, "{expression}");
        }
    }
}
