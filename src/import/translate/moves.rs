//! Where a `return` or a `rewrite` sends clients: is it where what they ask for has moved, or one place for all who may not come in?

use regex::Regex;

use super::conditions::{is_path, names_in};
use super::refusals::without_names_and_looks;
use super::scope::Scope;
use super::text::{Part, Variables, parts};
use crate::import::syntax::Directive;

/// `place` without its query, and without what stands behind `#`.
pub(super) fn path_of(place: &str) -> &str {
    let end = ["?", "#", "$is_args", "${is_args}"].iter().filter_map(|mark| place.find(mark)).min();
    place.get(..end.unwrap_or(place.len())).unwrap_or(place)
}

/// Whether `directive` has clients go elsewhere by themselves.
pub(super) fn redirects(directive: &Directive) -> bool {
    place(directive).is_some()
}

/// Whether `directive` of `scope` sends clients to one and the same place, whatever they ask for, such as a page for logging in.
pub(super) fn sends_to_one_place(directive: &Directive, scope: &Scope<'_>) -> bool {
    const OF_SERVER: [&str; 5] = ["scheme", "host", "http_host", "server_name", "server_port"];
    let is_one = |part: &Part<'_>| match part {
        Part::Text(_) => true,
        Part::Variable(name) => OF_SERVER.contains(name),
    };
    let Some(place) = place(directive) else { return false };
    parts(path_of(&Variables::of(scope).spelled_out(place))).iter().all(is_one)
}

/// Whether the place that `answer` sends to has what `condition`, the `if` around it, asks a client for: whoever does not show it stays.
pub(super) fn is_named_by(condition: &Directive, answer: &Directive) -> bool {
    let texts = condition.texts();
    let [shown] = texts[..] else { return false };
    let shown = shown.trim_matches(['(', ')', '$', ' ']);
    let is_said_by_client = ["arg_", "cookie_", "http_"].iter().any(|kind| shown.starts_with(kind));
    let names_it = |part: &Part<'_>| *part == Part::Variable(shown);
    is_said_by_client && place(answer).is_some_and(|place| parts(path_of(place)).iter().any(names_it))
}

/// Whether `condition`, an `if`, is about all paths but some; `is_of_paths` says whether it is about paths by the variables between.
pub(super) fn is_of_other_paths(condition: &Directive, is_of_paths: impl Fn() -> bool) -> bool {
    let texts = condition.texts();
    if !names_in(&texts).any(|name| is_path(&name)) {
        return is_of_paths();
    }
    match texts[..] {
        [_, "!=" | "!~" | "!~*", ..] => true,
        [_, "~" | "~*", expression, ..] => takes_others(expression.strip_suffix(')').unwrap_or(expression)),
        _ => false,
    }
}

/// Whether `expression` takes paths that it does not name.
pub(super) fn takes_others(expression: &str) -> bool {
    without_names_and_looks(expression).is_none_or(|it| takes(&it, "/what-nobody/has-named"))
}

/// Whether `expression` takes `path`; one that is none here may.
pub(super) fn takes(expression: &str, path: &str) -> bool {
    Regex::new(expression).map_or(true, |it| it.is_match(path))
}

/// Whether `place` is a whole URL.
pub(super) fn is_url(place: &str) -> bool {
    ["http://", "https://", "$scheme://"].iter().any(|scheme| place.starts_with(scheme))
}

/// Where `directive` has clients go by themselves; `None` for what nginx does without them.
fn place(directive: &Directive) -> Option<&str> {
    match (directive.name(), &*directive.texts()) {
        ("return", ["301" | "302" | "303" | "307" | "308", place]) => Some(place),
        ("return", [place]) if place.parse::<u16>().is_err() => Some(place),
        ("rewrite", [_, place, "redirect" | "permanent"]) => Some(place),
        ("rewrite", [_, place, ..]) if is_url(place) => Some(place),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::import::syntax::{Numbers, parse};

    fn directive(source: &str) -> Directive {
        parse(source, &"x".into(), &mut Numbers::default()).unwrap().remove(0)
    }

    #[test]
    fn one_place_for_all_is_told_from_where_each_has_moved() {
        let is_one = |source: &str| {
            let tree = parse(source, &"x".into(), &mut Numbers::default()).unwrap();
            sends_to_one_place(tree.last().unwrap(), &Scope::of(&tree))
        };
        for source in [
            "return 302 /login;",
            "return https://$host/login?next=$request_uri;",
            "rewrite ^ /login redirect;",
            "rewrite ^ https://login.example.com;",
            "set $sso https://sso.example.com/login; return 302 $sso?next=$request_uri;",
            "return 302 /login$is_args$args;",
            "return 302 /login#$request_uri;",
        ] {
            assert!(is_one(source), "{source}");
        }
        for source in [
            "return 301 https://$host$request_uri;",
            "return 200 ok;",
            "return 404;",
            "rewrite ^/(.*) /app/$1 permanent;",
            "rewrite ^ /login last;",
        ] {
            assert!(!is_one(source), "{source}");
        }
    }

    #[test]
    fn a_place_may_be_named_by_what_is_looked_at() {
        let is_named = |source: &str| {
            let condition = directive(source);
            is_named_by(&condition, &condition.inner()[0])
        };
        assert!(is_named("if ($arg_p) { return 301 /posts/$arg_p; }"));
        assert!(is_named("if ($arg_p) { rewrite ^ /posts/${arg_p}? permanent; }"));
        for source in [
            "if ($cookie_k = '') { return 302 /login/$cookie_k; }",
            "if ($cookie_k ~ ^$) { rewrite ^/(.*)$ /$1/$cookie_k redirect; }",
            "if ($login) { return 302 $login; }",
            "if ($arg_p) { return 301 /posts?p=$arg_p; }",
            "if ($arg_p) { return 301 /$arg_q; }",
            "if ($arg_p) { return 403; }",
        ] {
            assert!(!is_named(source), "{source}");
        }
    }

    #[test]
    fn all_paths_but_some_are_told_from_some() {
        let is_of_others = |source: &str| is_of_other_paths(&directive(source), || false);
        for source in [
            "if ($uri !~ ^/public) { }",
            "if ($request_uri != /login) { }",
            "if ($uri ~ ^/(?!public|login)) { }",
            "if ($uri ~ .) { }",
        ] {
            assert!(is_of_others(source), "{source}");
        }
        for source in
            ["if ($uri ~ ^/old) { }", "if ($uri ~ ^/old(?!er)) { }", "if ($uri = /old) { }", "if ($host != a) { }"]
        {
            assert!(!is_of_others(source), "{source}");
        }
        for expression in ["^", "^/.*$", "^/(.+)$", "^/?", "^/(?!login)", "^/(?<!x", "(a)\\1"] {
            assert!(takes_others(expression), "{expression}");
        }
        for expression in ["^/old", "^/$", "^/?$", "\\.php$", "^/(a|b)/(.*)$"] {
            assert!(!takes_others(expression), "{expression}");
        }
    }
}
