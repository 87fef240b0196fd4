//! `location`: the routes of a server.

use super::authorize::is_asked;
use super::context::Context;
use super::expressions;
use super::fronts::Front;
use super::ledger::Reason;
use super::location::{Location, is_named};
use super::making::Making;
use super::route_table::{At, Made, route_table};
use super::routes::Route;
use super::scope::Scope;
use super::servers::Server;
use crate::import::output::Value;
use crate::import::syntax::Directive;

/// Makes routes at `front` of the locations of `server`.
pub(super) fn location_routes<'t>(
    server: &Server<'t>,
    front: &Front,
    context: &Context<'t>,
    making: &mut Making<'_, 't>,
) {
    let mut found = Vec::new();
    collect(&server.scope, context, &mut found);
    // Of two with the same path here, the one that leads to an endpoint is kept.
    found.sort_by_key(|it| (it.location.is_exact, !leads_somewhere(it.directive)));
    for found in found.iter().filter(|it| !is_asked(it.directive, server.scope.own())) {
        make(found, server, front, context, making);
    }
    close_expressions(server, front, making);
}

/// Closes what expressions kept out: no route is made of one, and that for a shorter path would let it in.
fn close_expressions<'t>(server: &Server<'t>, front: &Front, making: &mut Making<'_, 't>) {
    for directive in server.scope.own_named("location").filter(|it| keeps_out(it)) {
        let expression = match directive.texts()[..] {
            ["~" | "~*", expression] => expression,
            [both] => both.trim_start_matches("~*").trim_start_matches('~'),
            _ => continue,
        };
        let location = expressions::path_below(expression).and_then(|path| Location::read(&[&path]).ok());
        location.iter().for_each(|location| close(directive, location, front, making));
    }
}

struct Found<'t> {
    directive: &'t Directive,
    location: Location,
    scope: Scope<'t>,
}

/// The locations in `scope`, and those within them.
fn collect<'t>(scope: &Scope<'t>, context: &Context<'t>, found: &mut Vec<Found<'t>>) {
    for directive in scope.own_named("location") {
        match Location::read(&directive.texts()) {
            Ok(location) => {
                let scope = scope.within(directive.inner());
                found.push(Found { directive, location, scope: scope.clone() });
                collect(&scope, context, found);
            }
            Err(_) if is_named(directive) => {}
            Err(Reason { why, instead }) if keeps_out(directive) => {
                context.ledger.left(directive, format!("it kept requests out; {why}"), instead);
            }
            Err(reason) => context.ledger.left_because(directive, reason),
        }
    }
}

/// Whether it refuses requests, or asks something of them.
fn keeps_out(location: &Directive) -> bool {
    location.inner().iter().any(|directive| match directive.name() {
        "deny" | "internal" | "limit_except" | "ssl_verify_client" => true,
        "satisfy" => directive.value() == Some("any"),
        "if" => keeps_out(directive),
        "return" => directive.argument(0).is_some_and(|status| status.starts_with('4')),
        name => (name.starts_with("auth_") && directive.value() != Some("off")) || name.starts_with("access_by_lua"),
    })
}

fn make<'t>(found: &Found<'t>, server: &Server<'t>, front: &Front, context: &Context<'t>, making: &mut Making<'_, 't>) {
    let Found { directive, location, scope } = found;
    if making.routes.found.iter().any(|route| route.order == directive.id && route.front == *front) {
        return;
    }
    let is_taken = !making.routes.claim(front, &location.path);
    if is_taken {
        return tell_of_taken(found, server, context);
    }
    let at = At { location, scope, server, front };
    match route_table(&at, context, making) {
        Ok(Made { mut table, told }) => {
            context.ledger.carried(directive);
            if location.is_exact {
                table.comments.push(format!(
                    "{}: {} only there; here {}/… comes to this route too.",
                    directive.place,
                    directive.written().trim_end_matches(" {"),
                    location.path
                ));
                tell_of_opened(directive, location, context);
            }
            let told = [vec![directive.inner()], told].concat();
            making.routes.found.push(Route {
                table,
                told,
                order: directive.id,
                front: front.clone(),
                path: location.path.clone(),
            });
        }
        Err(reason) => {
            // What is within it has routes of its own, and is told of by itself.
            match directive.inner().iter().any(|it| it.name() == "location") {
                true => context.ledger.carried(directive),
                false => context.ledger.left_because(directive, reason),
            }
            making.routes.unclaim(front, &location.path);
            if keeps_out(directive) {
                close(directive, location, front, making);
            }
        }
    }
}

/// Answers 403 to all of `location`: a route for a shorter path would let in what this one kept out.
fn close<'t>(directive: &'t Directive, location: &Location, front: &Front, making: &mut Making<'_, 't>) {
    if !making.routes.claim(front, &location.path) {
        return;
    }
    let mut table = making.routes.table(front, location, "closed", making.listeners);
    table.put("respond", Value::table([("status", Value::Number(403))]));
    table
        .comments
        .push(format!("Closed: what {} kept out would come to the route of a shorter path.", directive.place));
    making.routes.found.push(Route {
        table,
        told: Vec::new(),
        order: directive.id,
        front: front.clone(),
        path: location.path.clone(),
    });
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
    directive.inner().iter().any(is_pass)
}

fn is_pass(directive: &Directive) -> bool {
    ["proxy_pass", "grpc_pass"].contains(&directive.name())
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
