//! The reference: it shows every key there is, no other, and each at its default.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use toml::{Table, Value};
use windlass::config;

use super::{load, parse};

#[test]
fn the_reference_shows_every_key_and_no_other() {
    let mut shown = BTreeSet::new();
    collect_keys(&reference(), "", &mut shown);
    for (path, key) in config::known_keys() {
        assert!(shown.iter().any(|shown| stands_at(shown, path, key)), "config/reference.toml lacks {path}.{key}");
    }
    for shown in &shown {
        assert!(
            config::known_keys().any(|(path, key)| stands_at(shown, path, key)),
            "{shown} is no key of the program"
        );
    }
}

#[test]
fn the_reference_shows_every_default() {
    let mut bare = reference();
    remove_defaults(&mut bare, "");
    let bare = toml::to_string(&bare).unwrap();
    assert!(!bare.contains("timeout"), "{bare}");
    let file = Path::new("config/reference.toml");
    let defaults = config::parse(&bare, file).unwrap_or_else(|problems| panic!("{problems}\n{bare}"));
    assert_eq!(load("config/reference.toml"), defaults);
}

/// A key that is known but never read would take any value in silence.
#[test]
fn every_known_key_is_read() {
    let reference = reference();
    let mut shown = BTreeSet::new();
    collect_keys(&reference, "", &mut shown);
    for key in shown {
        let mut mistaken = reference.clone();
        replace(&mut mistaken, "", &key, &Value::Datetime("1979-05-27".parse().unwrap()));
        let problems = parse(&toml::to_string(&mistaken).unwrap()).expect_err(&key).to_string();
        assert!(problems.contains("not a date"), "{key}: {problems}");
    }
}

fn reference() -> Table {
    let source = fs::read_to_string("config/reference.toml").expect("the reference is there");
    source.parse().expect("the reference is TOML")
}

/// The dotted paths of every key in `table`, with `NAME` for what an operator names and `[]` for an index.
fn collect_keys(table: &Table, path: &str, keys: &mut BTreeSet<String>) {
    for (key, value) in table {
        let key = step(path, key);
        if !key.ends_with("NAME") {
            keys.insert(key.clone());
        }
        match value {
            Value::Table(table) => collect_keys(table, &key, keys),
            Value::Array(array) => {
                array.iter().filter_map(Value::as_table).for_each(|it| collect_keys(it, &format!("{key}[]"), keys));
            }
            _ => {}
        }
    }
}

/// Removes every key that has a default, and leaves the tables it stood in.
fn remove_defaults(table: &mut Table, path: &str) {
    table.retain(|key, value| {
        let key = step(path, key);
        let stays = WITHOUT_DEFAULT.contains(&key.as_str());
        match value {
            Value::Table(table) if key == "listener.NAME.tls" => {
                table.retain(|key, _| CERTIFICATES.contains(&key));
                true
            }
            Value::Table(_) if key.starts_with("route.NAME.websocket.") => false,
            Value::Table(table) => {
                remove_defaults(table, &key);
                true
            }
            Value::Array(array) => {
                array
                    .iter_mut()
                    .filter_map(Value::as_table_mut)
                    .for_each(|it| remove_defaults(it, &format!("{key}[]")));
                stays
            }
            _ => stays,
        }
    });
}

/// Puts `value` in place of the value at `target`, a path of [`collect_keys`].
fn replace(table: &mut Table, path: &str, target: &str, new: &Value) {
    for (key, value) in table {
        let key = step(path, key);
        match value {
            value if key == target => *value = new.clone(),
            Value::Table(table) => replace(table, &key, target, new),
            Value::Array(array) => array
                .iter_mut()
                .filter_map(Value::as_table_mut)
                .for_each(|it| replace(it, &format!("{key}[]"), target, new)),
            _ => {}
        }
    }
}

fn step(path: &str, key: &str) -> String {
    match path {
        "" => key.to_owned(),
        "listener" | "route" | "upstream" => format!("{path}.NAME"),
        _ => format!("{path}.{key}"),
    }
}

