//! A whole configuration: the tree of nginx in, the text of a file out.

use std::path::Path;

use super::client_addresses::compare_trust;
use super::client_certificates::compare;
use super::closing::shut;
use super::context::Context;
use super::fronts::{Front, fronts, guarded_strangers};
use super::guarded::told_of_guards;
use super::ledger::{Fate, Ledger};
use super::listener_table::listener_table;
use super::location::Location;
use super::location_routes::{location_routes, tell_of_unreached};
use super::making::Making;
use super::maps::upgrade_maps;
use super::resolvers::resolvers;
use super::routes::{Route, Routes};
use super::scope::Scope;
use super::server_rules::server_rules;
use super::servers::{Listener, Server, listeners, servers};
use super::told::{told, told_of};
use super::upstreams::Upstreams;
use crate::import::output::{Document, Table, Value};
use crate::import::syntax::{Directive, Tree};

/// What was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// A configuration of ours.
    pub text: String,
    /// What became of the directives.
    pub counts: Counts,
    /// Whether it has a route: without one it cannot be served.
    pub has_routes: bool,
}

/// How many directives became what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counts {
    /// Those that the file says the same as.
    pub carried: usize,
    /// Those that mean nothing here.
    pub meaningless: usize,
    /// Those that somebody has to look at.
    pub left: usize,
}

/// What `tree` means here, which was read from `file`, and what became of each of its directives; relative paths of it start at `prefix`.
pub(in crate::import) fn written(tree: &Tree, file: &Path, prefix: &Path) -> (Written, Ledger) {
    let http = tree.directives.iter().find(|it| it.name() == "http" && it.block.is_some());
    let outside = Scope::of(&tree.directives);
    let scope = http.map_or_else(|| outside.clone(), |http| outside.within(http.inner()));
    let context = Context { ledger: Ledger::new(tree.count), prefix: prefix.to_owned(), http: scope.clone() };
    http.iter().for_each(|http| context.ledger.carried(http));
    upgrade_maps(scope.everything(), &context.ledger);

    let mut servers = servers(scope.everything(), &scope, &context.ledger);
    let listeners = listeners(&servers, &context.ledger);
    compare(&mut servers, &listeners, &context);
    compare_trust(&mut servers, &listeners);
    let mut upstreams = Upstreams::default();
    let mut routes = Routes::default();
    let mut all_fronts = Vec::new();
    for number in 0..servers.len() {
        all_fronts.extend(routes_of(number, &servers, &listeners, &context, (&mut routes, &mut upstreams)));
    }
    close_gaps(&all_fronts, &listeners, &mut routes);
    let parts = Parts {
        resolver: resolvers(&tree.directives, &context.ledger),
        listeners: listener_tables(&listeners, &servers, &routes, &context),
        servers: &servers,
        routes,
        upstreams,
    };
    tell_of_unused_groups(&context);
    let written = document(parts, tree, file, &context);
    (written, context.ledger)
}

/// What is put together in the end.
struct Parts<'a, 't> {
    resolver: Option<Table>,
    listeners: Vec<Table>,
    servers: &'a [Server<'t>],
    routes: Routes<'t>,
    upstreams: Upstreams<'t>,
}

fn routes_of<'t>(
    number: usize,
    servers: &[Server<'t>],
    listeners: &[Listener<'t>],
    context: &Context<'t>,
    (routes, upstreams): (&mut Routes<'t>, &mut Upstreams<'t>),
) -> Vec<Front> {
    let all = fronts(number, servers, listeners, context);
    let Some(server) = servers.get(number).filter(|_| !all.is_empty()) else { return all };
    let left = server_rules(server, all.clone(), listeners, context, routes);
    for front in &left {
        let before = routes.found.len();
        location_routes(server, front, context, &mut Making { listeners, routes, upstreams });
        if let Some(place) = guarded_strangers(number, front, servers, listeners) {
            let why = format!(
                "hosts come here of the server at {place}, which keeps requests out and whose names cannot be said"
            );
            routes.found.iter_mut().skip(before).for_each(|route| shut(&mut route.table, &why));
        }
    }
    tell_of_unreached(server, &left, context);
    all
}

/// A server answers for all of its hosts: what no route of it takes must not come to one of a server for more hosts.
fn close_gaps<'t>(fronts: &[Front], listeners: &[Listener<'t>], routes: &mut Routes<'t>) {
    for front in fronts {
        if routes.has_everything(front) || !fronts.iter().any(|other| front.falls_to(other)) {
            continue;
        }
        let location = Location::everything();
        let front = Front {
            hosts: front.hosts.iter().filter(|host| routes.is_free(host, front, "/")).cloned().collect(),
            ..front.clone()
        };
        if front.hosts.is_empty() || !routes.claim(&front, &location.path) {
            continue;
        }
        let mut table = routes.table(&front, &location, "else", listeners);
        table.put("respond", Value::table([("status", Value::Number(404))]));
        table
            .comments
            .push("What no other route of these hosts takes; without it a route for more hosts would.".to_owned());
        let order = routes
            .found
            .iter()
            .filter(|it| it.front.hosts == front.hosts)
            .map(|it| it.order)
            .max()
            .unwrap_or(usize::MAX);
        routes.found.push(Route { table, told: Vec::new(), order, front, path: location.path });
    }
}

