//! What a server does with requests before it looks for a location: `return`, and the conditions that certbot and others write.

use super::answer::{Destination, answer, answer_instead};
use super::context::Context;
use super::fronts::Front;
use super::ledger::Reason;
use super::location::Location;
use super::moves::is_url;
use super::routes::{Route, Routes};
use super::scope::Scope;
use super::servers::{Listener, Server};
use crate::import::syntax::Directive;

/// Makes routes of what stands before the locations of `server`, and returns what of `fronts` is left for these.
pub(super) fn server_rules<'t>(
    server: &Server<'t>,
    mut fronts: Vec<Front>,
    listeners: &[Listener<'t>],
    context: &Context<'t>,
    routes: &mut Routes<'t>,
) -> Vec<Front> {
    for directive in server.scope.own() {
        let condition = match directive.name() {
            "return" | "rewrite" => Some(Condition::None),
            "if" => condition(directive),
            _ => None,
        };
        let Some(condition) = condition else { continue };
        let Some(answered) = answered(directive, server) else { continue };
        let destination = match answered {
            Ok(destination) => destination,
            Err(Reason { why, instead }) => {
                let destination = answer_instead(directive.inner().first().unwrap_or(directive));
                context.ledger.left(
                    directive,
                    format!("{why}; here nobody comes to an endpoint for it: {} = {}", destination.0, destination.1),
                    instead,
                );
                destination
            }
        };
        let (taken, left) = share(&fronts, &condition, listeners);
        for front in &taken {
            put(directive, front, &destination, listeners, routes);
        }
        match (&condition, taken.is_empty()) {
            (Condition::OtherHosts(host), false) if left.is_empty() => context.ledger.left(
                directive,
                format!("no server name is {host} alone, so all of them answer what others than that are answered"),
                format!("write a route with hosts = [\"{host}\"]: it counts for more than one with a wildcard"),
            ),
            (Condition::Host(host), true) => context.ledger.left(
                directive,
                format!("no server name is {host} alone, so no route is for it"),
                format!("write a route with hosts = [\"{host}\"]: it counts for more than one with a wildcard"),
            ),
            _ => context.ledger.carried_whole(directive),
        }
        fronts = left;
    }
    fronts
}

enum Condition {
    None,
    Host(String),
    /// Any host but this one.
    OtherHosts(String),
    /// Requests that came without TLS.
    Plain,
    /// Requests that came to this port.
    Port(u16),
    /// Requests that came to any port but this one.
    OtherPorts(u16),
}

/// The condition of an `if`, where it is one that a route has.
fn condition(directive: &Directive) -> Option<Condition> {
    let text = directive.texts().join(" ");
    let text = text.trim().strip_prefix('(')?.strip_suffix(')')?.trim();
    match text.split_once(' ')? {
        ("$host", rest) => {
            let (of_host, host): (fn(String) -> Condition, _) = match rest.trim_start().split_once('=')? {
                ("", host) => (Condition::Host, host.trim()),
                ("!", host) => (Condition::OtherHosts, host.trim()),
                _ => return None,
            };
            let is_plain = host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_".contains(&byte));
            (is_plain && !host.is_empty()).then(|| of_host(host.to_ascii_lowercase()))
        }
        ("$server_port", rest) => match rest.split_once(' ')? {
            ("=", port) => port.parse().ok().map(Condition::Port),
            ("!=", port) => port.parse().ok().map(Condition::OtherPorts),
            _ => None,
        },
        ("$scheme", "= http" | "!= https") | ("$https" | "$ssl_protocol", "= " | "=") => Some(Condition::Plain),
        ("$https", "!= on") => Some(Condition::Plain),
        _ => None,
    }
}

/// What is answered by a `return`, or by an `if` with nothing else in it; `None` where it is something else.
fn answered(directive: &Directive, server: &Server<'_>) -> Option<Result<Destination, Reason>> {
    match (directive.name(), directive.inner()) {
        ("return", _) => Some(answer(directive, &server.scope, &Location::everything(), server.names.first())),
        ("rewrite", _) => redirecting_rewrite(directive, &server.scope, &Location::everything(), server.names.first()),
        ("if", [only]) if only.name() == "return" => {
            Some(answer(only, &server.scope, &Location::everything(), server.names.first()))
        }
        ("if", [only]) if only.name() == "rewrite" => {
            redirecting_rewrite(only, &server.scope, &Location::everything(), server.names.first())
        }
        _ => None,
    }
}

/// What a `rewrite` of every path does that sends clients elsewhere; `None` for any other.
pub(super) fn redirecting_rewrite(
    directive: &Directive,
    scope: &Scope<'_>,
    location: &Location,
    server_name: Option<&str>,
) -> Option<Result<Destination, Reason>> {
    let (expression, url, status) = match directive.texts()[..] {
        [expression, url, "permanent"] => (expression, url, "301"),
        [expression, url, "redirect"] => (expression, url, "302"),
        // A whole URL sends clients there in any case.
        [expression, url] | [expression, url, "last" | "break"] if is_url(url) => (expression, url, "302"),
        _ => return None,
    };
    let url = match expression {
        "^" | ".*" | "^.*$" | "^/" | "^/?" | "^/.*" | "^/.*$" => url.trim_end_matches('?').to_owned(),
        "^(.*)$" | "^(.*)" | "(.*)" => url.replace("/$1", "$1").replace("$1", "$request_uri"),
        "^/(.*)$" | "^/(.*)" => url.replace("/$1", "$request_uri"),
        _ => return None,
    };
    let mut said = directive.clone();
    let word = |text: &str| crate::import::syntax::Word { text: text.to_owned(), written: text.to_owned() };
    said.arguments = vec![word(status), word(&url)];
    Some(answer(&said, scope, location, server_name))
}

