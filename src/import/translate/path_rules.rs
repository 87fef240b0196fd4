//! Which path an endpoint reads: that of `proxy_pass`, or what `rewrite … break` makes of the client's.

use super::answer::Destination;
use super::ledger::{Ledger, Reason};
use super::location::Location;
use super::proxy_target::{ProxyTarget, path_change};
use super::scope::Scope;
use crate::import::output::Value;
use crate::import::syntax::Directive;
use crate::rules::Expression;

/// What a route for `location` says of paths, whose requests go to `target` by `pass`.
///
/// # Errors
/// Why it cannot be said.
pub(super) fn path_rules(
    target: &ProxyTarget,
    location: &Location,
    pass: &Directive,
    scope: &Scope<'_>,
    ledger: &Ledger,
) -> Result<Option<Destination>, Reason> {
    if target.replaces_whole_path {
        return Err(Reason::new(
            "a path behind variables takes the place of all of the client's",
            "write `upstream` in [route.NAME], with `rewrite` for the path",
        ));
    }
    if target.path.as_ref().is_some_and(|path| path.contains('?')) {
        return Err(Reason::new(
            "its path has a query",
            "write `upstream` in [route.NAME], with `rewrite` for the path, and have the endpoint do without the query",
        ));
    }
    let rewrites: Vec<_> = scope.own_named("rewrite").collect();
    if let [only] = rewrites[..] {
        if let Some(value) = rewrite(only) {
            ledger.carried(only);
            return Ok(Some(("rewrite", value)));
        }
        let (why, instead) = match only.argument(2) {
            Some("redirect" | "permanent") => (
                "it sends some paths elsewhere, and a route sends all of its own",
                "write a route with that `path` and `redirect`: docs/rules.md",
            ),
            _ => (
                "this rewrite has no counterpart: one of a whole path with `break`, by an expression of the regex crate, has",
                "write rewrite = { regex = '^/old/(.*)$', to = \"/new/$1\" } in [route.NAME]",
            ),
        };
        ledger.left(only, why, instead);
    }
    for several in rewrites.iter().filter(|_| rewrites.len() > 1) {
        ledger.left(several, "a route rewrites once", "write one expression for them, or a route for each");
    }
    let change = path_change(location, target.path.as_deref())?;
    if let Some(differs) = change.differs {
        ledger.left(pass, differs, "see what the endpoint expects, and write `rewrite` in [route.NAME] so");
    }
    Ok(change.entry)
}

/// `rewrite` of a route, where `directive` is one that there is here.
fn rewrite(directive: &Directive) -> Option<Value> {
    let [regex, to, "break"] = directive.texts()[..] else { return None };
    if to.contains('?') || !to.starts_with(['/', '$']) {
        return None;
    }
    // nginx takes what is written for the whole path, also where the expression fits a part of it.
    let is_whole = regex.ends_with('$') && !regex.ends_with(r"\$") || regex.ends_with("(.*)") || regex.ends_with(".*");
    if !regex.starts_with('^') || !is_whole {
        return None;
    }
    // Behind `$1` letters would be of its name, with nginx they are not.
    let to = with_braces(to)?;
    Expression::new(regex, &to).ok()?;
    Some(Value::table([("regex", regex.into()), ("to", to.into())]))
}

/// `$1` of `to` as it is said here; `None` where it has another variable.
fn with_braces(to: &str) -> Option<String> {
    let mut said = String::new();
    let mut rest = to;
    while let Some((plain, behind)) = rest.split_once('$') {
        let digit = behind.chars().next().filter(char::is_ascii_digit)?;
        rest = behind.get(1..)?;
        let needs_braces = rest.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_');
        said += plain;
        said += &if needs_braces { format!("${{{digit}}}") } else { format!("${digit}") };
    }
    Some(said + rest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::import::syntax::{Numbers, parse};

    fn said(source: &str) -> Option<String> {
        let tree = parse(source, &"x".into(), &mut Numbers::default()).unwrap();
        rewrite(&tree[0]).map(|it| it.to_string())
    }

    #[test]
    fn a_rewrite_that_breaks_is_one_here() {
        assert_eq!(
            said("rewrite ^/old/(\\d+)$ /new/$1 break;").unwrap(),
            r#"{ regex = '^/old/(\d+)$', to = "/new/$1" }"#
        );
        assert_eq!(said("rewrite ^/a(.*)$ $1 break;").unwrap(), r#"{ regex = "^/a(.*)$", to = "$1" }"#);
        assert_eq!(said("rewrite ^/(.)b$ /$1x break;").unwrap(), r#"{ regex = "^/(.)b$", to = "/${1}x" }"#);
        assert_eq!(said("rewrite ^/a/(.*) /$1 break;").unwrap(), r#"{ regex = "^/a/(.*)", to = "/$1" }"#);
        for source in [
            "rewrite ^/a /b last;",
            "rewrite ^/api/(\\w+) /pub/$1 break;",
            "rewrite /a$ /b break;",
            "rewrite ^/a /b;",
            "rewrite ^/a /b?c break;",
            "rewrite ^/a(?=b) /c break;",
            "rewrite ^/a $uri break;",
            "rewrite ^/a http://b break;",
            "rewrite ^/a /$2 break;",
        ] {
            assert_eq!(said(source), None, "{source}");
        }
    }
}
