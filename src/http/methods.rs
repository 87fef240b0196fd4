//! Methods, as the registry of IANA has them.

use http::Method;

/// Whether a request may be asked again whose answer was lost (RFC 9110 §9.2.2): those of WebDAV and its relatives too, of which
/// the `http` crate knows none.
pub fn is_idempotent(method: &Method) -> bool {
    method.is_idempotent() || OTHERS.contains(&method.as_str())
}

/// "Safe" or "Idempotent" in the registry, beside those of RFC 9110.
const OTHERS: [&str; 29] = [
    "ACL",
    "BASELINE-CONTROL",
    "BIND",
    "CHECKIN",
    "CHECKOUT",
    "COPY",
    "LABEL",
    "LINK",
    "MERGE",
    "MKACTIVITY",
    "MKCALENDAR",
    "MKCOL",
    "MKREDIRECTREF",
    "MKWORKSPACE",
    "MOVE",
    "ORDERPATCH",
    "PROPFIND",
    "PROPPATCH",
    "QUERY",
    "REBIND",
    "REPORT",
    "SEARCH",
    "UNBIND",
    "UNCHECKOUT",
    "UNLINK",
    "UNLOCK",
    "UPDATE",
    "UPDATEREDIRECTREF",
    "VERSION-CONTROL",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_changes_nothing_the_second_time_may_be_repeated() {
        for name in ["GET", "PUT", "DELETE", "OPTIONS", "PROPFIND", "MKCOL", "REPORT", "QUERY"] {
            assert!(is_idempotent(&Method::from_bytes(name.as_bytes()).unwrap()), "{name}");
        }
        for name in ["POST", "PATCH", "LOCK", "CONNECT", "propfind", "PURGE"] {
            assert!(!is_idempotent(&Method::from_bytes(name.as_bytes()).unwrap()), "{name}");
        }
    }
}
