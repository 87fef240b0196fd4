//! `proxy_pass`: whom requests go to, and which path is read there.

use super::ledger::Reason;
use super::location::Location;
use super::scope::Scope;
use super::text::{Variables, without_braces};
use crate::config::{EndpointRole, parse_endpoint};
use crate::import::output::Value;
use crate::import::syntax::Directive;

/// Whom requests of a location go to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ProxyTarget {
    pub(super) has_tls: bool,
    pub(super) speaks_http2: bool,
    /// The name of an `upstream`, or host and port: without a port where none is written.
    pub(super) authority: String,
    /// What takes the place of the location's path, if anything does; with a query, where one is written.
    pub(super) path: Option<String>,
    /// Whether that takes the place of all of a client's path.
    pub(super) replaces_whole_path: bool,
}

impl ProxyTarget {
    /// What a `proxy_pass` or `grpc_pass` in `scope` says.
    ///
    /// # Errors
    /// Why it cannot be said here.
    pub(super) fn read(directive: &Directive, scope: &Scope<'_>) -> Result<Self, Reason> {
        let written = directive.value().ok_or_else(|| beyond("names nobody"))?;
        let url = without_braces(&Variables::of(scope).spelled_out(written));
        let had_variables = written.contains('$');
        let is_grpc = directive.name() == "grpc_pass";
        let (has_tls, rest) = match url.split_once("://") {
            Some(("http", rest)) if !is_grpc => (false, rest),
            Some(("https", rest)) if !is_grpc => (true, rest),
            Some(("grpc", rest)) if is_grpc => (false, rest),
            Some(("grpcs", rest)) if is_grpc => (true, rest),
            None if is_grpc => (false, url.as_str()),
            _ if had_variables => return Err(hangs_on_variables()),
            _ => return Err(beyond("its scheme is neither http nor https")),
        };
        let (authority, path) = match rest.strip_prefix("unix:") {
            Some(socket) => {
                let (socket, path) = socket.split_once(':').map_or((socket, ""), |(socket, path)| (socket, path));
                (format!("unix:{socket}"), path)
            }
            None => {
                let (authority, path) = rest.split_at(rest.find(['/', '$', '?']).unwrap_or(rest.len()));
                (authority.to_ascii_lowercase(), path)
            }
        };
        // These are what is sent on anyway.
        let path = match path {
            "$request_uri" | "$uri$is_args$args" => "",
            path => path,
        };
        if authority.contains('$') || authority.is_empty() || path.contains('$') {
            return Err(hangs_on_variables());
        }
        if path.contains('#') || (!path.is_empty() && !path.starts_with('/')) {
            return Err(beyond("it has a query without a path, or a fragment"));
        }
        let path = (!path.is_empty()).then(|| path.to_owned());
        let replaces_whole_path = had_variables && path.is_some();
        Ok(Self { has_tls, speaks_http2: is_grpc, authority, path, replaces_whole_path })
    }

    /// Where an endpoint is that is named here, without an `upstream`.
    pub(super) fn address(&self) -> String {
        with_port(&self.authority, if self.has_tls { 443 } else { 80 })
    }
}

/// `authority` with a port in any case.
pub(super) fn with_port(authority: &str, port: u16) -> String {
    let bare = authority.rsplit_once(']').map_or(authority, |(_, behind)| behind);
    if authority.starts_with("unix:") || bare.contains(':') {
        authority.to_owned()
    } else {
        format!("{authority}:{port}")
    }
}

/// Whether an endpoint may be at `address`.
pub(super) fn is_address(address: &str) -> bool {
    parse_endpoint(address, None, None, EndpointRole::Ready).is_ok()
}

/// What a route says of the path that its endpoint reads, and what differs from nginx, if something does.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct PathChange {
    pub(super) entry: Option<(&'static str, Value)>,
    pub(super) differs: Option<String>,
}

