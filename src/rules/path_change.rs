//! Which path an endpoint reads: that of the client, with another prefix, or by a regular expression.
//!
//! Bytes are taken as they were sent: nothing is decoded, and slashes that are doubled stay so. The query stays as it is. What comes out
//! is a path of a request's target (RFC 9112 §3.2.1), or an error.

use http::uri::PathAndQuery;
use regex::{Captures, Regex, RegexBuilder};
use thiserror::Error;

/// How a path is changed.
#[derive(Clone, Debug, PartialEq)]
pub enum PathChange {
    /// This prefix takes the place of the one that was matched; `/` takes that off.
    Prefix(Box<str>),
    /// What an expression matches is replaced.
    Expression(Expression),
}

/// A regular expression, and what takes the place of what it matches.
#[derive(Clone, Debug)]
pub struct Expression {
    regex: Regex,
    to: Vec<Piece>,
    /// As it is written.
    written: Box<str>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Text(Box<str>),
    Group(usize),
}

/// Why an expression, or what takes its place, is none.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum ExpressionFault {
    /// The expression is none, or too large.
    #[error("{0}")]
    Regex(String),
    /// There is no such group in it.
    #[error("there is no group {0:?} in the expression")]
    NoGroup(String),
    /// A `$` that names nothing.
    #[error("a $ that no group follows")]
    LoneDollar,
    /// What takes its place has a character that no path has.
    #[error("{0:?} stands in no path")]
    NotAPath(char),
}

/// A path that cannot be asked for came out.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("the path cannot be rewritten as its route says")]
pub struct BadPath;

impl PathChange {
    /// The target of a request for `target`, of whose path a route has matched `prefix`.
    ///
    /// # Errors
    /// What comes out is no path.
    pub fn apply(&self, prefix: &str, target: &PathAndQuery) -> Result<PathAndQuery, BadPath> {
        let path = target.path();
        let mut changed = match self {
            Self::Prefix(new) => with_prefix(path, prefix, new).ok_or(BadPath)?,
            Self::Expression(expression) => match expression.replace(path)? {
                Some(changed) => changed,
                None => return Ok(target.clone()),
            },
        };
        if !is_path(&changed) {
            return Err(BadPath);
        }
        if let Some(query) = target.query() {
            changed.push('?');
            changed.push_str(query);
        }
        PathAndQuery::try_from(changed).map_err(|_| BadPath)
    }
}

/// `path` with `new` in the place of `prefix`; `None` where that does not stand there, on a border of segments.
pub(super) fn with_prefix(path: &str, prefix: &str, new: &str) -> Option<String> {
    let rest = if prefix == "/" { path } else { path.strip_prefix(prefix)? };
    if !rest.is_empty() && !rest.starts_with('/') {
        return None;
    }
    Some(match (new, rest) {
        ("/", "") => "/".to_owned(),
        ("/", rest) => rest.to_owned(),
        (new, rest) => format!("{new}{rest}"),
    })
}

/// Whether it is the path of a target, and nothing but that.
pub(super) fn is_path(text: &str) -> bool {
    text.len() <= LONGEST && text.starts_with('/') && text.bytes().all(stands_in_paths)
}

/// As clients send paths; what is beyond ASCII passes as it came.
fn stands_in_paths(byte: u8) -> bool {
    (byte.is_ascii_graphic() || !byte.is_ascii()) && !b"?#<>\"".contains(&byte)
}

impl Expression {
    /// Compiles an expression, and reads what takes the place of what it matches: `$1`, `${1}` and `${name}` are its groups, `$$` is a
    /// dollar.
    ///
    /// # Errors
    /// What is wrong with either.
    pub fn new(regex: &str, to: &str) -> Result<Self, ExpressionFault> {
        let compiled = RegexBuilder::new(regex)
            .size_limit(LARGEST_PROGRAM)
            .dfa_size_limit(LARGEST_PROGRAM)
            .build()
            .map_err(|error| ExpressionFault::Regex(in_short(&error)))?;
        let pieces = pieces(to, &compiled)?;
        Ok(Self { regex: compiled, to: pieces, written: to.into() })
    }

