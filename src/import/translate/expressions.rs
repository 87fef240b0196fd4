//! Locations that are regular expressions: none becomes a route, but what one kept out is not let in.

/// What is known of the paths that an expression takes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Taken {
    /// All of them begin so; empty where that is not known.
    pub(super) beginning: String,
    /// Whether all of them are this path and what is below it.
    pub(super) is_below: bool,
    /// Whether all that is below that path is taken.
    is_whole: bool,
}

/// What stands behind a path of which all is taken.
const WHOLE: [&str; 6] = ["", "$", "(/|$)", "(?:/|$)", ".*", ".*$"];

impl Taken {
    pub(super) fn by(expression: &str) -> Self {
        let Some((mut text, rest)) = literal(expression) else { return Self::default() };
        let is_whole = WHOLE.contains(&rest.as_str()) || (rest == "?$" && text.ends_with('/'));
        // What stands here may make the letter in front of it mean less.
        if rest.starts_with(['?', '*', '+', '{']) {
            text.pop();
        }
        let has_border = ["$", "(/|$)", "(?:/|$)"].iter().any(|border| rest.starts_with(border));
        let is_below = text != "/" && (text.ends_with('/') || has_border || rest == "?$" && is_whole);
        Self { beginning: text, is_below, is_whole }
    }

    /// The path whose route is closed for it: all that is there is taken.
    pub(super) fn path(&self) -> Option<&str> {
        Some(self.beginning.trim_end_matches('/')).filter(|path| self.is_whole && !path.is_empty())
    }

    /// Whether a path that it takes may come to a route for `path`, where `is_route` says whether there is one for its own.
    pub(super) fn may_come_to(&self, path: &str, is_route: impl Fn(&str) -> bool) -> bool {
        if path == "/" || self.beginning.is_empty() {
            return !(self.is_below && is_route(self.beginning.trim_end_matches('/')));
        }
        let (beginning, path) = (self.beginning.to_ascii_lowercase(), path.to_ascii_lowercase());
        let own = beginning.trim_end_matches('/');
        let is_at_or_below = path.starts_with(&beginning) || path == own;
        let is_around = beginning.starts_with(&format!("{path}/"));
        is_at_or_below || (is_around && !(self.is_below && is_route(self.beginning.trim_end_matches('/'))))
    }
}

/// The plain text that `expression` begins with, and what stands behind it; `None` where it takes what begins otherwise, too.
fn literal(expression: &str) -> Option<(String, String)> {
    let mut rest = expression.strip_prefix('^').filter(|rest| rest.starts_with('/'))?.chars().peekable();
    if has_alternatives(expression) {
        return None;
    }
    let mut text = String::new();
    while let Some(c) = rest.peek().copied() {
        match c {
            '\\' => {
                let mut behind = rest.clone();
                behind.next();
                let Some(escaped) = behind.next().filter(|escaped| !escaped.is_ascii_alphanumeric()) else { break };
                rest = behind;
                text.push(escaped);
            }
            _ if c.is_ascii_alphanumeric() || "/-_".contains(c) => text.extend(rest.next()),
            _ => break,
        }
    }
    Some((text, rest.collect()))
}

/// Whether there is a `|` outside of all parentheses.
fn has_alternatives(expression: &str) -> bool {
    let (mut depth, mut is_escaped) = (0_usize, false);
    for c in expression.chars() {
        match c {
            _ if is_escaped => is_escaped = false,
            '\\' => is_escaped = true,
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            '|' if depth == 0 => return true,
            _ => {}
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_expression_takes_begins_with_its_text() {
        for (expression, beginning, path, is_below) in [
            ("^/admin", "/admin", Some("/admin"), false),
            ("^/admin/", "/admin/", Some("/admin"), true),
            ("^/admin(/|$)", "/admin", Some("/admin"), true),
            ("^/a/b\\.php$", "/a/b.php", Some("/a/b.php"), true),
            ("^/a/b/?$", "/a/b", Some("/a/b"), true),
            ("^/a/(b|c)", "/a/", None, true),
            ("^/a(/b|x)", "/a", None, false),
            ("^/a/b.*", "/a/b", Some("/a/b"), false),
            ("^/a/bc?d", "/a/b", None, false),
            ("^/\\d+", "/", None, false),
            ("^/ab?", "/a", None, false),
        ] {
            let taken = Taken::by(expression);
            let said = (taken.beginning.as_str(), taken.path(), taken.is_below);
            assert_eq!(said, (beginning, path, is_below), "{expression}");
        }
        for expression in ["/admin", "\\.php$", "^(/a)", "^/a|/b$", "^/a|^/b"] {
            assert_eq!(Taken::by(expression), Taken::default(), "{expression}");
        }
    }

    #[test]
    fn what_is_taken_comes_to_routes_that_are_around_it() {
        let comes = |expression: &str, path: &str, routes: &[&str]| {
            Taken::by(expression).may_come_to(path, |path| routes.contains(&path))
        };
        assert!(comes("^/admin", "/", &["/admin"]) && comes("^/admin", "/administrator", &[]));
        assert!(!comes("^/admin", "/api", &[]) && !comes("^/admin/", "/", &["/admin"]));
        assert!(comes("^/admin/", "/", &[]) && comes("^/admin/", "/admin", &["/admin"]));
        assert!(comes("\\.php$", "/api", &[]) && comes("^/api/x", "/api", &[]) && !comes("^/api2", "/api", &[]));
    }
}
