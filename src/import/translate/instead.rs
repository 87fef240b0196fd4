//! Directives that are not carried over, and what to do instead.

use super::ledger::Reason;

/// How much a directive of nginx that is told of matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Weight {
    /// It is said, and nobody has to do anything.
    Remark,
    /// Somebody has to look at it.
    Look,
}

/// What is known of a directive that is never carried over.
pub(super) fn instead_of(name: &str) -> Option<(Weight, Reason)> {
    let is_it = |known: &&str| match known.strip_suffix('*') {
        Some(beginning) => name.starts_with(beginning),
        None => name == *known,
    };
    let (_, weight, why, instead) = TABLE.iter().find(|(names, ..)| names.iter().any(is_it))?;
    Some((*weight, Reason::new(*why, *instead)))
}

const FILES: &str = "no files are served";
const BEHIND: &str = "keep nginx behind for it, as one more upstream with a route of its own";

const TABLE: &[(&[&str], Weight, &str, &str)] = &[
    (&["root", "alias", "try_files", "autoindex*", "random_index"], Weight::Look, FILES, BEHIND),
    (&["index"], Weight::Remark, FILES, "nothing"),
    (
        &["fastcgi_*", "uwsgi_*", "scgi_*", "memcached_*", "tunnel_pass"],
        Weight::Look,
        "only HTTP is spoken with endpoints",
        BEHIND,
    ),
    (
        &["gzip", "gunzip", "brotli", "zstd*"],
        Weight::Look,
        "answers pass as the endpoint compresses them",
        "let the application compress, or keep nginx behind for it; WebSockets have `compression` in [route.NAME.websocket]",
    ),
    (
        &["proxy_cache", "proxy_no_cache", "proxy_store*", "slice"],
        Weight::Look,
        "nothing is cached",
        "keep nginx behind for it, or a CDN in front",
    ),
    (
        &["proxy_cookie_*"],
        Weight::Look,
        "cookies of endpoints pass as they are",
        "let the application set them so; response_headers = { add = … } adds one",
    ),
    (
        &["proxy_redirect"],
        Weight::Look,
        "a Location of an endpoint passes as it is",
        "let the application read X-Forwarded-Host, -Proto and -Prefix, or write `host` of the upstream",
    ),
    (
        &["error_page", "proxy_intercept_errors", "recursive_error_pages"],
        Weight::Look,
        "what an endpoint answers is the endpoint's, and pages for what is refused have another form",
        "write error_pages = { \"5xx\" = { file = \"sorry.html\" } } at the top or in [route.NAME]",
    ),
    (
        &["access_log", "log_format"],
        Weight::Remark,
        "the log has a line for each exchange and each tunnel already",
        "for tools that read nginx's form write access = \"/var/log/windlass/access.log\" in [log]",
    ),
    (
        &["error_log"],
        Weight::Remark,
        "the log goes to standard error or the journal",
        "write `to` and `level` in [log]",
    ),
    (
        &["ssl_stapling*"],
        Weight::Look,
        "responses of OCSP are not fetched",
        "write ocsp = \"site.ocsp\" beside `chain` and `key`, a file that another program fetches; Let's Encrypt has none any more",
    ),
    (
        &["ssl_session_ticket_key"],
        Weight::Look,
        "the secret of tickets has another form here",
        "write ticket_secret = \"tickets.secret\" in the `tls` of the listener (`openssl rand -base64 48`)",
    ),
    (
        &["ssl_crl", "ssl_ocsp*", "ssl_conf_command", "ssl_password_file", "ssl_certificate_cache*", "ssl_key_log"],
        Weight::Look,
        "TLS has no such key here",
        "docs/front-door.md says what `tls` and `client_certificates` know",
    ),
    (
        &["sub_filter*", "add_before_body", "add_after_body", "addition_types", "ssi*", "xslt*", "image_filter*"],
        Weight::Look,
        "bodies pass as they are",
        BEHIND,
    ),
    (
        &["if"],
        Weight::Look,
        "there are no conditions but those of a route",
        "write a route with `hosts`, `methods`, `match_headers` or `match_query`; for $http_origin, `allowed_origins`",
    ),
    (&["set", "break"], Weight::Look, "there are no variables of one's own", "write what it says where it is used"),
    (
        &["rewrite"],
        Weight::Look,
        "this rewrite has no counterpart",
        "write `rewrite` or `redirect` of a route: docs/rules.md",
    ),
    (
        &["map", "geo", "split_clients"],
        Weight::Look,
        "there are no variables of one's own",
        "write a route for each case, with `match_headers` or `match_query`; `split` shares clients among upstreams",
    ),
    (
        &["geoip*"],
        Weight::Look,
        "countries are not known",
        "have a CDN in front say it in a header, and use `match_headers`",
    ),
    (
        &["auth_jwt*"],
        Weight::Look,
        "tokens are checked by another table",
        "write [route.NAME.jwt] with `keys`: docs/access.md",
    ),
    (
        &["auth_ldap*", "auth_pam*", "auth_digest*", "auth_gss*", "auth_*"],
        Weight::Look,
        "this way of letting somebody in is not known",
        "write basic_auth, [route.NAME.jwt] or [route.NAME.authorize]: docs/access.md",
    ),
    (
        &["satisfy"],
        Weight::Look,
        "all that is asked has to hold here; there is no `any`",
        "write a route for each way in, or ask one server for both with [route.NAME.authorize]",
    ),
    (
        &["valid_referers"],
        Weight::Look,
        "the Referer is not looked at",
        "write allowed_origins = [\"self\"] in [route.NAME]: browsers say the Origin of each WebSocket",
    ),
    (
        &["secure_link*"],
        Weight::Look,
        "signed links are not checked",
        "write [route.NAME.authorize], or let the application check them",
    ),
    (
        &["limit_except"],
        Weight::Look,
        "what is asked of one method has to stand in a route of its own",
        "write a route with `methods`, and one without for all others",
    ),
    (
        &["limit_rate*", "proxy_limit_rate"],
        Weight::Look,
        "answers are not slowed",
        "tunnels have `bytes_per_second` in [route.NAME.websocket]; for the rest keep nginx behind",
    ),
    (&["mirror*", "js_*", "perl*", "lua_*"], Weight::Look, "no programs run here, and nothing is mirrored", BEHIND),
    (
        &[
            "access_by_lua*",
            "balancer_by_lua*",
            "body_filter_by_lua*",
            "content_by_lua*",
            "exit_worker_by_lua*",
            "header_filter_by_lua*",
            "init_by_lua*",
            "init_worker_by_lua*",
            "log_by_lua*",
            "rewrite_by_lua*",
            "server_rewrite_by_lua*",
            "set_by_lua*",
            "ssl_certificate_by_lua*",
            "ssl_client_hello_by_lua*",
        ],
        Weight::Look,
        "no programs run here",
        "write [route.NAME.authorize] for who may enter, or keep nginx behind",
    ),
    (
        &["expires", "etag", "if_modified_since", "add_trailer", "charset*", "override_charset", "source_charset"],
        Weight::Look,
        "answers pass as the endpoint gives them",
        "let the application say it, or write `response_headers` in [route.NAME]",
    ),
    (
        &["stub_status", "status", "api", "dashboard"],
        Weight::Look,
        "figures are at another place",
        "write [admin] listen = \"127.0.0.1:9900\": /metrics and a dashboard are there; docs/metrics.md",
    ),
    (
        &[
            "proxy_method",
            "proxy_set_body",
            "proxy_pass_request_headers",
            "proxy_pass_request_body",
            "proxy_force_ranges",
        ],
        Weight::Look,
        "requests reach the endpoint as the client sent them",
        BEHIND,
    ),
    (
        &["proxy_pass_header", "proxy_ignore_headers"],
        Weight::Remark,
        "headers of answers pass, and none of them orders the proxy about",
        "nothing; take out what clients should not read with response_headers = { remove = [\"x-accel-redirect\"] }",
    ),
    (&["merge_slashes"], Weight::Look, "slashes that are doubled stay two", "docs/rules.md says how a path is read"),
    (&["http3*", "quic*"], Weight::Look, "HTTP/3 is not spoken", "nothing: clients come by HTTP/2 or HTTP/1.1"),
    (
        &["health_check", "check", "match", "check_*"],
        Weight::Look,
        "probes have another form",
        "write health = { probe = \"http\", path = \"/healthz\" } in [upstream.NAME]",
    ),
    (
        &["stream", "mail"],
        Weight::Look,
        "only HTTP and WebSockets are served",
        "keep nginx, or another proxy of TCP, for it",
    ),
    (
        &["sticky"],
        Weight::Look,
        "only `sticky cookie` has a counterpart",
        "write pin_cookie = \"pin\" in [upstream.NAME], or sticky_on = [\"cookie:sid\"]: docs/balancing.md",
    ),
    (
        &["state", "fair", "upstream_conf", "check_shm_size", "jdomain"],
        Weight::Look,
        "upstreams have no such key here",
        "docs/balancing.md and docs/endpoints.md say what there is",
    ),
    (
        &["include"],
        Weight::Look,
        "could not be read",
        "bring that file, and import again; --prefix says where relative paths start",
    ),
    (
        &["internal"],
        Weight::Look,
        "there are no requests within the proxy",
        "leave it out: what is no route cannot be asked for",
    ),
    (&["resolver"], Weight::Look, "there is one [resolver] for all", "write `servers` in [resolver]"),
    (
        &["return"],
        Weight::Look,
        "this answer has no counterpart",
        "write `respond` or `redirect` in [route.NAME]: docs/rules.md",
    ),
];

