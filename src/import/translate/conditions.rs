//! What the condition of an `if` looks at: what is asked for (host, scheme, port, method, path), or whether its client is one who may.
//!
//! What is not known to be the first counts as the second: a guard that is taken for a redirect would let everybody in. Not seen yet: what else
//! makes a variable that a `set` or a `map` makes too (`geo`, a named group, a module), and the query in `$request_uri`.

use std::collections::BTreeSet;

use super::text::{Part, parts};
use crate::import::syntax::Directive;

/// Whether `condition`, an `if`, looks at its client: by itself, or by variables that `set` and `map` make of what does, anywhere in `tree`.
pub(super) fn looks_at_client(condition: &Directive, tree: &[Directive]) -> bool {
    let mut names = names_of(condition);
    let mut seen = BTreeSet::new();
    while let Some(name) = names.pop() {
        if is_of_request(name) || !seen.insert(name) {
            continue;
        }
        let makers = makers(name, tree);
        if makers.is_empty() {
            return true;
        }
        names.extend(makers.into_iter().flat_map(variables));
    }
    false
}

/// Whether `condition` looks at its client by itself. A variable of the file's own may be a switch, as for maintenance.
pub(super) fn looks_at_client_itself(condition: &Directive, tree: &[Directive]) -> bool {
    names_of(condition).into_iter().any(|name| !is_of_request(name) && makers(name, tree).is_empty())
}

fn names_of(condition: &Directive) -> Vec<&str> {
    condition.texts().into_iter().flat_map(variables).collect()
}

fn variables(text: &str) -> impl Iterator<Item = &str> {
    parts(text).into_iter().filter_map(|part| match part {
        Part::Variable(name) => Some(name),
        Part::Text(_) => None,
    })
}

fn is_of_request(name: &str) -> bool {
    OF_REQUEST.contains(&name)
}

/// What `set` and `map` make the variable `name` of; nothing where neither makes it.
fn makers<'t>(name: &str, tree: &'t [Directive]) -> Vec<&'t str> {
    let mut found = Vec::new();
    collect(name, tree, &[], &mut found);
    found
}

/// Those in `block`, which stands in these `conditions`: by them is decided, too, what is set.
fn collect<'t>(name: &str, block: &'t [Directive], conditions: &[&'t str], found: &mut Vec<&'t str>) {
    let is_it = |written: &str| written.strip_prefix('$') == Some(name);
    for directive in block {
        match (directive.name(), &*directive.texts()) {
            // A group of an expression in the condition: what that looks at decides.
            ("set", [it, text]) if is_it(it) && !conditions.is_empty() && is_group(text) => found.extend(conditions),
            ("set", [it, text]) if is_it(it) => found.extend(conditions.iter().chain([text])),
            ("map", [source, it]) if is_it(it) => {
                found.push(source);
                found.extend(directive.inner().iter().filter_map(|case| case.argument(0)));
            }
            _ => {}
        }
        let asked = if directive.name() == "if" { directive.texts() } else { Vec::new() };
        collect(name, directive.inner(), &[conditions, &asked].concat(), found);
    }
}

fn is_group(text: &str) -> bool {
    text.strip_prefix('$').is_some_and(|name| name.bytes().all(|byte| byte.is_ascii_digit()))
}

/// What is asked for, and what a browser says of itself without being asked who uses it.
const OF_REQUEST: [&str; 32] = [
    "host",
    "http_host",
    "http_x_forwarded_host",
    "hostname",
    "server_name",
    "ssl_server_name",
    "server_addr",
    "server_port",
    "http_x_forwarded_port",
    "scheme",
    "https",
    "ssl_protocol",
    "http_x_forwarded_proto",
    "http_x_forwarded_protocol",
    "http_x_forwarded_scheme",
    "http_x_forwarded_ssl",
    "http_x_scheme",
    "http_front_end_https",
    "http_cloudfront_forwarded_proto",
    "http_cf_visitor",
    "server_protocol",
    "request_method",
    "request_uri",
    "request_filename",
    "document_root",
    "uri",
    "document_uri",
    "is_args",
    "http_user_agent",
    "http_accept",
    "http_accept_language",
    "http_upgrade",
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::import::syntax::{Numbers, parse};

    /// What holds of the last `if` of `source`.
    fn holds(of: fn(&Directive, &[Directive]) -> bool, source: &str) -> bool {
        let tree = parse(source, &"x".into(), &mut Numbers::default()).unwrap();
        of(tree.iter().rfind(|it| it.name() == "if").unwrap(), &tree)
    }

    #[test]
    fn what_clients_show_or_are_known_by_is_found_however_many_variables_are_between() {
        for source in [
            "if ($cookie_session = '') { }",
            "if ($remote_addr !~ ^10) { }",
            "if ($arg_key != k) { }",
            "if ($http_x_api_key != k) { }",
            "if ($http_origin !~ ours) { }",
            "geo $office { default 0; } if ($office = 0) { }",
            "map $http_x_api_key $may { default 0; } if ($may = 0) { }",
            "map $host $may { default $arg_key; } if ($may = 0) { }",
            "map $http_authorization $a { default 0; } map $a $b { default 0; } if ($b) { }",
            "set $key $arg_key; if ($key != k) { }",
            "set $may 0; if ($http_x = k) { set $may 1; } if ($may = 0) { }",
            "if ($http_x ~ (.+)) { set $may $1; } if ($may = 0) { }",
            "set $a $b; set $b $a; set $b $remote_user; if ($a) { }",
            "if ($nobody_knows) { }",
        ] {
            assert!(holds(looks_at_client, source), "{source}");
        }
    }

    #[test]
    fn what_is_asked_for_is_none_of_it() {
        for source in [
            "if ($scheme = http) { }",
            "if ($http_x_forwarded_proto != https) { }",
            "if ($server_port = 80) { }",
            "if ($host ~* ^www\\.(.*)$) { }",
            "if ($request_method !~ ^(GET|HEAD)$) { }",
            "if (!-f $request_filename) { }",
            "if ($http_user_agent ~ Mobile) { }",
            "set $plain 0; if ($scheme = http) { set $plain 1; } if ($plain) { }",
            "map $http_x_forwarded_proto $plain { default 0; http 1; } if ($plain) { }",
            "if ($host ~ ^(.+)\\.example) { set $who $1; } if ($who = www) { }",
            "set $a $b; set $b $a; if ($a) { }",
        ] {
            assert!(!holds(looks_at_client, source), "{source}");
        }
    }

    #[test]
    fn a_variable_of_the_files_own_may_be_a_switch() {
        assert!(holds(looks_at_client_itself, "if ($remote_addr !~ ^10) { }"));
        assert!(!holds(looks_at_client_itself, "set $off 1; if ($remote_addr ~ ^10) { set $off 0; } if ($off) { }"));
    }
}
