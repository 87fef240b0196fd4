//! Where a `return` or a `rewrite` sends clients: is it where what they ask for has moved, or one place for all who may not come in?

use super::conditions::names_in;
use super::text::{Part, parts};
use crate::import::syntax::Directive;

/// `place` without its query.
pub(super) fn path_of(place: &str) -> &str {
    place.split_once('?').map_or(place, |(path, _)| path)
}

/// Whether `directive` sends clients to one and the same place, whatever they ask for, such as a page for logging in.
pub(super) fn sends_to_one_place(directive: &Directive) -> bool {
    const OF_SERVER: [&str; 5] = ["scheme", "host", "http_host", "server_name", "server_port"];
    let is_one = |part: &Part<'_>| match part {
        Part::Text(_) => true,
        Part::Variable(name) => OF_SERVER.contains(name),
    };
    place(directive).is_some_and(|place| parts(path_of(place)).iter().all(is_one))
}

/// Whether the place that `answer` sends to is named by what `condition`, the `if` around it, looks at: whoever does not show that stays.
pub(super) fn is_named_by(condition: &Directive, answer: &Directive) -> bool {
    let Some(place) = place(answer).map(path_of) else { return false };
    let texts = condition.texts();
    let looked_at: Vec<_> = names_in(&texts).collect();
    let is_bare = texts.len() == 1;
    let fits = texts.iter().any(|text| ["~", "~*"].contains(text));
    names_in(&[place]).any(|name| {
        let is_group = name.bytes().all(|byte| byte.is_ascii_digit());
        if is_group { fits } else { (is_bare || fits) && looked_at.contains(&name) }
    })
}

/// Whether `condition`, an `if`, is about all paths but some.
pub(super) fn is_of_other_paths(condition: &Directive) -> bool {
    let texts = condition.texts();
    let is_path = |name: String| ["uri", "document_uri", "request_uri"].contains(&name.as_str());
    texts.iter().any(|text| ["!~", "!~*", "!="].contains(text)) && names_in(&texts).any(is_path)
}

/// Whether an expression leaves out some of what it would take otherwise.
pub(super) fn leaves_out_some(expression: &str) -> bool {
    expression.contains("(?!") || expression.contains("(?<!")
}

/// Where `directive` has clients go by themselves; `None` for what nginx does without them.
fn place(directive: &Directive) -> Option<&str> {
    let is_url = |it: &str| ["http://", "https://", "$scheme://"].iter().any(|scheme| it.starts_with(scheme));
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
        for source in [
            "return 302 /login;",
            "return https://$host/login?next=$request_uri;",
            "rewrite ^ /login redirect;",
            "rewrite ^ https://login.example.com;",
        ] {
            assert!(sends_to_one_place(&directive(source)), "{source}");
        }
        for source in [
            "return 301 https://$host$request_uri;",
            "return 200 ok;",
            "return 404;",
            "rewrite ^/(.*) /app/$1 permanent;",
            "rewrite ^ /login last;",
        ] {
            assert!(!sends_to_one_place(&directive(source)), "{source}");
        }
    }

    #[test]
    fn a_place_may_be_named_by_what_is_looked_at() {
        let is_named = |source: &str| {
            let condition = directive(source);
            is_named_by(&condition, &condition.inner()[0])
        };
        for source in [
            "if ($arg_p) { return 301 /posts/$arg_p; }",
            "if ($new) { return 301 $new; }",
            "if ($args ~ ^p=(.+)) { rewrite ^ /posts/$1? permanent; }",
            "if ($arg_p ~ x) { return 301 /posts/$arg_p; }",
        ] {
            assert!(is_named(source), "{source}");
        }
        for source in [
            "if ($cookie_k = '') { return 302 /login/$cookie_k; }",
            "if ($cookie_k !~ x) { return 302 /$1; }",
            "if ($arg_p) { return 301 /posts?p=$arg_p; }",
            "if ($arg_p) { return 301 /$arg_q; }",
            "if ($arg_p) { return 403; }",
        ] {
            assert!(!is_named(source), "{source}");
        }
    }
}