/// What becomes of the path of `location`, in whose place `new` is read.
///
/// # Errors
/// `new` is no path here.
pub(super) fn path_change(location: &Location, new: Option<&str>) -> Result<PathChange, Reason> {
    let Some(new) = new else { return Ok(PathChange::default()) };
    let new_path = Location::read(&[new])?.path;
    let entry = match (location.path.as_str(), new_path.as_str()) {
        (old, new) if old == new => None,
        ("/", new) => Some(("rewrite", prefix(new))),
        (_, "/") => Some(("strip_prefix", Value::Flag(true))),
        (_, new) => Some(("rewrite", prefix(new))),
    };
    let ends_differ = location.written.ends_with('/') && !new.ends_with('/') && !location.is_exact;
    let differs = ends_differ.then(|| {
        format!(
            "nginx makes {new}x of {}x, without a slash between them, and here there is one; write the slash in both, or in none",
            location.written
        )
    });
    Ok(PathChange { entry, differs })
}

fn prefix(new: &str) -> Value {
    Value::table([("prefix", new.into())])
}

fn hangs_on_variables() -> Reason {
    Reason::new(
        "whom it leads to hangs on variables",
        "write a route for each case (`hosts`, `path`, `match_headers`, `match_query`), each with its `upstream`",
    )
}

fn beyond(why: &str) -> Reason {
    Reason::new(why, "write `upstream` in [route.NAME], with `rewrite` for the path")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::import::syntax::{Numbers, parse};

    fn read(source: &str) -> Result<ProxyTarget, Reason> {
        let tree = parse(source, &"x".into(), &mut Numbers::default()).unwrap();
        ProxyTarget::read(tree.last().unwrap(), &Scope::of(&tree))
    }

    #[test]
    fn urls_are_taken_apart() {
        for (source, address, path) in [
            ("proxy_pass http://chat;", "chat:80", None),
            ("proxy_pass http://127.0.0.1:3000/;", "127.0.0.1:3000", Some("/")),
            ("proxy_pass https://app.internal/v2/;", "app.internal:443", Some("/v2/")),
            ("proxy_pass http://[::1]/x;", "[::1]:80", Some("/x")),
            ("proxy_pass http://unix:/run/app.sock;", "unix:/run/app.sock", None),
            ("proxy_pass http://unix:/run/app.sock:/api/;", "unix:/run/app.sock", Some("/api/")),
            ("proxy_pass http://app:8080$request_uri;", "app:8080", None),
            ("set $to http://app:8080; proxy_pass $to;", "app:8080", None),
            ("set $port 81; proxy_pass http://app:${port};", "app:81", None),
            ("grpc_pass grpc://app:50051;", "app:50051", None),
            ("proxy_pass http://a:81/?b=c;", "a:81", Some("/?b=c")),
        ] {
            let target = read(source).unwrap();
            assert_eq!((target.address().as_str(), target.path.as_deref()), (address, path), "{source}");
        }
        assert!(read("proxy_pass https://a;").unwrap().has_tls);
        assert!(read("set $a b; proxy_pass http://$a/x;").unwrap().replaces_whole_path);
    }

    #[test]
    fn what_hangs_on_the_request_is_refused() {
        for source in [
            "proxy_pass http://$pool;",
            "proxy_pass $scheme://a;",
            "proxy_pass http://a/$1;",
            "proxy_pass http://a?b=c;",
            "proxy_pass http://a/#b;",
            "proxy_pass ftp://a;",
            "proxy_pass a;",
            "proxy_pass;",
        ] {
            assert!(read(source).is_err(), "{source}");
        }
    }

    #[test]
    fn a_path_is_taken_off_or_replaced() {
        let said = |location: &str, new: Option<&str>| {
            let change = path_change(&Location::read(&[location]).unwrap(), new).unwrap();
            let entry = change.entry.map(|(key, value)| format!("{key} = {value}")).unwrap_or_default();
            (entry, change.differs.is_some())
        };
        let strips = "strip_prefix = true".to_owned();
        assert_eq!(said("/api/", None), (String::new(), false));
        assert_eq!(said("/api/", Some("/")), (strips.clone(), false));
        assert_eq!(said("/api", Some("/")), (strips, false));
        assert_eq!(said("/", Some("/")), (String::new(), false));
        assert_eq!(said("/api/", Some("/api/")), (String::new(), false));
        assert_eq!(said("/api/", Some("/v2/")), ("rewrite = { prefix = \"/v2\" }".into(), false));
        assert_eq!(said("/", Some("/v2/")), ("rewrite = { prefix = \"/v2\" }".into(), false));
        assert_eq!(said("/api/", Some("/v2")), ("rewrite = { prefix = \"/v2\" }".into(), true));
        assert!(path_change(&Location::everything(), Some("/a/../b")).is_err());
    }
}
