//! `auth_request`: a server that is asked whether a request may enter.

use super::asked_headers::send;
use super::balance::connections_rest;
use super::chosen::{Chosen, chosen};
use super::context::Context;
use super::ledger::{Ledger, Reason};
use super::location::modifier_and_text;
use super::moves::{redirects, takes};
use super::nothing::means_nothing;
use super::proxy_target::{ProxyTarget, with_port};
use super::request_headers::RequestHeaders;
use super::scope::Scope;
use super::text::Variables;
use super::uses::only_uses;
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
    entries.extend(question.send.map(|names| ("send".to_owned(), Value::texts(names))));
    if !headers.take.is_empty() {
        entries.push(("take".to_owned(), Value::texts(headers.take.clone())));
    }
    Ok(Some(Authorize { entries, location: question.location }))
}

/// Whether `location` is there to be asked by `auth_request`, and by nobody else.
pub(super) fn is_asked(location: &Directive, server: &[Directive]) -> bool {
    let Some((modifier, path)) = modifier_and_text(&location.texts()) else { return false };
    let is_for_that_alone = modifier == "=" || location.inner().iter().any(|it| it.name() == "internal");
    is_for_that_alone && !modifier.starts_with('~') && asks(path, server)
}

/// Whether a directive of `block`, or of one within it, asks `path`.
fn asks(path: &str, block: &[Directive]) -> bool {
    block.iter().any(|it| it.name() == "auth_request" && it.value() == Some(path) || asks(path, it.inner()))
}

struct Question<'t> {
    url: String,
    send: Option<Vec<String>>,
    location: &'t Directive,
}

fn question<'t>(asked: &str, server: &Scope<'t>, context: &Context<'t>) -> Result<Question<'t>, Reason> {
    if !asked.starts_with('/') || asked.contains(['?', '$', '#', ' ']) {
        return Err(beyond("what is asked is no plain path"));
    }
    if let Some(rewrite) = rewritten(asked, server.own()) {
        return Err(beyond(format!("the server changes what is asked ({}: {})", rewrite.place, rewrite.written())));
    }
    if has_slashed(asked, server.own()) {
        return Err(beyond(format!("nginx sends who asks for {asked} to {asked}/")));
    }
    let found = chosen(asked, server)?.ok_or_else(|| beyond("no location is for the path that is asked"))?;
    let location = found.directive;
    let question = question_to(&found, asked, context).inspect_err(|reason| {
        if is_asked(location, server.own()) {
            context.ledger.left_because(location, reason.clone());
        }
    })?;
    if is_asked(location, server.own()) {
        spend(location, &found.scope, &context.ledger);
    }
    Ok(question)
}

/// What the location asks that was `found` for the path `asked`.
fn question_to<'t>(found: &Chosen<'t>, asked: &str, context: &Context<'t>) -> Result<Question<'t>, Reason> {
    let Chosen { directive: location, scope, .. } = found;
    let around = ["proxy_method", "proxy_set_body"].into_iter().filter_map(|name| scope.last(name));
    if let Some(more) = scope.own().iter().chain(around).find(|it| may_decide(it)) {
        return Err(beyond(format!(
            "the location that is asked has more than a proxy_pass ({}: {})",
            more.place,
            more.written()
        )));
    }
    let pass =
        scope.own_named("proxy_pass").next().ok_or_else(|| beyond("the location that is asked has no proxy_pass"))?;
    let target = ProxyTarget::read(pass, scope)?;
    if Variables::of(scope).spelled_out(pass.value().unwrap_or("")).contains("request_uri") {
        return Err(beyond("the path that is asked is that of the request, which the server reads in X-Original-URI"));
    }
    let authority = authority(pass, &target, context)?;
    let send = send(scope, &authority, &context.ledger)?;
    // Of a prefix nginx puts the path of proxy_pass in its place, and here the whole path is written.
    let path = match (&target.path, modifier_and_text(&location.texts())) {
        (Some(path), Some((modifier, text))) if modifier != "=" && !target.replaces_whole_path => {
            if path.contains('?') {
                return Err(beyond("the URL that is asked has a query, and the location is for more than one path"));
            }
            format!("{path}{}", asked.strip_prefix(text).unwrap_or(""))
        }
        (Some(path), _) => path.clone(),
        (None, _) => asked.to_owned(),
    };
    let scheme = if target.has_tls { "https" } else { "http" };
    let url = match authority.strip_prefix("unix:") {
        Some(socket) => format!("unix:{socket}:{path}"),
        None => format!("{scheme}://{authority}{path}"),
    };
    context.ledger.carried(pass);
    Ok(Question { url, send, location })
}

