//! Every key there is. What is not in these tables is an unknown key, and what is must be in `config/reference.toml`.

use super::rule_tables::OWN_KEYS;
pub(super) use super::rule_tables::{ERROR_PAGE, HEADER_CHANGES, REDIRECT, REQUIRED, RESPOND, REWRITE};
pub(super) use super::table_schema::TableSchema;
use super::{foreign, suggest};

pub(super) static FILE: TableSchema = TableSchema {
    path: "",
    keys: &[
        "workers",
        "watch",
        "state_folder",
        "tls_handshakes_at_once",
        "log",
        "traces",
        "listener",
        "route",
        "upstream",
        "resolver",
        "drain",
        "admin",
        "error_pages",
    ],
};

pub(super) static LOG: TableSchema = TableSchema {
    path: "log",
    keys: &["level", "format", "to", "opened", "exchanges", "headers", "access", "access_format"],
};

pub(super) static TRACES: TableSchema = TableSchema {
    path: "traces",
    keys: &["endpoint", "ca", "headers", "secret_headers", "sample", "parent", "service_name"],
};

pub(super) static LISTENER: TableSchema = TableSchema {
    path: "listener.NAME",
    keys: &[
        "bind",
        "tls",
        "client_certificates",
        "http2",
        "http2_websockets",
        "h2c",
        "max_streams",
        "trusted_proxies",
        "proxy_protocol",
        "proxy_header_timeout",
        "forwarded_headers",
        "underscore_headers",
        "max_head",
        "max_header_lines",
        "max_header_line",
        "max_target",
        "tls_timeout",
        "head_timeout",
        "rest_timeout",
        "body_timeout",
    ],
};

pub(super) static TLS: TableSchema = TableSchema {
    path: "listener.NAME.tls",
    keys: &["chain", "key", "ocsp", "certificates", "acme", "min_version", "unknown_names", "ticket_secret"],
};

pub(super) static ACME: TableSchema = TableSchema {
    path: "listener.NAME.tls.acme",
    keys: &["contact", "directory", "storage", "challenge", "names", "ca", "eab"],
};

pub(super) static EXTERNAL_ACCOUNT: TableSchema =
    TableSchema { path: "listener.NAME.tls.acme.eab", keys: &["kid", "hmac_key"] };

pub(super) static CERTIFICATE: TableSchema =
    TableSchema { path: "listener.NAME.tls.certificates[]", keys: &["chain", "key", "ocsp"] };

pub(super) static CLIENT_CERTIFICATES: TableSchema =
    TableSchema { path: "listener.NAME.client_certificates", keys: &["ca", "require", "headers"] };

pub(super) static ROUTE: TableSchema = TableSchema {
    path: "route.NAME",
    keys: &[
        "hosts",
        "listeners",
        "path",
        "dot_segments",
        "other_spellings",
        "methods",
        "match_headers",
        "match_query",
        "upstream",
        "split",
        "redirect",
        "respond",
        "error_pages",
        "strip_prefix",
        "rewrite",
        "request_headers",
        "response_headers",
        "upgrade",
        "raw_half_close_timeout",
        "max_body",
        "request_timeout",
        "request_id",
        "allowed_clients",
        "denied_clients",
        "allowed_origins",
        "without_origin",
        "basic_auth",
        "authorize",
        "max_tunnels",
        "max_tunnels_per_client",
        "handshakes_per_second",
        "per",
        "jwt",
        "renew_path",
        "websocket",
    ],
};

pub(super) static SPLIT: TableSchema = TableSchema { path: "route.NAME.split[]", keys: &["upstream", "weight"] };
pub(super) static AUTHORIZE: TableSchema = TableSchema {
    path: "route.NAME.authorize",
    keys: &[
        "url",
        "method",
        "send",
        "take",
        "take_to_client",
        "timeout",
        "at_once",
        "ca",
        "expires_header",
        "close_code",
        "recheck_every",
        "recheck_grace",
        "recheck_per_second",
    ],
};

pub(super) static BASIC_AUTH: TableSchema =
    TableSchema { path: "route.NAME.basic_auth", keys: &["file", "realm", "user_header", "keep_authorization"] };
pub(super) static JWT: TableSchema = TableSchema {
    path: "route.NAME.jwt",
    keys: &[
        "keys",
        "keys_refresh",
        "keys_ca",
        "secret",
        "algorithms",
        "from",
        "issuer",
        "audience",
        "leeway",
        "require_exp",
        "require",
        "headers",
        "keep_token",
        "close_code",
    ],
};

