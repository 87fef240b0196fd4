//! `limit_conn` and `limit_req`: how many a route lets in. What is counted here are tunnels, and the handshakes that ask for one.

use super::amounts::{MOST, rate};
use super::context::Context;
use super::scope::Scope;
use super::text::{Part, parts};
use crate::import::output::{Table, Value};
use crate::import::syntax::Directive;

/// Who is counted together.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Counted {
    Everybody,
    /// The value of `per`.
    Client(String),
}

pub(super) fn rates(scope: &Scope<'_>, context: &Context<'_>, table: &mut Table) {
    let mut per = None;
    for directive in scope.all("limit_conn") {
        let zone = directive.argument(0).and_then(|name| zone("limit_conn_zone", name, context));
        let most = directive.argument(1).and_then(|it| it.parse::<u64>().ok()).filter(|most| *most > 0);
        let (Some((of_zone, counted)), Some(most)) = (zone, most) else {
            tell(directive, context);
            continue;
        };
        let key = match counted {
            Counted::Everybody => "max_tunnels",
            Counted::Client(_) => "max_tunnels_per_client",
        };
        put(key, Value::Number(most.min(MOST)), counted, &mut per, (directive, of_zone), context, table);
    }
    for directive in scope.all("limit_req") {
        let parameter =
            |name: &str| directive.texts().into_iter().find_map(|it| it.strip_prefix(name).map(str::to_owned));
        let zone = parameter("zone=").and_then(|name| zone("limit_req_zone", &name, context));
        let rate = zone
            .as_ref()
            .and_then(|(of_zone, _)| of_zone.texts().into_iter().find_map(|it| rate(it.strip_prefix("rate=")?)));
        let (Some((of_zone, counted @ Counted::Client(_))), Some(rate)) = (zone, rate) else {
            tell(directive, context);
            continue;
        };
        let burst = parameter("burst=").and_then(|it| it.parse::<u64>().ok()).unwrap_or(0);
        let burst = rate.saturating_add(burst).min(MOST);
        let value = Value::table([("rate", Value::Number(rate)), ("burst", Value::Number(burst))]);
        put("handshakes_per_second", value, counted, &mut per, (directive, of_zone), context, table);
    }
    if let Some(per) = per.filter(|per| per != "client_ip") {
        table.put("per", per);
    }
}

#[expect(clippy::too_many_arguments, reason = "a step of the loops above, which share all of it")]
fn put(
    key: &'static str,
    value: Value,
    counted: Counted,
    per: &mut Option<String>,
    (directive, zone): (&Directive, &Directive),
    context: &Context<'_>,
    table: &mut Table,
) {
    let is_there = table.entries.iter().any(|(there, _)| there == key);
    let is_another = matches!(&counted, Counted::Client(who) if per.as_ref().is_some_and(|per| per != who));
    if is_there || is_another {
        let instead = "write the stricter of them, or `per` for who is one client";
        return context.ledger.left(
            directive,
            format!("a route has one `{key}`, and one way to tell clients apart"),
            instead,
        );
    }
    if let Counted::Client(who) = counted {
        *per = Some(who);
    }
    table.put(key, value);
    context.ledger.carried(zone);
    context.ledger.left(
        directive,
        format!("`{key}` counts WebSockets and other tunnels: plain requests are not counted"),
        "let the application limit those, or keep nginx in front for it",
    );
}

fn tell(directive: &Directive, context: &Context<'_>) {
    context.ledger.left(
        directive,
        "this cannot be counted here",
        "write `max_tunnels`, `max_tunnels_per_client` or `handshakes_per_second` in [route.NAME]: docs/access.md",
    );
}

/// The zone with this name, and who is counted together there.
fn zone<'t>(kind: &str, name: &str, context: &Context<'t>) -> Option<(&'t Directive, Counted)> {
    let is_it = |zone: &&Directive| {
        zone.texts().iter().filter_map(|it| it.strip_prefix("zone=")).any(|it| it.split(':').next() == Some(name))
    };
    let zone = context.http.every(kind).find(is_it)?;
    let [Part::Variable(key)] = parts(zone.argument(0)?)[..] else { return None };
    let counted = match key {
        "remote_addr" | "binary_remote_addr" => Counted::Client("client_ip".to_owned()),
        "server_name" | "host" => Counted::Everybody,
        _ => {
            let header = key.strip_prefix("http_").filter(|it| !it.is_empty())?;
            Counted::Client(format!("header:{}", header.replace('_', "-")))
        }
    };
    Some((zone, counted))
}