    /// `path` with what is matched first replaced; `None` where nothing is.
    fn replace(&self, path: &str) -> Result<Option<String>, BadPath> {
        let Some(captures) = self.regex.captures(path) else { return Ok(None) };
        let Some(whole) = captures.get(0) else { return Ok(None) };
        let (before, behind) = (path.get(..whole.start()), path.get(whole.end()..));
        let mut changed = before.unwrap_or_default().to_owned();
        for piece in &self.to {
            changed.push_str(piece.text(&captures));
            if changed.len() > LONGEST {
                return Err(BadPath);
            }
        }
        changed.push_str(behind.unwrap_or_default());
        Ok(Some(changed))
    }
}

impl PartialEq for Expression {
    fn eq(&self, other: &Self) -> bool {
        self.regex.as_str() == other.regex.as_str() && self.written == other.written
    }
}

impl Piece {
    fn text<'t>(&'t self, captures: &'t Captures<'_>) -> &'t str {
        match self {
            Self::Text(text) => text,
            Self::Group(group) => captures.get(*group).map_or("", |it| it.as_str()),
        }
    }
}

fn pieces(to: &str, regex: &Regex) -> Result<Vec<Piece>, ExpressionFault> {
    if let Some(bad) = to.chars().find(|c| !c.is_ascii() || !stands_in_paths(*c as u8)) {
        return Err(ExpressionFault::NotAPath(bad));
    }
    let (mut pieces, mut rest) = (Vec::new(), to);
    while let Some((plain, behind)) = rest.split_once('$') {
        pieces.push(Piece::Text(plain.into()));
        if let Some(behind) = behind.strip_prefix('$') {
            pieces.push(Piece::Text("$".into()));
            rest = behind;
            continue;
        }
        let (name, behind) = match behind.strip_prefix('{') {
            Some(braced) => braced.split_once('}').ok_or(ExpressionFault::LoneDollar)?,
            None => {
                behind.split_at(behind.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(behind.len()))
            }
        };
        if name.is_empty() {
            return Err(ExpressionFault::LoneDollar);
        }
        let group = match name.parse() {
            Ok(number) => Some(number).filter(|number| *number < regex.captures_len()),
            Err(_) => regex.capture_names().position(|known| known == Some(name)),
        };
        pieces.push(Piece::Group(group.ok_or_else(|| ExpressionFault::NoGroup(name.to_owned()))?));
        rest = behind;
    }
    pieces.push(Piece::Text(rest.into()));
    Ok(pieces)
}

/// What is wrong with an expression, in one line.
fn in_short(error: &regex::Error) -> String {
    match error {
        regex::Error::CompiledTooBig(_) => "it is too large".to_owned(),
        error => {
            let text = error.to_string();
            let last = text.lines().last().unwrap_or_default();
            last.trim().trim_start_matches("error: ").to_owned()
        }
    }
}

/// Beyond this no path is asked for, in bytes: groups can be repeated.
const LONGEST: usize = 64 * 1024;