/// Claims and what they are to say; named for the list of every key.
static JWT_REQUIRE: TableSchema = TableSchema { path: "route.NAME.jwt.require", keys: &["*"] };

/// Headers and their claims; the same.
static JWT_HEADERS: TableSchema = TableSchema { path: "route.NAME.jwt.headers", keys: &["*"] };
pub(super) static WEBSOCKET: TableSchema = TableSchema {
    path: "route.NAME.websocket",
    keys: &[
        "idle_timeout",
        "idle_counts",
        "ping_every",
        "pong_within",
        "pongs",
        "stall_timeout",
        "max_lifetime",
        "closing_timeout",
        "half_close_timeout",
        "endpoint_lost_code",
        "max_message",
        "max_frame",
        "max_fragments",
        "max_inflated_message",
        "messages_per_second",
        "control_frames_per_second",
        "bytes_per_second",
        "excess",
        "compression",
        "strictness",
    ],
};

pub(super) static SIDES: TableSchema =
    TableSchema { path: "route.NAME.websocket.ping_every", keys: &["client", "upstream"] };

/// The same sides; named for the list of every key.
static PONG_SIDES: TableSchema = TableSchema { path: "route.NAME.websocket.pongs", keys: SIDES.keys };

pub(super) static DIRECTIONS: TableSchema =
    TableSchema { path: "route.NAME.websocket.*", keys: &["from_client", "from_upstream"] };

pub(super) static RATE: TableSchema = TableSchema { path: "route.NAME.websocket.*.*", keys: &["rate", "burst"] };

/// The same of handshakes; named for the list of every key.
static HANDSHAKE_RATE: TableSchema = TableSchema { path: "route.NAME.handshakes_per_second", keys: RATE.keys };

pub(super) static UPSTREAM: TableSchema = TableSchema {
    path: "upstream.NAME",
    keys: &[
        "endpoints",
        "tls",
        "protocol",
        "host",
        "proxy_protocol",
        "source_addresses",
        "tcp_keepalive",
        "tcp_user_timeout",
        "policy",
        "bounded_load",
        "shards",
        "slow_start",
        "sticky_on",
        "pin_cookie",
        "pin_secret",
        "max_tunnels",
        "handshakes_at_once",
        "queue",
        "when_full",
        "health",
        "eject",
        "min_eligible",
        "on_down",
        "when_all_down",
        "retry_budget",
        "connect_timeout",
        "handshake_timeout",
        "response_timeout",
        "body_timeout",
        "keep_alive",
    ],
};

pub(super) static ENDPOINT: TableSchema =
    TableSchema { path: "upstream.NAME.endpoints[]", keys: &["name", "address", "weight", "backup"] };

/// One of `dns`, `srv` and `file`.
pub(super) static SOURCE: TableSchema =
    TableSchema { path: "upstream.NAME.endpoints", keys: &["dns", "srv", "file", "servers", "min_endpoints"] };

pub(super) static ENDPOINT_TLS: TableSchema =
    TableSchema { path: "upstream.NAME.tls", keys: &["ca", "name", "certificate", "fingerprints", "verify"] };

pub(super) static ENDPOINT_CERTIFICATE: TableSchema =
    TableSchema { path: "upstream.NAME.tls.certificate", keys: &["chain", "key"] };

pub(super) static TCP_KEEPALIVE: TableSchema =
    TableSchema { path: "upstream.NAME.tcp_keepalive", keys: &["idle", "interval"] };

pub(super) static RETRY_BUDGET: TableSchema =
    TableSchema { path: "upstream.NAME.retry_budget", keys: &["share", "at_least"] };

pub(super) static RESOLVER: TableSchema =
    TableSchema { path: "resolver", keys: &["servers", "min_ttl", "max_ttl", "timeout"] };

pub(super) static PIN_COOKIE: TableSchema = TableSchema {
    path: "upstream.NAME.pin_cookie",
    keys: &["name", "path", "domain", "same_site", "secure", "max_age"],
};

pub(super) static HANDSHAKES: TableSchema =
    TableSchema { path: "upstream.NAME.handshakes_at_once", keys: &["start", "min", "max"] };

pub(super) static QUEUE: TableSchema = TableSchema { path: "upstream.NAME.queue", keys: &["length", "wait"] };

pub(super) static HEALTH: TableSchema = TableSchema {
    path: "upstream.NAME.health",
    keys: &["probe", "method", "path", "host", "expect", "every", "timeout", "rise", "fall", "port"],
};