/// What is looked for wherever it counts, and told of where nothing that was carried over has a use for it.
pub(super) const LOOKED_FOR: &[&str] = &[
    "add_header",
    "allow",
    "auth_basic",
    "auth_basic_user_file",
    "auth_request",
    "auth_request_set",
    "client_body_timeout",
    "client_header_timeout",
    "client_max_body_size",
    "deny",
    "grpc_pass",
    "hash",
    "http2",
    "keepalive_timeout",
    "large_client_header_buffers",
    "limit_conn",
    "limit_conn_zone",
    "limit_req",
    "limit_req_zone",
    "listen",
    "proxy_bind",
    "proxy_connect_timeout",
    "proxy_hide_header",
    "proxy_pass",
    "proxy_read_timeout",
    "proxy_send_timeout",
    "proxy_set_header",
    "proxy_ssl_certificate",
    "proxy_ssl_certificate_key",
    "proxy_ssl_name",
    "proxy_ssl_trusted_certificate",
    "proxy_ssl_verify",
    "real_ip_header",
    "resolver_timeout",
    "send_timeout",
    "server_name",
    "set_real_ip_from",
    "ssl",
    "ssl_certificate",
    "ssl_certificate_key",
    "ssl_client_certificate",
    "ssl_protocols",
    "ssl_reject_handshake",
    "ssl_verify_client",
    "underscores_in_headers",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_their_beginnings_are_known() {
        let why = |name| instead_of(name).map(|(_, reason)| reason.why);
        assert_eq!(why("root").as_deref(), Some(FILES));
        assert_eq!(why("fastcgi_pass"), why("uwsgi_pass"));
        assert_eq!(why("auth_jwt_key_file"), why("auth_jwt"));
        assert_ne!(why("auth_ldap"), why("auth_jwt"));
        assert_eq!(why("proxy_pass"), None);
        assert_eq!(instead_of("access_log").unwrap().0, Weight::Remark);
    }

    #[test]
    fn nothing_is_known_twice() {
        for name in LOOKED_FOR {
            assert!(instead_of(name).is_none() || name.starts_with("auth_"), "{name}");
        }
    }
}
