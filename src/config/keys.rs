//! Every key there is. What is not in these tables is an unknown key, and what is must be in `config/reference.toml`.

use super::{foreign, suggest};

/// The keys of one kind of table.
#[derive(Debug)]
pub(super) struct Kind {
    /// Where such tables stand; `NAME` is any name, `*` any key.
    pub(super) path: &'static str,
    /// What may stand in them.
    pub(super) keys: &'static [&'static str],
}

pub(super) static FILE: Kind =
    Kind { path: "", keys: &["workers", "watch", "log", "listener", "route", "upstream", "drain", "admin"] };

pub(super) static LOG: Kind = Kind { path: "log", keys: &["level", "format", "headers"] };

pub(super) static LISTENER: Kind = Kind {
    path: "listener.NAME",
    keys: &["bind", "tls", "trusted_proxies", "tls_timeout", "head_timeout", "rest_timeout", "body_timeout"],
};

pub(super) static TLS: Kind = Kind { path: "listener.NAME.tls", keys: &["chain", "key", "certificates"] };

pub(super) static CERTIFICATE: Kind = Kind { path: "listener.NAME.tls.certificates[]", keys: &["chain", "key"] };

pub(super) static ROUTE: Kind = Kind {
    path: "route.NAME",
    keys: &["hosts", "listeners", "path", "dot_segments", "upstream", "upgrade", "raw_half_close_timeout", "websocket"],
};

pub(super) static WEBSOCKET: Kind = Kind {
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

pub(super) static SIDES: Kind = Kind { path: "route.NAME.websocket.ping_every", keys: &["client", "upstream"] };

/// The same sides; named for the list of every key.
static PONG_SIDES: Kind = Kind { path: "route.NAME.websocket.pongs", keys: SIDES.keys };

pub(super) static DIRECTIONS: Kind = Kind { path: "route.NAME.websocket.*", keys: &["from_client", "from_upstream"] };

pub(super) static RATE: Kind = Kind { path: "route.NAME.websocket.*.*", keys: &["rate", "burst"] };

pub(super) static UPSTREAM: Kind = Kind {
    path: "upstream.NAME",
    keys: &[
        "endpoints",
        "policy",
        "sticky_on",
        "pin_cookie",
        "connect_timeout",
        "handshake_timeout",
        "response_timeout",
        "body_timeout",
        "keep_alive",
    ],
};

pub(super) static ENDPOINT: Kind = Kind { path: "upstream.NAME.endpoints[]", keys: &["name", "address", "weight"] };

pub(super) static DRAIN: Kind =
    Kind { path: "drain", keys: &["close_code", "max_per_second", "stop", "reload", "handoff"] };

pub(super) static STOP: Kind = Kind { path: "drain.stop", keys: &["delay", "deadline", "spread"] };

pub(super) static RELOAD: Kind = Kind { path: "drain.reload", keys: &["on", "deadline", "spread"] };

pub(super) static HANDOFF: Kind = Kind {
    path: "drain.handoff",
    keys: &["deadline", "spread", "max_predecessors", "ready_within", "under_supervisor"],
};

pub(super) static ADMIN: Kind = Kind { path: "admin", keys: &["listen"] };

static KINDS: [&Kind; 18] = [
    &FILE,
    &LOG,
    &LISTENER,
    &TLS,
    &CERTIFICATE,
    &ROUTE,
    &WEBSOCKET,
    &SIDES,
    &PONG_SIDES,
    &DIRECTIONS,
    &RATE,
    &UPSTREAM,
    &ENDPOINT,
    &DRAIN,
    &STOP,
    &RELOAD,
    &HANDOFF,
    &ADMIN,
];

/// Every key there is, with the path of the tables it may stand in: `NAME` is any name, `*` any key, `[]` any element.
pub fn known_keys() -> impl Iterator<Item = (&'static str, &'static str)> {
    KINDS.iter().flat_map(|kind| kind.keys.iter().map(|key| (kind.path, *key)))
}

impl Kind {
    /// What to do about a key that this kind of table does not have.
    pub(super) fn hint_for_unknown(&self, key: &str) -> String {
        let elsewhere = || KINDS.iter().find(|kind| kind.is_section() && kind.keys.contains(&key));
        if let Some(instead) = foreign::instead_of(self.path, key) {
            instead.to_owned()
        } else if let Some(known) = suggest::nearest(key, self.keys) {
            format!("did you mean `{known}`?")
        } else if let Some(kind) = elsewhere() {
            let section = if kind.path.is_empty() { "the top of the file".into() } else { format!("[{}]", kind.path) };
            format!("`{key}` belongs to {section}")
        } else {
            format!("valid here: {}", self.keys.join(", "))
        }
    }

    /// Whether such a table is written with a header of its own, rather than inline.
    fn is_section(&self) -> bool {
        !self.path.contains(['[', '*'])
    }
}
