//! `auth_request`: a server that is asked whether a request may enter.

use super::context::Context;
use super::ledger::{Ledger, Reason};
use super::proxy_target::{ProxyTarget, with_port};
use super::request_headers::RequestHeaders;
use super::scope::Scope;
use crate::import::output::Value;
use crate::import::syntax::Directive;

/// `[route.NAME.authorize]`, and the location that asked for it.
pub(super) struct Authorize<'t> {
    pub(super) entries: Vec<(String, Value)>,
    pub(super) location: &'t Directive,
}

/// What a route in `scope` asks, of a server whose block is that of `server`; `None` where nobody is asked.
///
/// # Errors
/// Why it cannot be said; the directive is told of.
pub(super) fn authorize<'t>(
    scope: &Scope<'t>,
    server: &Scope<'t>,
    headers: &RequestHeaders,
    context: &Context<'t>,
) -> Result<Option<Authorize<'t>>, Reason> {
    let Some(directive) = scope.last("auth_request").filter(|it| it.value() != Some("off")) else { return Ok(None) };
    let asked = directive.value().unwrap_or("");
    let question = question(asked, server, context).inspect_err(|reason| {
        context.ledger.left_because(directive, reason.clone());
    })?;
    context.ledger.carried(directive);
    let mut entries = vec![("url".to_owned(), Value::from(question.url))];
    if !headers.take.is_empty() {
        entries.push(("take".to_owned(), Value::texts(headers.take.clone())));
    }
    Ok(Some(Authorize { entries, location: question.location }))
}

/// Whether `location` is there to be asked by `auth_request`, and by nobody else.
pub(super) fn is_asked(location: &Directive, server: &[Directive]) -> bool {
    let asks = |directive: &Directive| directive.name() == "auth_request" && directive.value() == path_of(location);
    let is_for_that_alone = is_exact(location) || location.inner().iter().any(|it| it.name() == "internal");
    is_for_that_alone && server.iter().any(|it| asks(it) || it.inner().iter().any(asks))
}

struct Question<'t> {
    url: String,
    location: &'t Directive,
}

fn question<'t>(asked: &str, server: &Scope<'t>, context: &Context<'t>) -> Result<Question<'t>, Reason> {
    let locations = || server.own_named("location");
    let exact = locations().find(|it| is_exact(it) && path_of(it) == Some(asked));
    let prefix = locations()
        .filter(|it| !is_exact(it) && path_of(it).is_some_and(|path| path.starts_with('/') && asked.starts_with(path)))
        .max_by_key(|it| path_of(it).map_or(0, str::len));
    let location = exact.or(prefix).ok_or_else(|| beyond("no location with a plain path is asked"))?;
    let scope = server.within(location.inner());
    let pass =
        scope.own_named("proxy_pass").next().ok_or_else(|| beyond("the location that is asked has no proxy_pass"))?;
    let target = ProxyTarget::read(pass, &scope)?;
    let authority = match context.group(&target.authority) {
        Some(group) => {
            let mut servers = group.inner().iter().filter(|it| it.name() == "server").filter_map(|it| it.argument(0));
            let first = servers.next().ok_or_else(|| beyond("the upstream that is asked has no server"))?;
            if servers.next().is_some() {
                context.ledger.left(
                    pass,
                    "one server is asked here, and this is the first of several",
                    "put a load balancer in front of them, and write its URL",
                );
            }
            context.ledger.carried(group);
            with_port(first, if target.has_tls { 443 } else { 80 })
        }
        None => target.authority.clone(),
    };
    // Of a prefix nginx puts the path of proxy_pass in its place, and here the whole path is written.
    let path = match (&target.path, is_exact(location)) {
        (Some(path), true) => path.clone(),
        (Some(path), false) => format!("{path}{}", asked.strip_prefix(path_of(location).unwrap_or("")).unwrap_or("")),
        (None, _) => asked.to_owned(),
    };
    let scheme = if target.has_tls { "https" } else { "http" };
    let url = match authority.strip_prefix("unix:") {
        Some(socket) => format!("unix:{socket}:{path}"),
        None => format!("{scheme}://{authority}{path}"),
    };
    if is_asked(location, server.own()) {
        spend(location, &scope, &context.ledger);
    }
    context.ledger.carried(pass);
    Ok(Question { url, location })
}

/// What such a location says besides is what is always so here.
fn spend(location: &Directive, scope: &Scope<'_>, ledger: &Ledger) {
    const ALWAYS: [&str; 7] = [
        "internal",
        "proxy_pass_request_body",
        "proxy_pass_request_headers",
        "access_log",
        "client_max_body_size",
        "proxy_read_timeout",
        "proxy_connect_timeout",
    ];
    ledger.carried(location);
    for directive in scope.own() {
        let header = directive.argument(0).unwrap_or("").to_ascii_lowercase();
        let is_said = header.starts_with("x-original-") || header.starts_with("x-forwarded-") || header == "x-real-ip";
        let is_usual =
            ["host", "content-length", "connection", "upgrade", "authorization", "cookie"].contains(&header.as_str());
        match directive.name() {
            "proxy_set_header" if is_said || is_usual => ledger.nothing(directive),
            "proxy_set_header" => ledger.left(
                directive,
                "a server that is asked reads what `send` names, and what the request is for",
                "write send = [\"cookie\", \"authorization\"] in [route.NAME.authorize]",
            ),
            "proxy_pass_request_headers" if directive.value() == Some("off") => {
                ledger.left(directive, "it reads the headers in `send`", "write send = [] in [route.NAME.authorize]");
            }
            name if ALWAYS.contains(&name) => ledger.nothing(directive),
            _ => {}
        }
    }
}

fn is_exact(location: &Directive) -> bool {
    location.argument(0).is_some_and(|it| it.starts_with('='))
}

fn path_of(location: &Directive) -> Option<&str> {
    match location.texts()[..] {
        ["=" | "^~", path] => Some(path),
        [path] if !path.starts_with('~') => Some(path.trim_start_matches('=')),
        _ => None,
    }
}

fn beyond(why: &str) -> Reason {
    Reason::new(why, "write [route.NAME.authorize] with the `url` of the server that is asked: docs/access.md")
}