/// Where the server is that `pass` asks, which leads to `target`.
fn authority(pass: &Directive, target: &ProxyTarget, context: &Context<'_>) -> Result<String, Reason> {
    let Some(group) = context.group(&target.authority) else { return Ok(target.authority.clone()) };
    let is_up = |it: &&Directive| !it.texts().iter().any(|text| ["backup", "down"].contains(text));
    let servers = || group.inner().iter().filter(|it| it.name() == "server");
    let first = servers().find(is_up).ok_or_else(|| beyond("the upstream that is asked has no server"))?;
    context.ledger.carried(group);
    context.ledger.carried(first);
    connections_rest(group, &context.ledger);
    let others: Vec<_> = servers().filter(|it| it.id != first.id).collect();
    if !others.is_empty() {
        let named: Vec<_> = others.iter().map(|it| format!("{}: {}", it.place, it.written())).collect();
        context.ledger.left(
            pass,
            format!("{} is asked here, and none of {}", first.argument(0).unwrap_or(""), named.join(", ")),
            "put a load balancer in front of them, and write its URL",
        );
        others.iter().for_each(|it| context.ledger.nothing(it));
    }
    let first = first.argument(0).unwrap_or("");
    Ok(with_port(first, if target.has_tls { 443 } else { 80 }))
}

/// What of a server's `block` makes another path of `asked`, or gives it a query: nginx reads that block for what it asks by itself, too.
fn rewritten<'t>(asked: &str, block: &'t [Directive]) -> Option<&'t Directive> {
    block.iter().find_map(|it| match it.name() {
        "rewrite" if takes(it.argument(0).unwrap_or(""), asked) => Some(it),
        "set" if it.argument(0) == Some("$args") => Some(it),
        // A client who is sent elsewhere comes to no question.
        "if" => rewritten(asked, it.inner()).filter(|it| !redirects(it)),
        _ => None,
    })
}

/// Whether there is a location for `asked` with a slash behind it: nginx says so to who asks for it without.
fn has_slashed(asked: &str, block: &[Directive]) -> bool {
    let is_it = |it: &Directive| {
        modifier_and_text(&it.texts()).is_some_and(|(_, text)| text.strip_suffix('/') == Some(asked))
            && it.inner().iter().any(|it| it.name().ends_with("_pass"))
    };
    let is_exact = |it: &Directive| modifier_and_text(&it.texts()) == Some(("=", asked));
    let locations = || block.iter().filter(|it| it.name() == "location");
    !locations().any(is_exact) && locations().any(|it| is_it(it) || has_slashed(asked, it.inner()))
}

/// Whether `directive` of a location that is asked may answer by itself, or change what is asked.
fn may_decide(directive: &Directive) -> bool {
    match directive.name() {
        "proxy_method" => directive.value().is_none_or(|method| !method.eq_ignore_ascii_case("GET")),
        "set" => directive.argument(0) == Some("$args"),
        "proxy_set_body" | "try_files" => true,
        name => !HARMLESS.contains(&name) && !only_uses(name) && !means_nothing(directive),
    }
}

/// What changes nothing of a question: nginx asks nobody who may enter a location that it asks by itself.
const HARMLESS: [&str; 11] = [
    "internal",
    "location",
    "auth_request_set",
    "allow",
    "deny",
    "auth_basic",
    "auth_basic_user_file",
    "satisfy",
    "send_timeout",
    "resolver",
    "resolver_timeout",
];

/// What such a location says besides is what is always so here.
fn spend(location: &Directive, scope: &Scope<'_>, ledger: &Ledger) {
    const ALWAYS: [&str; 7] = [
        "internal",
        "proxy_method",
        "proxy_pass_request_body",
        "access_log",
        "client_max_body_size",
        "proxy_read_timeout",
        "proxy_connect_timeout",
    ];
    ledger.carried(location);
    scope.own().iter().filter(|it| ALWAYS.contains(&it.name())).for_each(|it| ledger.nothing(it));
}

fn beyond(why: impl Into<String>) -> Reason {
    Reason::new(why, "write [route.NAME.authorize] with the `url` of the server that is asked: docs/access.md")
}
