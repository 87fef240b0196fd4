//! `return`: answers of nginx's own.

use super::ledger::Reason;
use super::location::Location;
use super::redirect::redirect;
use super::scope::Scope;
use super::text::{Part, Variables, parts};
use crate::import::output::Value;
use crate::import::syntax::Directive;

/// The key of a route, and its value.
pub(super) type Destination = (&'static str, Value);

/// What a route does whose location says `directive`, a `return`.
///
/// # Errors
/// Why it cannot be said.
pub(super) fn answer(
    directive: &Directive,
    scope: &Scope<'_>,
    location: &Location,
    server_name: Option<&str>,
) -> Result<Destination, Reason> {
    let variables = Variables::of(scope);
    let (status, text) = match directive.texts()[..] {
        [text] if text.parse::<u16>().is_err() => (302, Some(text)),
        [status] => (number(status)?, None),
        [status, text] => (number(status)?, Some(text)),
        _ => return Err(beyond("is no answer")),
    };
    match (status, text) {
        (301 | 302 | 303 | 307 | 308, Some(url)) => {
            redirect(status, &variables.spelled_out(url), location, server_name).map(|value| ("redirect", value))
        }
        (444, _) => Ok(("respond", Value::table([("status", Value::Number(404))]))),
        (200..=599, text) => {
            let text = variables.spelled_out(text.unwrap_or(""));
            respond(status, &text, scope).map(|value| ("respond", value))
        }
        _ => Err(beyond("statuses are from 200 to 599")),
    }
}

/// What is answered in the place of what `directive`, a `return` or a `rewrite`, answers to everybody and cannot be said: no endpoint is asked.
pub(super) fn answer_instead(directive: &Directive) -> Destination {
    let said = directive.argument(0).filter(|_| directive.name() == "return").and_then(|it| it.parse::<u16>().ok());
    let status = said.filter(|status| matches!(status, 200..=299 | 400..=599)).unwrap_or(403);
    let status = if status == 444 { 404 } else { status };
    ("respond", Value::table([("status", Value::Number(status.into()))]))
}

fn respond(status: u16, text: &str, scope: &Scope<'_>) -> Result<Value, Reason> {
    if parts(text).iter().any(|part| matches!(part, Part::Variable(_))) {
        return Err(beyond("its text has variables, and one here is the same for everybody"));
    }
    let mut entries = vec![("status".to_owned(), Value::Number(status.into()))];
    // Neither has a body.
    if !text.is_empty() && ![204, 304].contains(&status) {
        entries.push(("body".to_owned(), text.into()));
        let media_type = scope.last("default_type").and_then(Directive::value);
        let is_plain = |it: &&str| it.is_ascii() && !it.contains('$') && *it != "text/plain" && !it.is_empty();
        entries.extend(media_type.filter(is_plain).map(|it| ("content_type".to_owned(), it.into())));
    }
    Ok(Value::Table(entries))
}

fn number(text: &str) -> Result<u16, Reason> {
    text.parse().map_err(|_| beyond("its status is no number"))
}

fn beyond(why: &str) -> Reason {
    Reason::new(why, "write `respond` or `redirect` in [route.NAME]: docs/rules.md")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::import::syntax::{Numbers, parse};

    fn said(source: &str) -> String {
        let tree = parse(source, &"x".into(), &mut Numbers::default()).unwrap();
        let scope = Scope::of(&tree);
        let directive = scope.last("return").unwrap();
        let answer = answer(directive, &scope, &Location::everything(), None);
        answer.map_or_else(|it| it.why, |(key, value)| format!("{key} = {value}"))
    }

    #[test]
    fn answers_are_said_here() {
        for (source, here) in [
            ("return 404;", "respond = { status = 404 }"),
            ("return 444;", "respond = { status = 404 }"),
            ("return 204 x;", "respond = { status = 204 }"),
            ("return 200 'ok\\n';", r#"respond = { status = 200, body = "ok\n" }"#),
            (
                "default_type application/json; return 200 '{\"a\":1}';",
                r#"respond = { status = 200, body = "{\"a\":1}", content_type = "application/json" }"#,
            ),
            ("return 301 https://$host$request_uri;", r#"redirect = { scheme = "https", status = 301 }"#),
            (
                "return https://b.example/;",
                r#"redirect = { scheme = "https", host = "b.example", path = "/", query = "drop", status = 302 }"#,
            ),
            (
                "set $to https://b.example; return 307 $to$request_uri;",
                r#"redirect = { scheme = "https", host = "b.example", status = 307 }"#,
            ),
        ] {
            assert_eq!(said(source), here, "{source}");
        }
        for (source, instead) in [
            ("return 200 $remote_addr;", 200),
            ("return 401 $realm;", 401),
            ("return 301 https://$to;", 403),
            ("return 100;", 403),
            ("return x y;", 403),
            ("return 1 2 3;", 403),
        ] {
            assert!(!said(source).contains(" = {"), "{source}");
            let tree = parse(source, &"x".into(), &mut Numbers::default()).unwrap();
            assert_eq!(answer_instead(&tree[0]).1.to_string(), format!("{{ status = {instead} }}"), "{source}");
        }
    }
}
