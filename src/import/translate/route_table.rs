//! `[route.NAME]`: what becomes of the requests of one location.

use super::addresses::Addresses;
use super::amounts::{size, written_size};
use super::answer::{Destination, answer, answer_instead};
use super::authorize::authorize;
use super::client_addresses::sees_same_clients;
use super::client_certificates::requires_in_vain;
use super::closing::shut;
use super::context::Context;
use super::fronts::Front;
use super::guards::has_guard_left;
use super::instead::instead_of;
use super::ledger::Reason;
use super::location::Location;
use super::locations::tried_last;
use super::making::Making;
use super::passwords::passwords;
use super::path_rules::path_rules;
use super::proxy_target::ProxyTarget;
use super::rates::rates;
use super::request_headers::RequestHeaders;
use super::response_headers::ResponseHeaders;
use super::scope::Scope;
use super::server_rules::redirecting_rewrite;
use super::servers::Server;
use super::text::Variables;
use crate::import::output::{Table, Value};
use crate::import::syntax::Directive;

/// A location, and what is around it.
pub(super) struct At<'a, 't> {
    pub(super) location: &'a Location,
    pub(super) scope: &'a Scope<'t>,
    pub(super) server: &'a Server<'t>,
    pub(super) front: &'a Front,
}

/// A route, and the blocks besides the location's own that are told of above it.
pub(super) struct Made<'t> {
    pub(super) table: Table,
    pub(super) told: Vec<&'t [Directive]>,
}

/// The route that `at` is.
///
/// # Errors
/// Why it is none.
pub(super) fn route_table<'t>(
    at: &At<'_, 't>,
    context: &Context<'t>,
    making: &mut Making<'_, 't>,
) -> Result<Made<'t>, Reason> {
    let mut told = Vec::new();
    // nginx answers before it asks who may enter.
    if let Some((directive, answered)) = own_answer(at) {
        let (key, value) = answered.unwrap_or_else(|Reason { why, instead }| {
            let (key, value) = answer_instead(directive);
            context.ledger.left(
                directive,
                format!("{why}; here nobody comes to an endpoint for it: {key} = {value}"),
                instead,
            );
            (key, value)
        });
        let mut table = making.routes.table(at.front, at.location, "", making.listeners);
        table.put(key, value);
        at.scope.own_named("return").chain(at.scope.own_named("rewrite")).for_each(|it| context.ledger.carried(it));
        answered_headers(at, context, &mut table);
        return Ok(Made { table, told });
    }
    let addresses = Addresses::of(at.scope, &context.ledger);
    if addresses.as_ref().is_ok_and(|it| it.denies_all) {
        return Ok(Made { table: closed(at, making, 403), told });
    }
    // It is so for what is nested in it, too.
    if let Some(internal) = at.scope.every("internal").next() {
        context.ledger.carried(internal);
        return Ok(Made { table: closed(at, making, 404), told });
    }
    let (pass, pass_scope) = pass(at, context, &mut told)?;
    let named = tried_last(at.scope, at.server).filter(|named| !named.inner().is_empty());
    let of_named = named.map(|named| at.server.scope.within(named.inner()));
    let addresses_of_named = of_named.as_ref().map(|scope| Addresses::of(scope, &context.ledger));
    let answers = of_named.as_ref().is_some_and(answers);
    if answers || addresses_of_named.as_ref().is_some_and(|it| it.as_ref().is_ok_and(|it| it.denies_all)) {
        return Ok(Made { table: closed(at, making, 403), told });
    }
    let target = ProxyTarget::read(pass, &pass_scope)?;
    let path = path_rules(&target, at.location, pass, &pass_scope, &context.ledger)?;
    let upstream = making.upstreams.name_of(&target, &pass_scope, context)?;
    context.ledger.carried(pass);
    Variables::note_used(pass.value().unwrap_or(""), &pass_scope, &context.ledger);

    let headers = RequestHeaders::of(&pass_scope, &context.ledger);
    let mut table = making.routes.table(at.front, at.location, "", making.listeners);
    let mut for_endpoints = vec![("upstream".to_owned(), Value::Text(upstream))];
    for_endpoints.extend(path.map(|(key, value)| (key.to_owned(), value)));
    for_endpoints.extend(headers.value().map(|value| ("request_headers".to_owned(), value)));

    let mut is_closed = access((at.scope, at.server), addresses, &headers, context, &mut table, &mut told);
    // nginx asks again where a named location takes over.
    if let (Some(scope), Some(addresses)) = (&of_named, addresses_of_named) {
        let mut asked = Table::default();
        is_closed |= access((scope, at.server), addresses, &headers, context, &mut asked, &mut told);
        is_closed |= !add_guards(&mut table, asked);
    }
    rates(at.scope, context, &mut table);
    max_body(at, context, &mut table);
    let responses = ResponseHeaders::of(&pass_scope, &context.ledger);
    let request_id = headers.request_id.or_else(|| responses.names_request().then(|| "x-request-id".to_owned()));
    request_id.into_iter().for_each(|name| table.put("request_id", name));
    responses.value().into_iter().for_each(|value| table.put("response_headers", value));
    finish(&mut table, for_endpoints, is_closed);
    Ok(Made { table, told })
}