/// Whether the path `shown` is `key` in a table at `path`, where `*` is any key.
fn stands_at(shown: &str, path: &str, key: &str) -> bool {
    let known = if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
    let (shown, known): (Vec<_>, Vec<_>) = (shown.split('.').collect(), known.split('.').collect());
    shown.len() == known.len() && shown.iter().zip(&known).all(|(shown, known)| *known == "*" || shown == known)
}

/// What of the TLS of a listener has no default.
const CERTIFICATES: [&str; 4] = ["chain", "key", "certificates", "acme"];

/// What has no default, or one that the reference does not show but names.
const WITHOUT_DEFAULT: &[&str] = &[
    "admin.listen",
    "admin.listen[].address",
    "admin.listen[].token",
    "admin.listen[].chain",
    "admin.listen[].key",
    "admin.listen[].client_ca",
    "error_pages.*.body",
    "error_pages.5xx.file",
    "listener.NAME.bind",
    "listener.NAME.client_certificates.ca",
    "listener.NAME.tls",
    "route.NAME.path",
    "route.NAME.upstream",
    "route.NAME.allowed_clients",
    "route.NAME.allowed_origins",
    "route.NAME.split",
    "route.NAME.split[].upstream",
    "route.NAME.split[].weight",
    "route.NAME.authorize.ca",
    "route.NAME.authorize.close_code",
    "route.NAME.authorize.recheck_every",
    "route.NAME.authorize.take",
    "route.NAME.authorize.url",
    "route.NAME.basic_auth.file",
    "route.NAME.denied_clients",
    "route.NAME.error_pages.404.file",
    "route.NAME.error_pages.4xx.body",
    "route.NAME.handshakes_per_second.burst",
    "route.NAME.handshakes_per_second.rate",
    "route.NAME.jwt.algorithms",
    "route.NAME.jwt.audience",
    "route.NAME.jwt.headers.x-user",
    "route.NAME.jwt.issuer",
    "route.NAME.jwt.keys",
    "route.NAME.jwt.keys_ca",
    "route.NAME.jwt.require.role",
    "route.NAME.jwt.secret",
    "route.NAME.renew_path",
    "route.NAME.match_headers.x-debug.present",
    "route.NAME.match_headers.x-version.prefix",
    "route.NAME.match_query.beta.prefix",
    "route.NAME.match_query.debug.present",
    "route.NAME.methods",
    "route.NAME.redirect.host",
    "route.NAME.redirect.path",
    "route.NAME.redirect.port",
    "route.NAME.redirect.prefix",
    "route.NAME.redirect.scheme",
    "route.NAME.request_headers.add.x-via",
    "route.NAME.request_headers.remove",
    "route.NAME.request_headers.set.x-client",
    "route.NAME.respond.body",
    "route.NAME.respond.content_type",
    "route.NAME.respond.file",
    "route.NAME.respond.headers.cache-control",
    "route.NAME.respond.retry_after",
    "route.NAME.respond.status",
    "route.NAME.response_headers.add.x-route",
    "route.NAME.response_headers.remove",
    "route.NAME.response_headers.set.strict-transport-security",
    "route.NAME.rewrite.prefix",
    "route.NAME.rewrite.regex",
    "route.NAME.rewrite.to",
    "upstream.NAME.endpoints",
    "upstream.NAME.endpoints.dns",
    "upstream.NAME.endpoints.file",
    "upstream.NAME.endpoints.servers",
    "upstream.NAME.endpoints.srv",
    "upstream.NAME.endpoints[].address",
    "upstream.NAME.endpoints[].name",
    "upstream.NAME.handshakes_at_once.start",
    "upstream.NAME.health.host",
    "upstream.NAME.health.port",
    "upstream.NAME.health.probe",
    "upstream.NAME.pin_cookie.domain",
    "upstream.NAME.pin_cookie.name",
    "upstream.NAME.tls.ca",
    "upstream.NAME.tls.certificate.chain",
    "upstream.NAME.tls.certificate.key",
    "upstream.NAME.tls.fingerprints",
    "upstream.NAME.tls.name",
];
