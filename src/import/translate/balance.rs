//! How an `upstream` chooses: by its load, by a key, or by a cookie.

use super::amounts::{size, written_time};
use super::ledger::Ledger;
use super::scope::Scope;
use super::text::{Part, parts};
use crate::import::output::{Table, Value};
use crate::import::syntax::Directive;

/// Writes how the endpoints of `group` are chosen.
pub(super) fn balance(group: &Directive, ledger: &Ledger, table: &mut Table) {
    let scope = Scope::of(group.inner());
    let is_said = by_key(&scope, ledger, table) || by_load(&scope, ledger, table);
    let has_several = scope.own_named("server").count() > 1;
    sticky_cookie(&scope, ledger, table);
    if !is_said && has_several {
        table.put("policy", "round_robin");
    }
    connections_rest(group, ledger);
    if let Some(directive) = scope.last("keepalive_timeout") {
        match directive.value().and_then(written_time) {
            Some(time) => {
                table.put("keep_alive", time);
                ledger.carried(directive);
            }
            None => ledger.left(directive, "is no time", "write `keep_alive` in [upstream.NAME]"),
        }
    }
    queue(&scope, ledger, table);
}

/// Connections of `group` rest here in any case.
pub(super) fn connections_rest(group: &Directive, ledger: &Ledger) {
    const OF_CONNECTIONS: [&str; 5] = ["zone", "keepalive", "keepalive_requests", "keepalive_time", "ntlm"];
    group.inner().iter().filter(|it| OF_CONNECTIONS.contains(&it.name())).for_each(|it| ledger.nothing(it));
}

fn by_load(scope: &Scope<'_>, ledger: &Ledger, table: &mut Table) -> bool {
    for (name, policy) in [("least_conn", "least_tunnels"), ("least_time", "least_busy"), ("random", "random")] {
        let Some(directive) = scope.last(name) else { continue };
        let policy = if name == "random" && directive.argument(0) == Some("two") { "least_tunnels" } else { policy };
        table.put("policy", policy);
        if name == "least_time" {
            ledger.remarked(directive, "what is measured here is what goes on in the tunnels", "docs/balancing.md");
        }
        ledger.carried(directive);
        return true;
    }
    false
}

fn by_key(scope: &Scope<'_>, ledger: &Ledger, table: &mut Table) -> bool {
    if let Some(directive) = scope.last("ip_hash") {
        ledger.carried(directive);
        table.put("sticky_on", Value::texts(["client_ip".to_owned()]));
        return true;
    }
    let Some(directive) = scope.last("hash") else { return false };
    match directive.argument(0).and_then(affinity) {
        Some(source) => {
            table.put("sticky_on", Value::texts([source]));
            ledger.carried(directive);
            true
        }
        None => {
            ledger.left(
                directive,
                "no affinity key is made of this",
                "write sticky_on = [\"header:x-user\", \"path:2\", \"client_ip\"] or the like in [upstream.NAME]: docs/balancing.md",
            );
            false
        }
    }
}

/// What says here what `text` does there, where that is one variable.
fn affinity(text: &str) -> Option<String> {
    let [Part::Variable(name)] = parts(text)[..] else { return None };
    if let Some((source, name)) = name.split_once('_')
        && !name.is_empty()
    {
        match source {
            "cookie" => return Some(format!("cookie:{name}")),
            "arg" => return Some(format!("query:{name}")),
            "http" if !["host", "x_forwarded_for"].contains(&name) => {
                return Some(format!("header:{}", name.replace('_', "-")));
            }
            _ => {}
        }
    }
    let known = match name {
        "remote_addr" | "binary_remote_addr" | "http_x_forwarded_for" | "proxy_add_x_forwarded_for" => "client_ip",
        "host" | "http_host" => "host",
        "ssl_client_fingerprint" => "client_certificate",
        _ => return None,
    };
    Some(known.to_owned())
}

