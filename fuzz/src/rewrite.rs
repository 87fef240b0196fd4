//! What must hold of the path that a route makes of any other. `tests/corpus.rs` calls it too.

use http::uri::PathAndQuery;
use windlass::rules::{Expression, PathChange};

/// What comes out is a path with the same query, below the new prefix where there is one.
///
/// The lines are a path, a prefix that the route matched, a new prefix, an expression, and what takes the place of what it matches.
pub fn rewrite(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else { return };
    let mut lines = text.lines();
    let mut next = || lines.next().unwrap_or_default();
    let (target, prefix, new, regex, to) = (next(), next(), next(), next(), next());
    let Ok(target) = PathAndQuery::try_from(target) else { return };
    if is_prefix(prefix) && is_prefix(new) {
        let replaced = PathChange::Prefix(new.into()).apply(prefix, &target);
        if let Ok(changed) = &replaced {
            check(&target, changed);
            let rest =
                if prefix == "/" { target.path() } else { target.path().strip_prefix(prefix).expect("it was matched") };
            let below = if new == "/" {
                changed.path()
            } else {
                changed.path().strip_prefix(new).expect("it is below the new prefix")
            };
            assert!(below == rest || (rest.is_empty() && below == "/"), "nothing of the rest is lost or made up");
        }
    }
    if let Ok(expression) = Expression::new(regex, to)
        && let Ok(changed) = PathChange::Expression(expression).apply("/", &target)
    {
        check(&target, &changed);
    }
}

/// As the configuration lets it be written.
fn is_prefix(text: &str) -> bool {
    text.starts_with('/') && (text == "/" || !text.ends_with('/')) && !text.contains(['?', '#'])
}

fn check(target: &PathAndQuery, changed: &PathAndQuery) {
    assert_eq!(changed.query(), target.query());
    // What is passed on as it came may be what was sent, such as `*`.
    assert!(changed == target || changed.path().starts_with('/'));
    assert!(
        !changed.as_str().bytes().any(|byte| byte.is_ascii_whitespace() || byte.is_ascii_control() && byte != 0x7f)
    );
}