pub(super) static EJECT: TableSchema = TableSchema { path: "upstream.NAME.eject", keys: &["after", "first", "most"] };

pub(super) static DRAIN: TableSchema =
    TableSchema { path: "drain", keys: &["close_code", "max_per_second", "stop", "reload", "discovery", "handoff"] };

pub(super) static STOP: TableSchema =
    TableSchema { path: "drain.stop", keys: &["delay", "deadline", "spread", "tunnels"] };

pub(super) static RELOAD: TableSchema = TableSchema { path: "drain.reload", keys: &["on", "deadline", "spread"] };

pub(super) static DISCOVERY: TableSchema = TableSchema { path: "drain.discovery", keys: &["deadline", "spread"] };

pub(super) static HANDOFF: TableSchema = TableSchema {
    path: "drain.handoff",
    keys: &["deadline", "spread", "tunnels", "max_predecessors", "ready_within", "under_supervisor"],
};

pub(super) static ADMIN: TableSchema = TableSchema { path: "admin", keys: &["listen", "tap"] };

pub(super) static ADMIN_LISTEN: TableSchema = TableSchema {
    path: "admin.listen[]",
    keys: &["address", "token", "chain", "key", "client_ca", "read_only", "hosts"],
};

static SCHEMAS: &[&TableSchema] = &[
    &FILE,
    &LOG,
    &TRACES,
    &LISTENER,
    &TLS,
    &CERTIFICATE,
    &ACME,
    &EXTERNAL_ACCOUNT,
    &CLIENT_CERTIFICATES,
    &ROUTE,
    &SPLIT,
    &AUTHORIZE,
    &BASIC_AUTH,
    &HANDSHAKE_RATE,
    &JWT,
    &JWT_REQUIRE,
    &JWT_HEADERS,
    &REDIRECT,
    &RESPOND,
    &ERROR_PAGE,
    &REWRITE,
    &HEADER_CHANGES,
    &REQUIRED,
    &WEBSOCKET,
    &SIDES,
    &PONG_SIDES,
    &DIRECTIONS,
    &RATE,
    &UPSTREAM,
    &ENDPOINT,
    &SOURCE,
    &ENDPOINT_TLS,
    &ENDPOINT_CERTIFICATE,
    &TCP_KEEPALIVE,
    &RETRY_BUDGET,
    &RESOLVER,
    &PIN_COOKIE,
    &HANDSHAKES,
    &QUEUE,
    &HEALTH,
    &EJECT,
    &DRAIN,
    &STOP,
    &RELOAD,
    &DISCOVERY,
    &HANDOFF,
    &ADMIN,
    &ADMIN_LISTEN,
];

/// Every key there is, with the path of the tables it may stand in: `NAME` is any name, `*` any key, `[]` any element.
pub fn known_keys() -> impl Iterator<Item = (&'static str, &'static str)> {
    SCHEMAS.iter().copied().chain(&OWN_KEYS).flat_map(|schema| schema.keys.iter().map(|key| (schema.path, *key)))
}

impl TableSchema {
    /// What to do about a key that this kind of table does not have.
    pub(super) fn hint_for_unknown(&self, key: &str) -> String {
        let elsewhere = || SCHEMAS.iter().find(|schema| schema.is_section() && schema.keys.contains(&key));
        let of_this_table = || foreign::instead_of_here(self.path, key);
        let of_others = || foreign::instead_of_elsewhere(key).filter(|instead| !self.has_a_nearer_key(key, instead));
        if let Some(instead) = of_this_table().or_else(of_others) {
            instead.to_owned()
        } else if let Some(known) = suggest::nearest(key, self.keys) {
            format!("did you mean `{known}`?")
        } else if let Some(schema) = elsewhere() {
            let section =
                if schema.path.is_empty() { "the top of the file".into() } else { format!("[{}]", schema.path) };
            format!("`{key}` belongs to {section}")
        } else {
            format!("valid here: {}", self.keys.join(", "))
        }
    }

    /// Whether `key` is the singular or plural of a key of such a table, and `instead` names none of its keys.
    fn has_a_nearer_key(&self, key: &str, instead: &str) -> bool {
        let mut words = instead.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        suggest::is_but_an_s_away(key, self.keys) && !words.any(|word| self.keys.contains(&word))
    }

    /// Whether such a table is written with a header of its own, rather than inline.
    fn is_section(&self) -> bool {
        !self.path.contains(['[', '*'])
    }
}
