//! Texts with variables of nginx, and how they are said here.

use std::collections::HashMap;

use super::ledger::Ledger;
use super::makers::{Texts, made_of};
use super::scope::Scope;
use crate::import::syntax::Directive;

/// What `set` gives to variables, where that is a plain text.
#[derive(Clone, Debug, Default)]
pub(super) struct Variables {
    texts: HashMap<String, String>,
}

impl Variables {
    /// Those that are set in `scope`, and `$server_name`. One that is set twice, or in an `if`, is left out: what it says hangs on the request.
    pub(super) fn of(scope: &Scope<'_>) -> Self {
        let mut texts: HashMap<String, Option<String>> = HashMap::new();
        for set in scope.every("set") {
            let [name, text] = set.texts()[..] else { continue };
            let text = (!text.contains('$')).then(|| text.to_owned());
            let name = name.trim_start_matches('$').to_ascii_lowercase();
            texts.entry(name).and_modify(|it| *it = None).or_insert(text);
        }
        // The first name of a server is said in its place, where it is a plain one.
        if let Some(name) =
            scope.all("server_name").first().and_then(|it| it.argument(0)).filter(|it| is_plain_name(it))
        {
            texts.insert("server_name".to_owned(), Some(name.to_ascii_lowercase()));
        }
        let in_conditions = scope.every("if").flat_map(|it| it.inner()).filter(|it| it.name() == "set");
        for name in in_conditions.filter_map(|set| set.argument(0)) {
            texts.insert(name.trim_start_matches('$').to_ascii_lowercase(), None);
        }
        // Of one that something else makes, too, nobody knows what it says.
        let is_plain = |texts: &Texts<'_>| texts.len() == 1 && texts.iter().all(|text| !text.contains('$'));
        let is_known = |name: &str| {
            name == "server_name" || made_of(name, scope.whole()).is_some_and(|makers| makers.iter().all(is_plain))
        };
        let known = texts.into_iter().filter_map(|(name, text)| Some((name, text?)));
        Self { texts: known.filter(|(name, _)| is_known(name)).collect() }
    }

    /// Notes those of `scope` that `text` has as carried over.
    pub(super) fn note_used(text: &str, scope: &Scope<'_>, ledger: &Ledger) {
        let names: Vec<_> = parts(text)
            .into_iter()
            .filter_map(|part| match part {
                Part::Variable(name) => Some(format!("${name}")),
                Part::Text(_) => None,
            })
            .collect();
        let is_used = |set: &&Directive| set.argument(0).is_some_and(|name| names.iter().any(|used| used == name));
        scope.every("set").filter(is_used).for_each(|set| ledger.carried(set));
    }

    /// `text` with what these say in their places.
    pub(super) fn spelled_out(&self, text: &str) -> String {
        let say = |part| match part {
            Part::Text(text) => text.to_owned(),
            Part::Variable(name) => {
                self.texts.get(&name.to_ascii_lowercase()).cloned().unwrap_or_else(|| format!("${{{name}}}"))
            }
        };
        parts(text).into_iter().map(say).collect()
    }
}

fn is_plain_name(name: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    name.starts_with(|c: char| c.is_ascii_alphanumeric()) && name.bytes().all(is_plain)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part<'t> {
    Text(&'t str),
    Variable(&'t str),
}

/// What `text` is made of; a `$` that names nothing is text.
pub(super) fn parts(text: &str) -> Vec<Part<'_>> {
    let mut parts = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let (plain, behind) = rest.split_at(rest.find('$').unwrap_or(rest.len()));
        if !plain.is_empty() {
            parts.push(Part::Text(plain));
        }
        rest = match variable(behind) {
            Some((name, behind)) => {
                parts.push(Part::Variable(name));
                behind
            }
            None => {
                let (dollar, behind) = behind.split_at(behind.len().min(1));
                if !dollar.is_empty() {
                    parts.push(Part::Text(dollar));
                }
                behind
            }
        };
    }
    parts
}

