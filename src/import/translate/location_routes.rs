//! `location`: the routes of a server.

use super::authorize::is_asked;
use super::closing::{Closed, shut};
use super::context::Context;
use super::fronts::Front;
use super::ledger::Reason;
use super::location::Location;
use super::locations::{Found, locations, tried_last};
use super::making::Making;
use super::route_table::{At, Made as MadeRoute, route_table};
use super::routes::Route;
use super::sealing::{Made, Refusal, below_exact, close_expressions, route_for, seal};
use super::servers::Server;
use crate::import::syntax::Directive;

/// Makes routes at `front` of the locations of `server`.
pub(super) fn location_routes<'t>(
    server: &Server<'t>,
    front: &Front,
    context: &Context<'t>,
    making: &mut Making<'_, 't>,
) {
    let mut locations = locations(server, context);
    // Of two with the same path here, the one that leads to an endpoint is kept, and that which asks more.
    locations.found.sort_by_key(|it| (it.location.is_exact, !leads_somewhere(it.directive), it.asked.is_nothing()));
    let (asked, found): (Vec<_>, Vec<_>) =
        locations.found.iter().partition(|it| is_asked(it.directive, server.scope.own()));
    let mut made = Vec::new();
    let mut nowhere = Vec::new();
    for found in found {
        if found.is_conditional || !make(found, server, front, context, making, &mut made) {
            nowhere.push(found);
        }
    }
    let closed_from = made.len();
    nowhere.iter().for_each(|found| close_unsaid(found, server, front, making, &mut made));
    nowhere.iter().for_each(|found| close_nowhere(found, 403, front, making, &mut made));
    for found in asked {
        let is_internal = found.directive.inner().iter().any(|it| it.name() == "internal");
        close_nowhere(found, if is_internal { 404 } else { 403 }, front, making, &mut made);
    }
    close_expressions(&locations, front, making, &mut made);
    let is_wider = |it: &&Found<'_>| {
        let of_it = |made: &&Made| made.location == it.location;
        made.iter()
            .take(closed_from)
            .find(of_it)
            .is_some_and(|made| it.location.is_exact && below_exact(made, &locations).is_none())
    };
    locations.found.iter().filter(is_wider).for_each(|found| tell_of_below(found, front, context, making));
    seal(&locations, &made, making);
}

/// Makes a route of it; false where it leads nowhere.
fn make<'t>(
    found: &Found<'t>,
    server: &Server<'t>,
    front: &Front,
    context: &Context<'t>,
    making: &mut Making<'_, 't>,
    all: &mut Vec<Made>,
) -> bool {
    let Found { directive, location, scope, .. } = found;
    if !making.routes.claim(front, &location.path) {
        keep_out_of_taken(found, making, all);
        tell_of_taken(found, server, context);
        return true;
    }
    let at = At { location, scope, server, front };
    match route_table(&at, context, making) {
        Ok(MadeRoute { table, told }) => {
            context.ledger.carried(directive);
            let told = [vec![directive.inner()], told].concat();
            let path = location.path.clone();
            all.push(made_of(found, making));
            making.routes.found.push(Route { table, told, order: directive.id, front: front.clone(), path });
            true
        }
        Err(reason) => {
            // What is within it has routes of its own, and is told of by itself.
            match directive.inner().iter().any(|it| it.name() == "location") {
                true => context.ledger.carried(directive),
                false => context.ledger.left_because(directive, reason),
            }
            making.routes.unclaim(front, &location.path);
            false
        }
    }
}

/// The next route, which is made of `found`.
fn made_of(found: &Found<'_>, making: &Making<'_, '_>) -> Made {
    Made {
        number: making.routes.found.len(),
        location: found.location.clone(),
        asked: found.asked.clone(),
        is_before_expressions: found.is_before_expressions,
        refusals: Vec::new(),
    }
}

/// Of two locations with one path here the guarded one wins.
fn keep_out_of_taken(found: &Found<'_>, making: &mut Making<'_, '_>, all: &mut [Made]) {
    let there = all.iter_mut().find(|it| it.location.path == found.location.path);
    let Some(there) = there.filter(|it| !it.asked.covers(&found.asked)) else { return };
    if found.location.is_exact && !there.location.is_exact {
        there.refusals.push(Refusal::of_exact(found));
    } else if let Some(route) = making.routes.found.get_mut(there.number) {
        shut(&mut route.table, &format!("{} keeps out of its path what it lets in", found.directive.place));
    }
}