/// What of `fronts` a condition takes, and what it leaves.
fn share(fronts: &[Front], condition: &Condition, listeners: &[Listener<'_>]) -> (Vec<Front>, Vec<Front>) {
    let (mut taken, mut left) = (Vec::new(), Vec::new());
    for front in fronts {
        let (takes, leaves) = match condition {
            Condition::None => (Some(front.clone()), None),
            Condition::Host(host) => share_hosts(front, host),
            Condition::OtherHosts(host) => {
                let (own, others) = share_hosts(front, host);
                (others, own)
            }
            Condition::Plain => share_listeners(front, listeners, |it| !it.has_tls),
            Condition::Port(port) => share_listeners(front, listeners, |it| it.address.port() == *port),
            Condition::OtherPorts(port) => share_listeners(front, listeners, |it| it.address.port() != *port),
        };
        taken.extend(takes);
        // A name of its own, and one of all, may leave the same.
        left.extend(leaves.filter(|it| !left.contains(it)));
    }
    (taken, left)
}

/// What of `front` is for `host`, and what for others.
fn share_hosts(front: &Front, host: &String) -> (Option<Front>, Option<Front>) {
    // One that had hosts, and has none left, is for nobody, and not for everybody.
    let of = |hosts: Vec<String>| (!hosts.is_empty()).then(|| Front { hosts, ..front.clone() });
    if front.hosts.is_empty() {
        return (of(vec![host.clone()]), Some(front.clone()));
    }
    let (own, others) = front.hosts.iter().cloned().partition(|it| it == host);
    (of(own), of(others))
}

/// What of `front` comes through the listeners that `is_taken`, and what through others.
fn share_listeners(
    front: &Front,
    listeners: &[Listener<'_>],
    is_taken: impl Fn(&Listener<'_>) -> bool,
) -> (Option<Front>, Option<Front>) {
    let of = |listeners: Vec<usize>| (!listeners.is_empty()).then(|| Front { listeners, ..front.clone() });
    let (taken, left) = front.listeners.iter().copied().partition(|at| listeners.get(*at).is_some_and(&is_taken));
    (of(taken), of(left))
}

fn put<'t>(
    directive: &'t Directive,
    front: &Front,
    (key, value): &Destination,
    listeners: &[Listener<'t>],
    routes: &mut Routes<'t>,
) {
    let location = Location::everything();
    if !routes.claim(front, &location.path) {
        return;
    }
    let is_https = *key == "redirect" && value.to_string().contains("scheme = \"https\"");
    let mut table = routes.table(front, &location, if is_https { "to-https" } else { "" }, listeners);
    table.put(key, value.clone());
    routes.found.push(Route {
        table,
        told: Vec::new(),
        order: directive.id,
        front: front.clone(),
        path: location.path,
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::import::syntax::{Numbers, parse};

    fn is_known(source: &str) -> Option<bool> {
        let tree = parse(source, &"x".into(), &mut Numbers::default()).unwrap();
        condition(&tree[0]).map(|it| matches!(it, Condition::Plain))
    }

    #[test]
    fn conditions_of_certbot_are_known() {
        assert_eq!(is_known("if ($host = chat.example.com) { }"), Some(false));
        assert_eq!(is_known("if ($host = 'chat.example.com' ) { }"), Some(false));
        assert_eq!(is_known("if ($host != chat.example.com) { }"), Some(false));
        assert_eq!(is_known("if ($server_port = 80) { }"), Some(false));
        assert_eq!(is_known("if ($server_port != '443') { }"), Some(false));
        for plain in ["($scheme = http)", "($scheme != \"https\")", "($ssl_protocol = \"\")"] {
            assert_eq!(is_known(&format!("if {plain} {{ }}")), Some(true), "{plain}");
        }
        for other in ["($host ~ a)", "($host ~= a)", "($http_x)", "($request_method = POST)", "($host = $x)"] {
            assert_eq!(is_known(&format!("if {other} {{ }}")), None, "{other}");
        }
    }

    #[test]
    fn a_host_is_taken_out_of_those_of_a_front() {
        let front =
            |hosts: &[&str]| Front { hosts: hosts.iter().map(|it| (*it).to_owned()).collect(), listeners: vec![0] };
        let taken = |hosts: &[&str]| share(&[front(hosts)], &Condition::Host("a".into()), &[]);
        assert_eq!(taken(&["a", "b"]), (vec![front(&["a"])], vec![front(&["b"])]));
        assert_eq!(taken(&["a"]), (vec![front(&["a"])], Vec::new()));
        assert_eq!(taken(&[]), (vec![front(&["a"])], vec![front(&[])]));
        assert_eq!(taken(&["b"]), (Vec::new(), vec![front(&["b"])]));
    }

    #[test]
    fn all_hosts_but_one_are_taken_out_of_those_of_fronts() {
        let front =
            |hosts: &[&str]| Front { hosts: hosts.iter().map(|it| (*it).to_owned()).collect(), listeners: vec![0] };
        let taken = |fronts: &[Front]| share(fronts, &Condition::OtherHosts("a".into()), &[]);
        assert_eq!(taken(&[front(&["a", "b"])]), (vec![front(&["b"])], vec![front(&["a"])]));
        assert_eq!(taken(&[front(&["a"])]), (Vec::new(), vec![front(&["a"])]));
        assert_eq!(taken(&[front(&[]), front(&["a"])]), (vec![front(&[])], vec![front(&["a"])]));
        assert_eq!(taken(&[front(&["*.b"])]), (vec![front(&["*.b"])], Vec::new()));
    }
}
