//! `server_name`: the hosts that a server is for.

use std::net::IpAddr;

use super::ledger::Ledger;
use super::scope::Scope;
use crate::import::syntax::Directive;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct ServerNames {
    /// As `hosts` of a route has them, in lower case; none where it is only for those that no other server is for.
    pub(super) hosts: Vec<String>,
    /// Whether all of its names are ones that cannot be said here.
    pub(super) is_beyond: bool,
    /// Whether one of them is.
    pub(super) has_unsaid: bool,
}

impl ServerNames {
    /// Those of the server whose block is that of `scope`.
    pub(super) fn of(scope: &Scope<'_>, ledger: &Ledger) -> Self {
        let mut hosts = Vec::new();
        let mut is_beyond = false;
        for directive in scope.own_named("server_name") {
            let is_for_nobody = directive.texts().into_iter().all(|name| matches!(read(name), Name::Nobody));
            if is_for_nobody {
                ledger.nothing(directive)
            } else {
                ledger.carried(directive)
            }
            for name in directive.texts() {
                match read(name) {
                    Name::Hosts(named) => hosts.extend(named),
                    Name::Nobody => {}
                    Name::Beyond(why) => {
                        is_beyond = true;
                        tell(directive, name, why, ledger);
                    }
                }
            }
        }
        let mut seen = Vec::new();
        hosts.retain(|host| {
            !seen.contains(host) && {
                seen.push(host.clone());
                true
            }
        });
        Self { is_beyond: is_beyond && hosts.is_empty(), has_unsaid: is_beyond, hosts }
    }

    /// The first name, which is `$server_name`.
    pub(super) fn first(&self) -> Option<&str> {
        self.hosts.first().map(String::as_str).filter(|host| !host.starts_with('*'))
    }
}

enum Name {
    Hosts(Vec<String>),
    /// What no client asks for: `_` and the like.
    Nobody,
    Beyond(&'static str),
}

fn read(name: &str) -> Name {
    let lower = name.to_ascii_lowercase();
    match lower.as_str() {
        "" | "_" | "-" | "--" | "*" => return Name::Nobody,
        _ if name.starts_with('~') => return Name::Beyond("is a regular expression, and hosts are names"),
        _ if name.contains('$') => return Name::Beyond("is a variable"),
        _ if name.ends_with(".*") => return Name::Beyond("has its wildcard at the end"),
        _ if !name.is_ascii() => return Name::Beyond("is not ASCII: write it in punycode"),
        _ => {}
    }
    let (rest, hosts) = match (lower.strip_prefix("*."), lower.strip_prefix('.')) {
        (Some(rest), _) => (rest, vec![lower.clone()]),
        (_, Some(rest)) => (rest, vec![rest.to_owned(), format!("*.{rest}")]),
        _ => (lower.as_str(), vec![lower.clone()]),
    };
    let is_label = |label: &str| {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
        (1..=63).contains(&label.len())
            && label.bytes().all(is_plain)
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let is_ip = rest == lower && rest.parse::<IpAddr>().is_ok();
    match is_ip || (rest.len() <= 253 && rest.split('.').all(is_label)) {
        true => Name::Hosts(hosts),
        false => Name::Beyond("is no name of a host"),
    }
}

fn tell(directive: &Directive, name: &str, why: &str, ledger: &Ledger) {
    ledger.left(
        directive,
        format!("{name} {why}"),
        "list the hosts in `hosts` of the routes, or a wildcard in front such as \"*.example.com\"",
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::import::syntax::{Numbers, parse};

    fn names(source: &str) -> (ServerNames, usize) {
        let mut numbers = Numbers::default();
        let tree = parse(source, &"x".into(), &mut numbers).unwrap();
        let ledger = Ledger::new(numbers.count());
        (ServerNames::of(&Scope::of(&tree), &ledger), ledger.counts().2)
    }

    #[test]
    fn names_become_hosts() {
        let (names, left) =
            names("server_name Chat.example.com *.games.example.com .example.org chat.example.com 10.0.0.1;");
        let hosts = ["chat.example.com", "*.games.example.com", "example.org", "*.example.org", "10.0.0.1"];
        assert_eq!((names.hosts.as_slice(), left), (hosts.map(String::from).as_slice(), 0));
        assert_eq!(names.first(), Some("chat.example.com"));
    }

    #[test]
    fn names_that_nobody_asks_for_are_every_host() {
        assert_eq!(names("server_name _;"), (ServerNames::default(), 0));
        assert_eq!(names("server_name \"\";"), (ServerNames::default(), 0));
        assert_eq!(names(""), (ServerNames::default(), 0));
    }

    #[test]
    fn names_that_cannot_be_said_are_told_of() {
        for name in ["~^(?<user>.+)\\.example\\.com$", "www.example.*", "$hostname", "bücher.example", "a/b"] {
            let (names, left) = names(&format!("server_name '{name}';"));
            assert!(names.is_beyond && names.hosts.is_empty() && left == 1, "{name}");
        }
        let (names, left) = names("server_name a.example ~^b$;");
        assert!(!names.is_beyond && names.has_unsaid && left == 1);
    }
}
