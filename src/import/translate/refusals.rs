//! Paths that one route must not take: what a `path` cannot say, an expression of its `rewrite` does, by making of them what is no path. They
//! are answered 400 then.
//!
//! An expression here takes no less than that of nginx. It reads a path as it was sent, so what is written in another way than any client
//! writes it is refused along with it.

use crate::import::output::Value;
use crate::rules::Expression;

/// Everything below `path`, and not that itself.
pub(super) fn below(path: &str) -> String {
    format!("^{}/", regex::escape(path))
}

/// `path` alone.
pub(super) fn only(path: &str) -> String {
    format!("^{}$", regex::escape(path))
}

/// Whatever begins with the letters of `text`.
pub(super) fn beginning_with(text: &str) -> String {
    format!("^{}", regex::escape(text))
}

/// Whatever begins with the letters of `path`, where its segment goes on.
pub(super) fn siblings(path: &str) -> String {
    format!("^{}[^/]", regex::escape(path))
}

/// What the expression of a `location` takes, and perhaps more: what it looks ahead and back for is not looked at. `None` where that cannot
/// be said.
pub(super) fn of_expression(expression: &str, ignores_case: bool) -> Option<String> {
    let plain = without_names_and_looks(expression)?;
    let flags = if ignores_case { "?i:" } else { "?:" };
    let said = format!("({flags}{plain})");
    let is_plain = said.bytes().all(|byte| byte.is_ascii_graphic());
    // A space is sent as %20.
    (is_plain && Expression::new(&said, REFUSED).is_ok()).then_some(said)
}

/// How a route changes the paths that its endpoint reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change<'p> {
    None,
    /// This path of the route is taken off.
    Strips(&'p str),
}

/// `rewrite` of a route that refuses what any of `expressions` takes, and other spellings of paths; `None` where they cannot be said together.
pub(super) fn rewrite(expressions: &[String], change: Change<'_>) -> Option<Value> {
    let all = expressions.join("|");
    let (regex, to) = match change {
        Change::None => (format!("^.*(?:{all}|{OTHER_SPELLINGS}).*$"), REFUSED),
        // What is refused leaves nothing of a path.
        Change::Strips(path) => {
            let bare = regex::escape(path.trim_start_matches('/'));
            let kept = format!("/{bare}(?P<rest>/.*)|(?P<root>/){bare}");
            (format!("^(?:.*(?:{all}|{OTHER_SPELLINGS}).*|{kept})$"), "${rest}${root}")
        }
    };
    Expression::new(&regex, to).ok()?;
    Some(Value::table([("regex", regex.into()), ("to", to.into())]))
}

/// No path begins so.
const REFUSED: &str = "refused";

/// What endpoints may read as another path: doubled slashes, dot segments, backslashes, parameters of empty segments, and encoded what no
/// client has to encode.
const OTHER_SPELLINGS: &str = r"/(?:\.\.?)?[;/]|/\.\.?$|\\|%(?i:00|2[def]|3[0-9b]|[46][1-9a-f]|[57][0-9a]|5[cf]|7e)";

/// `expression` without what the expressions here do not have, and what makes it take less.
pub(super) fn without_names_and_looks(expression: &str) -> Option<String> {
    let mut plain = String::new();
    let mut rest = expression;
    while let Some(c) = rest.chars().next() {
        let length = match c {
            '\\' => 1 + rest.chars().nth(1).filter(|escaped| !BEYOND.contains(*escaped))?.len_utf8(),
            '[' => end_of_class(rest)?,
            '<' | '>' | '"' => return None,
            '(' if LOOKS.iter().any(|look| rest.starts_with(look)) => {
                rest = rest.get(end_of_group(rest)?..)?;
                continue;
            }
            '(' if NAMED.iter().any(|named| rest.starts_with(named)) => {
                plain.push_str("(?:");
                let (_, behind) = rest.get(3..)?.split_once(['>', '\''])?;
                rest = behind;
                continue;
            }
            c => c.len_utf8(),
        };
        plain.push_str(rest.get(..length)?);
        rest = rest.get(length..)?;
    }
    Some(plain)
}

/// Behind a backslash: what may stand for what is encoded in a path.
const BEYOND: &str = "pPxXuUNsh";
const LOOKS: [&str; 4] = ["(?!", "(?=", "(?<!", "(?<="];
const NAMED: [&str; 3] = ["(?<", "(?P<", "(?'"];

/// Where the class of characters ends that `text` begins with.
fn end_of_class(text: &str) -> Option<usize> {
    let mut is_escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if is_escaped => is_escaped = false,
            '\\' => is_escaped = true,
            // One that stands first is a character of it.
            ']' if at > 1 && text.get(..at) != Some("[^") => return Some(at + 1),
            _ => {}
        }
    }
    None
}