/// `sticky cookie`. Another kind is told of as whatever has no counterpart.
fn sticky_cookie(scope: &Scope<'_>, ledger: &Ledger, table: &mut Table) {
    let Some(directive) = scope.last("sticky") else { return };
    let texts = directive.texts();
    let parameters = match texts[..] {
        ["cookie", name, ref parameters @ ..] => Some((name, parameters)),
        _ => None,
    };
    let Some((name, parameters)) = parameters else { return };
    let mut entries = vec![("name".to_owned(), Value::from(name))];
    for parameter in parameters {
        let (key, value) = parameter.split_once('=').unwrap_or((parameter, ""));
        match key {
            "expires" => entries.extend(written_time(value).map(|time| ("max_age".to_owned(), time.into()))),
            "domain" => entries.push(("domain".to_owned(), value.trim_start_matches('.').into())),
            "path" if value != "/" => entries.push(("path".to_owned(), value.into())),
            "samesite" if ["strict", "lax", "none"].contains(&value) => {
                entries.push(("same_site".to_owned(), value.into()))
            }
            // Secure where the listener has TLS, and always HttpOnly.
            "path" | "httponly" | "secure" => {}
            other => ledger.left(
                directive,
                format!("{other:?} of it is not known"),
                "[upstream.NAME.pin_cookie] of config/reference.toml has what there is",
            ),
        }
    }
    ledger.carried(directive);
    match entries.as_slice() {
        [(_, name)] => table.put("pin_cookie", name.clone()),
        _ => table.put("pin_cookie", Value::Table(entries)),
    }
}

/// How many a queue takes here.
const LONGEST_QUEUE: u64 = 1_000_000;

/// `queue`, for endpoints that have `max_conns`.
fn queue(scope: &Scope<'_>, ledger: &Ledger, table: &mut Table) {
    let Some(directive) = scope.last("queue") else { return };
    let length = directive.argument(0).and_then(size);
    let wait = directive.argument(1).and_then(|it| it.strip_prefix("timeout=")).and_then(written_time);
    let wait = wait.unwrap_or_else(|| "1min".to_owned());
    match length {
        Some(length) if length > 0 && table.entries.iter().any(|(key, _)| key == "max_tunnels") => {
            table.put(
                "queue",
                Value::table([("length", Value::Number(length.min(LONGEST_QUEUE))), ("wait", wait.into())]),
            );
            ledger.carried(directive);
        }
        _ => ledger.left(
            directive,
            "nobody waits where endpoints take everybody",
            "write `max_tunnels` and `queue` in [upstream.NAME]",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::import::syntax::{Numbers, parse};

    fn written(inner: &str) -> (String, usize) {
        let mut numbers = Numbers::default();
        let tree =
            parse(&format!("upstream u {{ {inner} server a:1; server b:1; }}"), &"x".into(), &mut numbers).unwrap();
        let ledger = Ledger::new(numbers.count());
        let mut table = Table::new("upstream", "u");
        balance(&tree[0], &ledger, &mut table);
        let lines: Vec<_> = table.entries.iter().map(|(key, value)| format!("{key} = {value}")).collect();
        (lines.join("; "), ledger.counts().2)
    }

    #[test]
    fn each_way_to_choose_has_its_policy() {
        for (inner, policy) in [
            ("", "policy = \"round_robin\""),
            ("least_conn;", "policy = \"least_tunnels\""),
            ("random two least_conn;", "policy = \"least_tunnels\""),
            ("random;", "policy = \"random\""),
            ("ip_hash;", "sticky_on = [\"client_ip\"]"),
            ("hash $remote_addr consistent;", "sticky_on = [\"client_ip\"]"),
            ("hash $http_x_user_id;", "sticky_on = [\"header:x-user-id\"]"),
            ("hash ${cookie_sid} consistent;", "sticky_on = [\"cookie:sid\"]"),
            ("hash $arg_room;", "sticky_on = [\"query:room\"]"),
            ("hash $host;", "sticky_on = [\"host\"]"),
            (
                "sticky cookie srv expires=1h path=/;",
                "pin_cookie = { name = \"srv\", max_age = \"1h\" }; policy = \"round_robin\"",
            ),
            ("ip_hash; sticky cookie srv;", "sticky_on = [\"client_ip\"]; pin_cookie = \"srv\""),
            ("zone z 64k; keepalive 32; keepalive_timeout 30s;", "policy = \"round_robin\"; keep_alive = \"30s\""),
        ] {
            assert_eq!(written(inner), (policy.to_owned(), 0), "{inner}");
        }
    }

    #[test]
    fn what_is_no_key_here_is_told_of() {
        for inner in ["hash $request_uri consistent;", "hash $host$uri;", "queue 100;"] {
            assert_eq!(written(inner), ("policy = \"round_robin\"".to_owned(), 1), "{inner}");
        }
    }
}
