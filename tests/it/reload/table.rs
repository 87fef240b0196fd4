//! The table in `docs/reload.md` and the tests that hold its rows.

const TESTS: &[(&str, &str)] = &[
    ("keeps", include_str!("keeps.rs")),
    ("drains", include_str!("drains.rs")),
    ("keys", include_str!("keys.rs")),
    ("sockets", include_str!("sockets.rs")),
    ("certificates", include_str!("../tls_proxy/certificates.rs")),
    ("client_certificates", include_str!("../tls_proxy/client_certificates.rs")),
    ("names", include_str!("../tls_proxy/names.rs")),
    ("tickets", include_str!("../tls_proxy/tickets.rs")),
    ("test_listener_tls.py", include_str!("../../e2e/python/test_listener_tls.py")),
    ("reloads", include_str!("../endpoint_tls/reloads.rs")),
    ("passwords", include_str!("../access/passwords.rs")),
    ("limits", include_str!("../access/limits.rs")),
    ("renewal", include_str!("../access/renewal.rs")),
    ("rechecks", include_str!("../access/rechecks.rs")),
    ("fetched_keys", include_str!("../access/fetched_keys.rs")),
    ("answers", include_str!("../rules/answers.rs")),
    ("error_pages", include_str!("../rules/error_pages.rs")),
    ("admin_listeners", include_str!("../operate/admin_listeners.rs")),
    ("files", include_str!("../logs/files.rs")),
    ("spans", include_str!("../traces/spans.rs")),
    ("secrets", include_str!("../affinity/secrets.rs")),
];

#[test]
fn every_row_names_a_test_that_is_there() {
    let (_, table) = include_str!("../../../docs/reload.md").split_once("| what changed |").unwrap();
    let rows: Vec<_> = table.lines().skip(2).take_while(|line| line.starts_with('|')).collect();
    assert!(rows.len() > 10, "{rows:?}");
    for row in rows {
        let named = row.strip_suffix("` |").and_then(|row| row.rsplit('`').next()).and_then(|it| it.split_once("::"));
        let (file, test) = named.unwrap_or_else(|| panic!("no test in {row}"));
        let is_there = |source: &str| {
            [format!("#[tokio::test]\nasync fn {test}("), format!("def {test}(")]
                .iter()
                .any(|begin| source.contains(begin))
        };
        assert!(TESTS.iter().any(|(name, source)| *name == file && is_there(source)), "there is no {file}::{test}");
    }
}