/// Where the group ends that `text` begins with.
fn end_of_group(text: &str) -> Option<usize> {
    let (mut depth, mut at) = (0_usize, 0);
    while let Some(c) = text.get(at..)?.chars().next() {
        at += match c {
            '\\' => 1 + text.get(at + 1..)?.chars().next()?.len_utf8(),
            '[' => end_of_class(text.get(at..)?)?,
            c => c.len_utf8(),
        };
        match c {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return Some(at);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use http::uri::PathAndQuery;

    use super::*;
    use crate::rules::PathChange;

    /// What an endpoint reads where a client asks for `path`; `None` where that is refused.
    fn read(expressions: &[String], change: Change<'_>, path: &str) -> Option<String> {
        let Some(Value::Table(entries)) = rewrite(expressions, change) else { panic!("{expressions:?}") };
        let text = |at: usize| match &entries[at].1 {
            Value::Text(text) => text.clone(),
            other => panic!("{other}"),
        };
        let expression = PathChange::Expression(Expression::new(&text(0), &text(1)).unwrap());
        let target = PathAndQuery::try_from(path).unwrap();
        expression.apply("/", &target).ok().map(|it| it.path().to_owned())
    }

    #[test]
    fn siblings_are_refused_however_they_are_written() {
        let refused = [siblings("/admin")];
        for path in [
            "/admin.php",
            "/administrator/x",
            "/%61dmin.php",
            "/admi%6E.php",
            "//admin.php",
            "/./admin.php",
            "/x/../admin.php",
            "/x/..;/admin.php",
            "/;x/admin.php",
            "/x\\..\\admin.php",
            "/%2Fadmin.php",
            "/x/%2e%2e/admin.php",
            "/x/..",
        ] {
            assert_eq!(read(&refused, Change::None, path), None, "{path}");
        }
        for path in ["/", "/adm", "/x/admin.php", "/a%20b/", "/%C3%A9", "/a;b", "/x/", "/.x/..y", "/100%25"] {
            assert_eq!(read(&refused, Change::None, path).as_deref(), Some(path), "{path}");
        }
    }

    #[test]
    fn one_path_is_told_from_what_is_below_it() {
        assert_eq!(read(&[below("/x")], Change::None, "/x/y"), None);
        assert_eq!(read(&[below("/x")], Change::None, "/x").as_deref(), Some("/x"));
        assert_eq!(read(&[only("/x")], Change::None, "/x"), None);
        assert_eq!(read(&[only("/x")], Change::None, "/x/y").as_deref(), Some("/x/y"));
        assert_eq!(read(&[beginning_with("/a*")], Change::None, "/a*b"), None);
    }

    #[test]
    fn a_path_is_taken_off_and_what_is_kept_out_stays_out() {
        let refused = [of_expression(r"/\.ht", false).unwrap(), siblings("/api/admin")];
        let read = |path| read(&refused, Change::Strips("/api"), path);
        assert_eq!(read("/api/x/y").as_deref(), Some("/x/y"));
        assert_eq!((read("/api").as_deref(), read("/api/").as_deref()), (Some("/"), Some("/")));
        for path in ["/api/.htaccess", "/api/x/.ht/y", "/api/admin2", "/api//x"] {
            assert_eq!(read(path), None, "{path}");
        }
    }

    #[test]
    fn an_expression_takes_no_less_than_that_of_nginx() {
        for (expression, taken) in [
            (r"/\.(?!well-known)", &["/.git/config", "/x/.env", "/.well-known/x"][..]),
            (r"\.(env|log)$", &["/x.env", "/y/z.log"]),
            (r"^/(?<tenant>[^/]+)/private", &["/a/private", "/b/privately"]),
            (r"^/(?P<tenant>a)/(?'other'b)$", &["/a/b"]),
            (r"(?<=/)secret(?=/|$)", &["/secret", "/x/secret/y"]),
            (r"^/[^]/]+/x", &["/a/x"]),
            (r"^\/wp\-admin|\.php$", &["/wp-admin/", "/x.php"]),
        ] {
            let said = of_expression(expression, false).unwrap_or_else(|| panic!("{expression}"));
            for path in taken {
                assert_eq!(read(std::slice::from_ref(&said), Change::None, path), None, "{expression} {path}");
            }
            assert!(read(&[said], Change::None, "/plain/path").is_some(), "{expression}");
        }
        let said = of_expression(r"\.PHP$", true).unwrap();
        assert_eq!(read(&[said], Change::None, "/x.php"), None);
        for none in [r"(a)\1", "a b", "(", "[a", "é", r"\p{Greek}", r"^/a\sb", "<script", "\\"] {
            assert_eq!(of_expression(none, false), None, "{none}");
        }
    }
}