/// Has `table` ask what `more` asks, too; false where one route cannot ask both.
fn add_guards(table: &mut Table, more: Table) -> bool {
    let mut is_said = true;
    for (key, value) in more.entries {
        match table.entries.iter().find(|(there, _)| *there == key) {
            Some((_, there)) => is_said &= *there == value,
            None => table.entries.push((key, value)),
        }
    }
    for (key, entries) in more.below {
        match table.below.iter().find(|(there, _)| *there == key) {
            Some((_, there)) => is_said &= *there == entries,
            None => table.below.push((key, entries)),
        }
    }
    is_said
}

/// Puts what leads to endpoints in front of the rest, behind what says which requests the route is for.
fn finish(table: &mut Table, for_endpoints: Vec<(String, Value)>, is_closed: bool) {
    let which =
        table.entries.iter().take_while(|(key, _)| ["hosts", "listeners", "path"].contains(&key.as_str())).count();
    let rest = table.entries.split_off(which);
    table.entries.extend(for_endpoints);
    table.entries.extend(rest);
    if is_closed {
        shut(table, "what kept requests out could not be carried over");
    }
}

/// What the location answers by itself, and what says so.
fn own_answer<'t>(at: &At<'_, 't>) -> Option<(&'t Directive, Result<Destination, Reason>)> {
    let name = at.server.names.first();
    if let Some(directive) = at.scope.own_named("return").next() {
        return Some((directive, answer(directive, at.scope, at.location, name)));
    }
    at.scope.own_named("rewrite").find_map(|it| Some((it, redirecting_rewrite(it, at.scope, at.location, name)?)))
}

/// Whether a named location answers whoever comes to it.
fn answers(scope: &Scope<'_>) -> bool {
    let everything = Location::everything();
    let redirects = |it: &Directive| redirecting_rewrite(it, scope, &everything, None).is_some();
    scope.own_named("return").next().is_some() || scope.own_named("rewrite").any(redirects)
}

fn answered_headers(at: &At<'_, '_>, context: &Context<'_>, table: &mut Table) {
    let responses = ResponseHeaders::of(at.scope, &context.ledger);
    if responses.names_request() {
        table.put("request_id", "x-request-id");
    }
    responses.value().into_iter().for_each(|value| table.put("response_headers", value));
}

fn closed(at: &At<'_, '_>, making: &mut Making<'_, '_>, status: u64) -> Table {
    let mut table = making.routes.table(at.front, at.location, "", making.listeners);
    table.put("respond", Value::table([("status", Value::Number(status))]));
    table
}

