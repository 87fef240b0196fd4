//! Which location of a server nginx chooses for a path that it asks for by itself, as for `auth_request`.

use regex::RegexBuilder;

use super::ledger::Reason;
use super::location::{is_named, modifier_and_text};
use super::scope::Scope;
use crate::import::syntax::Directive;

/// A location, and what is around it.
#[derive(Clone, Debug)]
pub(super) struct Chosen<'t> {
    pub(super) directive: &'t Directive,
    pub(super) scope: Scope<'t>,
    /// Nothing is looked for beyond it: it is exact, or an expression.
    is_settled: bool,
}

impl<'t> Chosen<'t> {
    fn of(directive: &'t Directive, around: &Scope<'t>) -> Self {
        Self { directive, scope: around.within(directive.inner()), is_settled: false }
    }

    fn settled(self) -> Self {
        Self { is_settled: true, ..self }
    }
}

/// The location of `scope`, or one within it, that is chosen for `path`, if there is one: the exact one, or the longest prefix and what is within
/// that, unless an expression takes the path.
///
/// # Errors
/// An expression that is none here stands before it.
pub(super) fn chosen<'t>(path: &str, scope: &Scope<'t>) -> Result<Option<Chosen<'t>>, Reason> {
    let locations = || scope.own_named("location").filter(|it| !is_named(it));
    let read = |it: &'t Directive| modifier_and_text(&it.texts()).map(|(modifier, text)| (it, modifier, text));
    if let Some((exact, ..)) =
        locations().filter_map(read).find(|(_, modifier, text)| *modifier == "=" && *text == path)
    {
        return Ok(Some(Chosen::of(exact, scope).settled()));
    }
    let is_prefix =
        |(_, modifier, text): &(&Directive, &str, &str)| matches!(*modifier, "" | "^~") && path.starts_with(*text);
    let prefix = locations().filter_map(read).filter(is_prefix).max_by_key(|(.., text)| text.len());
    let mut found = None;
    let mut goes_before_expressions = false;
    if let Some((directive, modifier, _)) = prefix {
        let prefix = Chosen::of(directive, scope);
        let within = chosen(path, &prefix.scope)?;
        if within.as_ref().is_some_and(|it| it.is_settled) {
            return Ok(within);
        }
        goes_before_expressions = modifier == "^~";
        found = within.or(Some(prefix));
    }
    if goes_before_expressions {
        return Ok(found);
    }
    for (directive, modifier, text) in locations().filter_map(read).filter(|(_, modifier, _)| modifier.starts_with('~'))
    {
        let expression = RegexBuilder::new(text).case_insensitive(modifier == "~*").build();
        let expression = expression.map_err(|_| {
            Reason::new(
                format!("the expression of {} may take {path}, and is none here", directive.place),
                "docs/access.md",
            )
        })?;
        if expression.is_match(path) {
            let itself = Chosen::of(directive, scope);
            let within = chosen(path, &itself.scope)?;
            return Ok(Some(within.unwrap_or(itself).settled()));
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::import::syntax::{Numbers, parse};

    /// The modifier and the text of the location that is chosen for `/a/b.php`.
    fn chosen_of(source: &str) -> Option<String> {
        let tree = parse(source, &"x".into(), &mut Numbers::default()).unwrap();
        let found = chosen("/a/b.php", &Scope::of(&tree)).unwrap()?;
        Some(found.directive.texts().join(" "))
    }

    #[test]
    fn the_location_is_that_of_nginx() {
        for (source, expected) in [
            ("location / { } location /a { } location = /a/b.php { } location ~ b { }", "= /a/b.php"),
            ("location / { } location /a { } location /a/b.php/ { }", "/a"),
            ("location / { location /a/ { location /a/b { } location /a/c { } } }", "/a/b"),
            ("location / { location =/a/b.php { } } location ~ b { }", "=/a/b.php"),
            ("location /a { } location ~ \\.php$ { } location ~ ^/a { }", "~ \\.php$"),
            ("location /a { } location ~ \\.PHP$ { } location ~* ^/A { }", "~* ^/A"),
            ("location /a { location ~ ^/a { } } location ~ b { }", "~ ^/a"),
            ("location ^~ /a { location /a/b { } } location ~ b { }", "/a/b"),
            ("location /a { location ^~ /a/b { } location ~ b { } } location ~ php { }", "~ php"),
            ("location ~^/a { location /a/b { } }", "/a/b"),
            ("location @a { } location /b { } location / { }", "/"),
        ] {
            assert_eq!(chosen_of(source).as_deref(), Some(expected), "{source}");
        }
        assert_eq!(chosen_of("location /b { } location @a { } location ~ c { }"), None);
    }

    #[test]
    fn an_expression_that_is_none_here_is_refused() {
        let tree = parse("location / { } location ~ ^/(?!x) { }", &"x".into(), &mut Numbers::default()).unwrap();
        assert!(chosen("/a", &Scope::of(&tree)).unwrap_err().why.contains("x:1"));
    }
}
