//! Keys that other proxies have, or that people try first, and what to do here instead.
//!
//! Words that are near a key of ours are not in here: those are found by their spelling.

use super::foreign_in_tables::KEYS_OF_TABLES;

/// What to do instead of writing `key` in a table at `path`, where it means something there.
pub(super) fn instead_of_here(path: &str, key: &str) -> Option<&'static str> {
    let plain = plain(key);
    let mut here = KEYS_OF_TABLES.iter().filter(|(tables, ..)| tables.contains(&path));
    here.find(|(_, keys, _)| keys.contains(&plain.as_str())).map(|(.., instead)| *instead)
}

/// What to do instead of writing `key`, where it means the same in every table.
pub(super) fn instead_of_elsewhere(key: &str) -> Option<&'static str> {
    let plain = plain(key);
    KEYS.iter().find(|(keys, _)| keys.contains(&plain.as_str())).map(|(_, instead)| *instead)
}

fn plain(key: &str) -> String {
    key.to_ascii_lowercase().replace('-', "_")
}

/// Keys that mean the same wherever they stand.
const KEYS: &[(&[&str], &str)] = &[
    (
        &["cert", "certificate", "cert_file", "certfile", "crt", "crt_file", "pem", "fullchain", "ssl_certificate"],
        "did you mean `chain`? tls = { chain = \"site.pem\", key = \"site.key\" }",
    ),
    (
        &["key_file", "keyfile", "private_key", "privkey", "key_path", "certificate_key", "ssl_certificate_key"],
        "did you mean `key`? tls = { chain = \"site.pem\", key = \"site.key\" }",
    ),
    (
        &["ssl", "https", "tls_cert", "tls_key"],
        "write tls = { chain = \"site.pem\", key = \"site.key\" } in [listener.NAME]",
    ),
    (
        &["acme", "letsencrypt", "auto_https", "autocert"],
        "write tls = { acme = { contact = \"mailto:ops@example.com\" } } in [listener.NAME]",
    ),
    (
        &["otel", "opentelemetry", "otel_trace", "otel_exporter", "otlp", "tracing", "jaeger", "zipkin"],
        "write endpoint = \"http://127.0.0.1:4318/v1/traces\" in [traces]: OTLP over HTTP is spoken",
    ),
    (
        &["max_version", "ciphers", "ssl_ciphers"],
        "remove it: TLS 1.2 and 1.3 are spoken, with the ciphers that are safe",
    ),
    (
        &["min_version", "tls_version", "protocols", "ssl_protocols", "ssl_min_ver"],
        "write min_version = \"1.3\" in the `tls` of [listener.NAME]; 1.2 and 1.3 are spoken",
    ),
    (
        &[
            "ssl_session_ticket_key",
            "session_ticket_key",
            "session_tickets",
            "tls_ticket_keys",
            "ticket_key",
            "ticket_keys",
        ],
        "write ticket_secret = \"tickets.secret\" in the `tls` of [listener.NAME]",
    ),
    (
        &["ssl_stapling", "ssl_stapling_file", "ocsp_stapling", "ocsp_staple", "staple"],
        "write ocsp = \"site.ocsp\" beside `chain` and `key`: a file that another program fetches",
    ),
    (
        &[
            "strict_sni",
            "sni_strict",
            "ssl_reject_handshake",
            "reject_unknown_sni",
            "default_server",
            "default_certificate",
        ],
        "write unknown_names = \"refuse\" in the `tls` of [listener.NAME]; with \"first\" the first certificate is the default",
    ),
    (
        &[
            "client_ca",
            "client_auth",
            "mtls",
            "ca",
            "ca_file",
            "cafile",
            "verify",
            "ssl_client_certificate",
            "ssl_verify_client",
            "trusted_ca",
        ],
        "write client_certificates = { ca = \"clients.pem\", require = true } in [listener.NAME]",
    ),
    (
        &["listen", "port", "address_and_port", "entrypoint", "entrypoints", "addr"],
        "write bind = \"0.0.0.0:443\" in [listener.NAME]",
    ),
    (&["server", "servers_names", "virtual_host", "site"], "write [listener.NAME], [route.NAME] and [upstream.NAME]"),
    (
        &["server_name", "server_names", "domain", "domains", "hostname", "virtual_hosts"],
        "write hosts = [\"chat.example.com\"] in [route.NAME]",
    ),
    (
        &["location", "prefix", "path_prefix", "url", "uri", "match", "rule", "rules"],
        "write path = \"/ws\" in [route.NAME]: a prefix on segment borders",
    ),
    (
        &["proxy_pass", "reverse_proxy", "target", "targets", "to", "server_list", "servers", "nodes", "members"],
        "write upstream = \"chat\" in [route.NAME], and endpoints = [\"10.0.0.11:8080\"] in [upstream.chat]",
    ),
    (
        &[
            "http", "tcp", "stream", "services", "service", "routers", "router", "frontend", "backend", "cluster",
            "clusters",
        ],
        "write [listener.NAME], [route.NAME] and [upstream.NAME]",
    ),
    (
        &["redirects", "return", "force_https", "https_redirect", "redirect_to_https"],
        "write redirect = \"https\", or redirect = { host = \"www.example.com\" }, in [route.NAME], in the place of `upstream`",
    ),
    (
        &["rewrites", "strip_path", "add_prefix", "replace_path", "path_rewrite"],
        "write strip_prefix = true, or rewrite = { prefix = \"/new\" }, in [route.NAME]",
    ),
    (
        &[
            "health_check",
            "healthcheck",
            "health_checks",
            "health",
            "check",
            "healthz",
            "httpchk",
            "health_uri",
            "active_health_check",
            "option_httpchk",
            "liveness",
            "probe",
        ],
        "write health = { probe = \"http\", path = \"/healthz\" } in [upstream.NAME]",
    ),
    (
        &[
            "max_fails",
            "fail_timeout",
            "fail_duration",
            "outlier_detection",
            "passive_health_check",
            "observe",
            "circuit_breaker",
            "circuit_breakers",
            "consecutive_errors",
        ],
        "write eject = { after = 3, first = \"5s\", most = \"1min\" } in [upstream.NAME]: it is on by default",
    ),
    (
        &["max_conns", "maxconn", "max_conn", "max_connections_per_host", "unhealthy_request_count"],
        "write `max_tunnels` in [upstream.NAME], of each endpoint; `queue` says who waits for a place",
    ),
    (
        &["maxqueue", "max_pending_requests", "timeout_queue", "backlog"],
        "write queue = { length = 1000, wait = \"10s\" } in [upstream.NAME]",
    ),
    (
        &["slowstart", "slow_start_config", "slow_start_window", "warmup", "ramp_up"],
        "write slow_start = \"30s\" in [upstream.NAME]",
    ),
    (
        &["gzip", "compress", "brotli", "encode", "zstd"],
        "answers pass as the endpoint compresses them: remove it; for WebSockets there is `compression` in [route.NAME.websocket]",
    ),
    (
        &["cors", "origins", "origin", "allow_origin", "access_control_allow_origin"],
        "write allowed_origins = [\"https://app.example.com\"] in [route.NAME] for the pages that may connect; headers of CORS are the endpoint's",
    ),
    (
        &["headers", "header", "add_header", "add_headers", "set_headers", "proxy_set_header"],
        "write request_headers = { set = { x-name = \"value\" } } in [route.NAME], or response_headers; X-Forwarded-For, -Proto, -Host and \
         -Port are written as it is",
    ),
    (
        &["auth", "authentication"],
        "write basic_auth = { file = \"staff.htpasswd\" } in [route.NAME] for passwords, [route.NAME.jwt] for tokens, or \
         [route.NAME.authorize] to ask another server",
    ),
    (
        &["basicauth", "auth_basic", "auth_basic_user_file", "htpasswd", "users", "userlist"],
        "write basic_auth = { file = \"staff.htpasswd\" } in [route.NAME], a file that htpasswd -B -C 10 -c makes",
    ),
    (
        &[
            "allow",
            "deny",
            "ip_allow_list",
            "ipallowlist",
            "ip_whitelist",
            "whitelist",
            "blacklist",
            "denylist",
            "allowlist",
        ],
        "write allowed_clients = [\"10.0.0.0/8\"] or denied_clients = [\"192.0.2.0/24\"] in [route.NAME]",
    ),
    (
        &[
            "authorize",
            "forward_auth",
            "forwardauth",
            "auth_request",
            "auth_url",
            "ext_authz",
            "extauth",
            "external_auth",
        ],
        "write [route.NAME.authorize] with its `url`: that server is asked whether requests may enter",
    ),
    (
        &["rate_limit", "ratelimit", "limit", "limits", "limit_req", "throttle", "max_connections", "limit_conn"],
        "write `handshakes_per_second`, `max_tunnels` or `max_tunnels_per_client` in [route.NAME]; tunnels have \
         `messages_per_second` and `bytes_per_second` in [route.NAME.websocket], and plain requests are not counted",
    ),
    (
        &["root", "static", "files", "file_server", "index", "try_files", "webroot"],
        "no files are served: give an upstream whose endpoint serves them, and a route with its `path`",
    ),
    (
        &[
            "timeout",
            "timeouts",
            "read_timeout",
            "write_timeout",
            "proxy_read_timeout",
            "proxy_send_timeout",
            "send_timeout",
        ],
        "there is one for each wait: `head_timeout`, `body_timeout`, `tls_timeout` in [listener.NAME], `connect_timeout`, \
         `handshake_timeout`, `response_timeout` in [upstream.NAME], `idle_timeout` in [route.NAME.websocket]",
    ),
    (
        &["websockets", "ws", "enable_websocket", "websocket_support", "proxy_http_version"],
        "remove it: WebSockets are let through as it is; [route.NAME.websocket] has their limits",
    ),
    (
        &["h2", "alpn", "http_version", "protocol"],
        "clients speak HTTP/1.1, and HTTP/2 where [listener.NAME] lets them: `http2`, `h2c`; endpoints what `protocol` of the \
         upstream says",
    ),
    (&["http3", "quic"], "HTTP/3 is not spoken: remove it"),
    (
        &["max_concurrent_streams", "http2_max_concurrent_streams"],
        "did you mean `max_streams` of [listener.NAME]? max_streams = 256",
    ),
    (
        &["proxy_protocol", "accept_proxy", "send_proxy"],
        "write proxy_protocol = \"required\" in [listener.NAME] where a load balancer in front sends the header, or proxy_protocol = \"v2\" in \
         [upstream.NAME] where endpoints want it",
    ),
    (
        &["max_body", "max_body_size", "client_max_body_size", "body_limit", "max_request_size"],
        "write max_body = \"10MiB\" in [route.NAME]; for WebSockets there is `max_message`",
    ),
    (
        &["retry", "retries", "proxy_next_upstream", "try_duration", "redispatch"],
        "the next-best endpoint is tried by itself where that is safe: remove it",
    ),
    (
        &["least_conn", "leastconn", "least_request", "least_connections", "p2c"],
        "write policy = \"least_tunnels\" in [upstream.NAME], or \"least_busy\"",
    ),
    (&["roundrobin", "rr", "weighted_round_robin", "wrr"], "write policy = \"round_robin\" in [upstream.NAME]"),
    (
        &[
            "ip_hash",
            "hash",
            "hash_policy",
            "hash_type",
            "consistent_hash",
            "consistent",
            "ring_hash",
            "maglev",
            "hash_on",
        ],
        "write sticky_on = [\"header:x-user\", \"client_ip\"] in [upstream.NAME]: a key is hashed, and the hash is consistent",
    ),
    (&["hash_balance_factor", "load_factor", "bounded_loads"], "write bounded_load = 1.25 in [upstream.NAME]"),
    (
        &["balance", "lb_policy", "load_balancing", "load_balancer", "algorithm", "lb", "strategy", "balancer"],
        "write policy = \"sticky\" in [upstream.NAME], or \"least_tunnels\", \"least_busy\", \"round_robin\" or \"random\"",
    ),
    (
        &["sticky", "sticky_session", "sticky_sessions", "cookie", "session_affinity", "affinity"],
        "write pin_cookie = \"pin\" in [upstream.NAME] to keep clients by a cookie, or sticky_on = [\"header:x-user\"]",
    ),
    (&["access_log", "access_logs", "accesslog"], "write [log] with access = \"/var/log/windlass/access.log\""),
    (
        &["error_log", "log_level", "logging", "logs", "log_file", "loglevel"],
        "write [log] with level = \"info\", and to = \"/var/log/windlass/windlass.log\" or to = \"journald\" where it is not to go to standard error",
    ),
    (
        &["metrics", "prometheus", "stats"],
        "write [admin] with listen = \"127.0.0.1:9900\": metrics are at /metrics there",
    ),
    (
        &["worker_processes", "worker_threads", "threads", "nbthread", "worker_connections"],
        "write workers = \"auto\" at the top of the file; tunnels are limited by LimitNOFILE alone",
    ),
    (
        &["include", "includes", "import", "imports", "env", "environment", "variables"],
        "there is one file, without includes and variables: write what it says in here",
    ),
];

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::config::known_keys;

    #[test]
    fn every_word_leads_to_one_hint() {
        let mut seen = HashSet::new();
        let here = KEYS_OF_TABLES.iter().flat_map(|(tables, keys, _)| tables.iter().map(move |table| (*table, *keys)));
        let anywhere = KEYS.iter().map(|(keys, _)| ("anywhere", *keys));
        for (table, keys) in here.chain(anywhere) {
            for key in keys {
                assert!(seen.insert((table, key)), "{key} is there twice for {table}");
                assert_eq!(*key, key.to_ascii_lowercase().replace('-', "_"), "it would never be found");
                assert!(!known_keys().any(|known| known == (table, *key)), "{key} is known in [{table}]");
            }
        }
    }

    #[test]
    fn tables_are_some_that_there_are() {
        for table in KEYS_OF_TABLES.iter().flat_map(|(tables, ..)| *tables) {
            assert!(known_keys().any(|(path, _)| path == *table), "{table}");
        }
    }

    #[test]
    fn hints_name_only_keys_that_there_are() {
        let is_known = |word: &str| known_keys().any(|(_, key)| key == word);
        let here = KEYS_OF_TABLES.iter().map(|(.., instead)| instead);
        for instead in here.chain(KEYS.iter().map(|(_, instead)| instead)) {
            for word in instead.split('`').skip(1).step_by(2) {
                assert!(is_known(word) || word.starts_with("windlass "), "{word} in {instead:?}");
            }
        }
    }

    #[test]
    fn spelling_of_other_formats_is_seen_through() {
        let instead_of = |key| instead_of_here("route.NAME", key).or_else(|| instead_of_elsewhere(key));
        assert_eq!(instead_of("proxyPass"), None);
        assert_eq!(instead_of("proxy-pass"), instead_of("proxy_pass"));
        assert_eq!(instead_of("entryPoints"), instead_of("listen"));
        assert_eq!(instead_of("bind"), None);
    }
}