/// What leads to an endpoint: of the location itself, or of the named one that it tries last.
fn pass<'t>(
    at: &At<'_, 't>,
    context: &Context<'t>,
    told: &mut Vec<&'t [Directive]>,
) -> Result<(&'t Directive, Scope<'t>), Reason> {
    let tried = at.scope.own_named("try_files").next();
    let named = tried_last(at.scope, at.server);
    match own_pass(at.scope) {
        Some(pass) if tried.is_none() => return Ok((pass, at.scope.clone())),
        Some(_) if named.is_none() => {
            return Err(Reason::new(
                "nginx goes elsewhere for whatever there is no file for, and no files are served",
                "see which paths have files, and write a route for each",
            ));
        }
        _ => {}
    }
    if let (Some(tried), Some(named)) = (tried, named) {
        let scope = at.server.scope.within(named.inner());
        if let Some(pass) = own_pass(&scope) {
            context.ledger.left(
                tried,
                "no files are served: every request goes to the endpoint, also one that a file was for",
                "let the application serve them, or keep nginx behind for the paths that have files",
            );
            context.ledger.carried(named);
            told.push(named.inner());
            return Ok((pass, scope));
        }
    }
    Err(nowhere(at))
}

fn own_pass<'t>(scope: &Scope<'t>) -> Option<&'t Directive> {
    scope.own().iter().find(|it| ["proxy_pass", "grpc_pass"].contains(&it.name()))
}

/// Why the location leads to no endpoint.
fn nowhere(at: &At<'_, '_>) -> Reason {
    if at.location.path.starts_with("/.well-known/acme-challenge") {
        return Reason::new(
            "no files are served",
            "write tls = { acme = { contact = \"mailto:ops@example.com\" } } in [listener.NAME]: certificates come by themselves then; \
             or keep what answers the challenge, as an upstream",
        );
    }
    let handlers = [
        "rewrite",
        "fastcgi_pass",
        "uwsgi_pass",
        "scgi_pass",
        "memcached_pass",
        "stub_status",
        "root",
        "alias",
        "try_files",
    ];
    let own = at.scope.own().iter().find(|it| handlers.contains(&it.name()));
    own.and_then(|it| instead_of(it.name())).map_or_else(
        || {
            Reason::new(
                "it has no proxy_pass, and no files are served",
                "keep nginx behind for it, as one more upstream with a route of its own",
            )
        },
        |(_, reason)| reason,
    )
}

/// Who may enter; true where that cannot be said, and the route has to be closed.
fn access<'t>(
    (scope, server): (&Scope<'t>, &Server<'t>),
    addresses: Result<Addresses, Reason>,
    headers: &RequestHeaders,
    context: &Context<'t>,
    table: &mut Table,
    told: &mut Vec<&'t [Directive]>,
) -> bool {
    let mut is_closed = has_guard_left(scope, &context.ledger);
    match addresses {
        Ok(Addresses { allowed, denied, .. }) => {
            let lists = [("allowed_clients", allowed), ("denied_clients", denied)];
            for (key, list) in lists.into_iter().filter(|(_, list)| !list.is_empty()) {
                table.put(key, Value::texts(list));
                is_closed |= !sees_same_clients(scope, server, &context.ledger);
            }
        }
        Err(_) => is_closed = true,
    }
    match passwords(scope, headers.user.as_deref(), context) {
        Ok(value) => value.into_iter().for_each(|value| table.put("basic_auth", value)),
        Err(_) => is_closed = true,
    }
    match authorize(scope, &server.scope, headers, context) {
        Ok(Some(asked)) => {
            table.below.push(("authorize".to_owned(), asked.entries));
            told.push(asked.location.inner());
        }
        Ok(None) => {}
        Err(_) => is_closed = true,
    }
    is_closed | requires_in_vain(server, context)
}

fn max_body(at: &At<'_, '_>, context: &Context<'_>, table: &mut Table) {
    let Some(directive) = at.scope.last("client_max_body_size") else { return };
    match directive.value().and_then(size) {
        // No bound, as it is here.
        Some(0) => context.ledger.nothing(directive),
        Some(bytes) => {
            table.put("max_body", written_size(bytes));
            context.ledger.carried(directive);
        }
        None => context.ledger.left(directive, "is no size", "write max_body = \"10MiB\" in [route.NAME]"),
    }
}