/// Those that a route is for.
fn listener_tables(
    listeners: &[Listener<'_>],
    servers: &[Server<'_>],
    routes: &Routes<'_>,
    context: &Context<'_>,
) -> Vec<Table> {
    let is_used = |at: usize| routes.found.iter().any(|route| route.front.listeners.contains(&at));
    let used = listeners.iter().enumerate().filter(|(at, _)| is_used(*at));
    used.map(|(_, listener)| listener_table(listener, servers, context)).collect()
}

fn tell_of_unused_groups(context: &Context<'_>) {
    for group in context.groups().filter(|group| context.ledger.is_unread(group)) {
        context.ledger.left(
            group,
            "no route leads to it",
            "write it as [upstream.NAME] with `endpoints`, and a route with `upstream`",
        );
    }
}

fn document(parts: Parts<'_, '_>, tree: &Tree, file: &Path, context: &Context<'_>) -> Written {
    let ledger = &context.ledger;
    let mut document = Document::default();
    let guarded = told_of_guards(&tree.directives);
    document.comment(&head(file, context.prefix()).into_iter().chain(guarded.clone()).collect::<Vec<_>>());
    document.comment(&told_outside(context));
    parts.resolver.iter().for_each(|table| document.table(table));
    parts.listeners.iter().for_each(|table| document.table(table));
    let mut routes = parts.routes.found;
    routes.sort_by_key(|route| route.order);
    let has_routes = !routes.is_empty();
    let mut routes = routes.into_iter().peekable();
    for (number, server) in parts.servers.iter().enumerate() {
        let next = parts.servers.get(number + 1).map_or(usize::MAX, |next| next.directive.id);
        let mut lines = vec![format!("The server at {}.", server.directive.place)];
        let is_told_whole = matches!(ledger.fate(server.directive), Fate::Left(_));
        let told = if is_told_whole { Vec::new() } else { told(server.scope.own(), ledger) };
        lines.extend(told.iter().cloned());
        if routes.peek().is_some_and(|route| route.order < next) || !told.is_empty() {
            document.comment(&lines);
        }
        while let Some(mut route) = routes.next_if(|route| route.order < next || next == usize::MAX) {
            route.table.comments.extend(route.told.iter().flat_map(|block| self::told(block, ledger)));
            document.table(&route.table);
        }
    }
    parts.upstreams.into_tables(ledger).iter().for_each(|table| document.table(table));
    document.comment(&rest(&tree.directives, ledger));
    let (carried, meaningless, left) = ledger.counts();
    let left = left + usize::from(guarded.is_some());
    Written { text: document.into_text(), counts: Counts { carried, meaningless, left }, has_routes }
}

fn head(file: &Path, prefix: &Path) -> Vec<String> {
    vec![
        format!("Written by `windlass import nginx {}`.", file.display()),
        format!(
            "Places such as nginx.conf:12 are below {}. What differs in general is in docs/from-nginx.md.",
            prefix.display()
        ),
        "In no line of its own, since it is so everywhere: WebSockets pass on every route (`upgrade = []` ends that), bodies have no \
         limit but a `max_body` below, and what comes in X-Forwarded-For is passed on only from `trusted_proxies` of the listener."
            .to_owned(),
    ]
}

fn told_outside(context: &Context<'_>) -> Vec<String> {
    context.http.everything().flat_map(|directive| told_of(directive, &context.ledger)).collect()
}

/// What nobody has told of by now, wherever it stands.
fn rest(block: &[Directive], ledger: &Ledger) -> Vec<String> {
    let of = |directive: &Directive| match ledger.is_unread(directive) {
        true => told_of(directive, ledger),
        false => rest(directive.inner(), ledger),
    };
    block.iter().flat_map(of).collect()
}