/// The variable that `text` begins with, and what stands behind it.
fn variable(text: &str) -> Option<(&str, &str)> {
    let text = text.strip_prefix('$')?;
    if let Some(braced) = text.strip_prefix('{') {
        return braced.split_once('}');
    }
    let end = text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(text.len());
    (end > 0).then(|| text.split_at(end))
}

/// `text` with `${name}` written as `$name`, for what is compared word by word.
pub(super) fn without_braces(text: &str) -> String {
    let say = |part| match part {
        Part::Text(text) => text.to_owned(),
        Part::Variable(name) => format!("${name}"),
    };
    parts(text).into_iter().map(say).collect()
}

/// `text` as a header says it here.
///
/// # Errors
/// The first variable that there is none for.
pub(super) fn template(text: &str) -> Result<String, String> {
    let say = |part| match part {
        Part::Text(text) => Ok(text.replace('{', "{{").replace('}', "}}")),
        Part::Variable(name) => here(name).ok_or_else(|| name.to_owned()),
    };
    parts(text).into_iter().map(say).collect()
}

fn here(name: &str) -> Option<String> {
    let known = match name {
        "remote_addr" | "proxy_protocol_addr" => "{client_ip}",
        "host" | "http_host" => "{host}",
        "scheme" => "{scheme}",
        "request_method" => "{method}",
        "uri" | "document_uri" => "{path}",
        "request_id" => "{request_id}",
        "ssl_server_name" => "{sni}",
        _ => {
            let header = name.strip_prefix("http_").filter(|header| !header.is_empty())?;
            return Some(format!("{{header:{}}}", header.replace('_', "-")));
        }
    };
    Some(known.to_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::import::syntax::{Numbers, parse};

    #[test]
    fn texts_are_taken_apart() {
        use Part::{Text, Variable};
        assert_eq!(parts("a$b-${c}d"), [Text("a"), Variable("b"), Text("-"), Variable("c"), Text("d")]);
        assert_eq!(parts("$ $"), [Text("$"), Text(" "), Text("$")]);
        assert_eq!(without_braces("https://${host}$request_uri"), "https://$host$request_uri");
    }

    #[test]
    fn variables_of_requests_have_their_names_here() {
        assert_eq!(template("$remote_addr, {$http_x_user_id}").unwrap(), "{client_ip}, {{{header:x-user-id}}}");
        assert_eq!(template("a $upstream_status"), Err("upstream_status".into()));
    }

    #[test]
    fn what_is_set_once_and_plain_is_spelled_out() {
        let tree = "set $a http://app:80; set $b x; set $c $host; set $d 1; if ($x) { set $d 2; } s { set $b y; }";
        let tree = parse(tree, &"x".into(), &mut Numbers::default()).unwrap();
        let scope = Scope::of(&tree);
        let inner = scope.within(tree[5].inner());
        assert_eq!(Variables::of(&inner).spelled_out("$a/$b$c$d"), "http://app:80/${b}${c}${d}");
        assert_eq!(Variables::of(&scope).spelled_out("$b"), "x");
        for more in
            ["set_by_lua_block $a { }", "geo $a { default x; }", "if ($y ~ '(?<A>.)') { }", "if ($y) { set $A x; }"]
        {
            let tree = parse(&format!("set $a app; {more}"), &"x".into(), &mut Numbers::default()).unwrap();
            assert_eq!(Variables::of(&Scope::of(&tree)).spelled_out("$a"), "${a}", "{more}");
        }
    }

    proptest! {
        #[test]
        fn nothing_is_lost(text in "[a-z${}_ é]{0,30}") {
            let together: String = parts(&text).iter().map(|part| match part {
                Part::Text(text) => (*text).to_owned(),
                Part::Variable(name) => format!("${name}"),
            }).collect();
            prop_assert_eq!(together, without_braces(&text));
            let _ = template(&text);
        }
    }
}