/// What a compiled expression may take, in bytes.
const LARGEST_PROGRAM: usize = 1024 * 1024;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn changed(change: &PathChange, prefix: &str, target: &str) -> Option<String> {
        change.apply(prefix, &PathAndQuery::try_from(target).unwrap()).ok().map(|it| it.to_string())
    }

    fn expression(regex: &str, to: &str) -> PathChange {
        PathChange::Expression(Expression::new(regex, to).unwrap())
    }

    #[test]
    fn a_prefix_is_replaced_on_a_border_of_segments() {
        let strip = PathChange::Prefix("/".into());
        let new = PathChange::Prefix("/v2/x".into());
        for (prefix, target, stripped, replaced) in [
            ("/api", "/api", "/", "/v2/x"),
            ("/api", "/api/", "/", "/v2/x/"),
            ("/api", "/api/a?b=/api", "/a?b=/api", "/v2/x/a?b=/api"),
            ("/api", "/api//a", "//a", "/v2/x//a"),
            ("/api", "/api/%2fa", "/%2fa", "/v2/x/%2fa"),
            ("/api", "/api?x", "/?x", "/v2/x?x"),
            ("/", "/", "/", "/v2/x/"),
            ("/", "/a", "/a", "/v2/x/a"),
        ] {
            assert_eq!(changed(&strip, prefix, target).as_deref(), Some(stripped), "{target}");
            assert_eq!(changed(&new, prefix, target).as_deref(), Some(replaced), "{target}");
        }
        assert_eq!(changed(&strip, "/api", "/apix"), None);
    }

    #[test]
    fn an_expression_replaces_what_it_matches() {
        for (regex, to, target, expected) in [
            ("^/old/(\\d+)$", "/new/$1", "/old/17?x=1", Some("/new/17?x=1")),
            ("^/old/(\\d+)$", "/new/$1", "/old/x", Some("/old/x")),
            ("^/(?<room>[a-z]+)/ws", "/rooms/${room}_1", "/a/ws/b", Some("/rooms/a_1/b")),
            ("/b", "/x", "/a/b/b", Some("/a/x/b")),
            ("^/a", "/$$1", "/a", Some("/$1")),
            ("^/a(.*)$", "$1", "/ab", None),
            ("^/a(.*)$", "$1", "/a/b", Some("/b")),
        ] {
            assert_eq!(changed(&expression(regex, to), "/", target).as_deref(), expected, "{regex} {target}");
        }
    }

    #[test]
    fn what_takes_its_place_names_groups_that_there_are() {
        for (regex, to, fault) in [
            ("(a)", "/$2", ExpressionFault::NoGroup("2".into())),
            ("(a)", "/$1x", ExpressionFault::NoGroup("1x".into())),
            ("(a)", "/${b}", ExpressionFault::NoGroup("b".into())),
            ("(a)", "/${1", ExpressionFault::LoneDollar),
            ("(a)", "/$/", ExpressionFault::LoneDollar),
            ("(a)", "/x?y", ExpressionFault::NotAPath('?')),
            ("(a)", "/x y", ExpressionFault::NotAPath(' ')),
            ("(a", "/", ExpressionFault::Regex("unclosed group".into())),
            ("(((a{99}){99}){99}){99}", "/", ExpressionFault::Regex("it is too large".into())),
        ] {
            assert_eq!(Expression::new(regex, to).map(|_| ()), Err(fault), "{regex} {to}");
        }
    }

    #[test]
    fn groups_that_are_repeated_make_no_endless_path() {
        let change = expression("^(.*)$", &"$1".repeat(200));
        assert_eq!(changed(&change, "/", &format!("/{}", "a".repeat(1000))), None);
    }

    proptest! {
        #[test]
        fn what_comes_out_is_a_path_with_the_same_query(
            path in "/[a-z/%2eEfF.;:@&=+$,~-]{0,24}",
            query in proptest::option::of("[a-z=&%/?]{0,8}"),
            regex in "[\\^]?/?[a-z.]{0,3}(\\(\\.\\*\\)|\\([a-z/]*\\))[a-z$]?",
            to in "[/a-z.]{0,4}(\\$1)?[/.]{0,2}",
            new in "(/[a-z]{1,3}){1,2}",
        ) {
            let target = query.as_ref().map_or(path.clone(), |query| format!("{path}?{query}"));
            let target = PathAndQuery::try_from(target).unwrap();
            let mut changes = vec![PathChange::Prefix("/".into()), PathChange::Prefix(new.into())];
            changes.extend(Expression::new(&regex, &to).ok().map(PathChange::Expression));
            for change in changes {
                if let Ok(changed) = change.apply("/", &target) {
                    prop_assert!(is_path(changed.path()), "{changed}");
                    prop_assert_eq!(changed.query(), target.query());
                }
            }
        }

        #[test]
        fn a_new_prefix_is_never_left(rest in "(/[a-z%2e.;]{0,5}){0,4}", new in "(/[a-z]{1,3}){1,2}") {
            let changed = with_prefix(&format!("/api{rest}"), "/api", &new).unwrap();
            prop_assert_eq!(changed.strip_prefix(&new), Some(&*rest));
        }
    }
}
