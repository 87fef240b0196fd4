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
    modifier: &'t str,
    text: &'t str,
}

impl<'t> Chosen<'t> {
    fn of(directive: &'t Directive, around: &Scope<'t>) -> Option<Self> {
        let (modifier, text) = modifier_and_text(&directive.texts()).filter(|_| !is_named(directive))?;
        Some(Self { directive, scope: around.within(directive.inner()), modifier, text })
    }

    /// Whether nothing is looked for beyond it.
    fn is_settled(&self) -> bool {
        ["=", "~", "~*"].contains(&self.modifier)
    }
}

/// The location of `scope`, or one within it, that is chosen for `path`, if there is one: the exact one, or the longest prefix and what is within
/// that, unless an expression takes the path.
///
/// # Errors
/// An expression that is none here stands before it.
pub(super) fn chosen<'t>(path: &str, scope: &Scope<'t>) -> Result<Option<Chosen<'t>>, Reason> {
    let exact = locations(scope).find(|it| it.modifier == "=" && it.text == path);
    if exact.is_some() {
        return Ok(exact);
    }
    let is_prefix = |it: &Chosen<'_>| ["", "^~"].contains(&it.modifier) && path.starts_with(it.text);
    let prefix = locations(scope).filter(is_prefix).max_by_key(|it| it.text.len());
    let within = prefix.as_ref().map_or(Ok(None), |it| chosen(path, &it.scope))?;
    let goes_first = prefix.as_ref().is_some_and(|it| it.modifier == "^~");
    match within {
        Some(within) if goes_first || within.is_settled() => Ok(Some(within)),
        None if goes_first => Ok(prefix),
        within => Ok(by_expression(path, scope)?.or(within).or(prefix)),
    }
}

/// The location whose expression takes `path` first, or one within that.
fn by_expression<'t>(path: &str, scope: &Scope<'t>) -> Result<Option<Chosen<'t>>, Reason> {
    for location in locations(scope).filter(|it| it.modifier.starts_with('~')) {
        let expression = RegexBuilder::new(location.text).case_insensitive(location.modifier == "~*").build();
        let expression = expression.map_err(|_| {
            let why = format!("the expression of {} may take {path}, and is none here", location.directive.place);
            Reason::new(why, "write [route.NAME.authorize] with the `url` of the server that is asked: docs/access.md")
        })?;
        if expression.is_match(path) {
            let within = chosen(path, &location.scope)?;
            // What is within it is as settled as the expression.
            let modifier = location.modifier;
            return Ok(Some(within.map_or(location, |within| Chosen { modifier, ..within })));
        }
    }
    Ok(None)
}

fn locations<'s, 't>(scope: &'s Scope<'t>) -> impl Iterator<Item = Chosen<'t>> + use<'s, 't> {
    scope.own_named("location").filter_map(|it| Chosen::of(it, scope))
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
            ("location /a { location ~ ^/a { location /a/b { } } } location ~ php { }", "/a/b"),
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