/// Closes the path of a location that leads to an application in a way that no route does: another one would get its requests.
fn close_unsaid<'t>(
    found: &Found<'t>,
    server: &Server<'t>,
    front: &Front,
    making: &mut Making<'_, 't>,
    all: &mut Vec<Made>,
) {
    let Found { directive, location, scope, .. } = found;
    let leads = hands_on(directive) || tried_last(scope, server).is_some_and(hands_on);
    if !leads || found.is_conditional {
        return;
    }
    let made = made_of(found, making);
    let why = format!(
        "Closed: what {} leads to is not reached from here, and no other route is to take its requests.",
        directive.place
    );
    if (Closed { directive, location, status: 403, why }).make(front, making) {
        all.push(made);
    } else if let Some(there) = all.iter().find(|it| it.location.path == location.path)
        && let Some(route) = making.routes.found.get_mut(there.number)
    {
        shut(&mut route.table, &format!("{} leads a part of its path elsewhere", directive.place));
    }
}

/// Closes the path of a location that no route is made of, where what it kept out would come to an open one.
fn close_nowhere<'t>(found: &Found<'t>, status: u64, front: &Front, making: &mut Making<'_, 't>, all: &mut Vec<Made>) {
    if found.asked.is_nothing() || route_for(&found.location.path, all).is_none_or(|it| it.asked.covers(&found.asked)) {
        return;
    }
    let made = made_of(found, making);
    match (Closed { status, ..Closed::of_guard(found.directive, &found.location) }).make(front, making) {
        true => all.push(made),
        false => keep_out_of_taken(found, making, all),
    }
}

/// Of an exact path: here what is below it comes to its route, too.
fn tell_of_below(found: &Found<'_>, front: &Front, context: &Context<'_>, making: &mut Making<'_, '_>) {
    let Found { directive, location, .. } = found;
    let is_of_it = |route: &&mut Route<'_>| route.order == directive.id && route.front == *front;
    let Some(route) = making.routes.found.iter_mut().find(is_of_it) else { return };
    route.table.comments.push(format!(
        "{}: {} only there; here {}/… comes to this route too.",
        directive.place,
        directive.written().trim_end_matches(" {"),
        location.path
    ));
    tell_of_opened(directive, location, context);
}

/// Of an exact path, what is asked less of it than of the server: here it is asked less of everything below, too.
fn tell_of_opened(directive: &Directive, location: &Location, context: &Context<'_>) {
    let opens = |it: &&Directive| match it.name() {
        "allow" | "satisfy" => true,
        name => name.starts_with("auth_") && it.value() == Some("off"),
    };
    for opening in directive.inner().iter().filter(opens) {
        context.ledger.left(
            opening,
            format!("with nginx it is for {} alone, and here for everything below that path too", location.path),
            "see that nothing below it is guarded, or let the application answer there",
        );
    }
}

fn tell_of_taken(found: &Found<'_>, server: &Server<'_>, context: &Context<'_>) {
    let slash = format!("{}/", found.location.written);
    let adds_slash = found.scope.own_named("return").chain(found.scope.own_named("rewrite")).any(|it| {
        it.texts()
            .iter()
            .any(|text| text.ends_with(&slash) || text.ends_with("$uri/") || text.contains(&format!("{slash}$")))
    });
    if adds_slash {
        return context.ledger.remarked(
            found.directive,
            format!("the route for {} serves it with and without the slash", found.location.path),
            "nothing",
        );
    }
    context.ledger.left(
        found.directive,
        format!(
            "there is a route for {} already, of the server at {}, and it serves everything below that path",
            found.location.path, server.directive.place
        ),
        "keep one of them; `methods`, `match_headers` and `match_query` tell requests apart",
    );
}

fn leads_somewhere(directive: &Directive) -> bool {
    directive.inner().iter().any(|it| ["proxy_pass", "grpc_pass"].contains(&it.name()))
}

/// Whether an application gets the requests of a location, in whatever protocol.
fn hands_on(directive: &Directive) -> bool {
    directive.inner().iter().any(|it| it.name().ends_with("_pass") || it.name() == "if" && hands_on(it))
}

/// Tells of whatever no request comes to.
pub(super) fn tell_of_unreached(server: &Server<'_>, fronts: &[Front], context: &Context<'_>) {
    for directive in server.scope.own_named("location").filter(|it| context.ledger.is_unread(it)) {
        if fronts.is_empty() {
            context.ledger.remarked(
                directive,
                "nothing comes here: the server answers before it looks for a location",
                "nothing",
            );
        } else {
            let Reason { why, instead } = Location::read(&directive.texts())
                .err()
                .unwrap_or_else(|| Reason::new("no route is made of it", "docs/rules.md"));
            context.ledger.left(directive, why, instead);
        }
    }
}
