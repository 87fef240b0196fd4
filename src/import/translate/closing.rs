//! Routes that answer 403, for what nginx kept out would come to an endpoint otherwise.

use super::fronts::Front;
use super::location::Location;
use super::making::Making;
use super::routes::Route;
use crate::import::output::{Table, Value};
use crate::import::syntax::Directive;

/// What of a route is about endpoints.
const FOR_ENDPOINTS: [&str; 4] = ["upstream", "strip_prefix", "rewrite", "request_headers"];
const WHICH: [&str; 3] = ["hosts", "listeners", "path"];

/// Whether requests reach an endpoint through the route of `table`.
pub(super) fn is_open(table: &Table) -> bool {
    table.entries.iter().any(|(key, _)| key == "upstream")
}

/// Has the route of `table` answer 403 in the place of an endpoint, and notes below it `why`, and what it did.
pub(super) fn shut(table: &mut Table, why: &str) {
    if !is_open(table) {
        return;
    }
    let entries = std::mem::take(&mut table.entries);
    let (for_endpoints, mut rest): (Vec<_>, Vec<_>) =
        entries.into_iter().partition(|(key, _)| FOR_ENDPOINTS.contains(&key.as_str()));
    let which = rest.iter().take_while(|(key, _)| WHICH.contains(&key.as_str())).count();
    rest.insert(which, ("respond".to_owned(), Value::table([("status", Value::Number(403))])));
    table.entries = rest;
    table.notes.push(format!("Closed, for {why}. Once that is settled, take `respond` out and write"));
    table.notes.extend(for_endpoints.iter().map(|(key, value)| format!("{key} = {value}")));
}

/// What answers a path in the place of an endpoint.
pub(super) struct Closed<'a, 't> {
    pub(super) directive: &'t Directive,
    pub(super) location: &'a Location,
    pub(super) status: u64,
    /// The comment above it.
    pub(super) why: String,
}

impl<'a, 't> Closed<'a, 't> {
    /// For `directive`, which kept requests out of `location`.
    pub(super) fn of_guard(directive: &'t Directive, location: &'a Location) -> Self {
        let why = format!("Closed: what {} kept out would come to the route of a shorter path.", directive.place);
        Self { directive, location, status: 403, why }
    }

    /// A route for that at `front`; false where the path has one already.
    pub(super) fn make(self, front: &Front, making: &mut Making<'_, 't>) -> bool {
        let Self { directive, location, status, why } = self;
        if !making.routes.claim(front, &location.path) {
            return false;
        }
        let mut table = making.routes.table(front, location, "closed", making.listeners);
        table.put("respond", Value::table([("status", Value::Number(status))]));
        table.comments.push(why);
        making.routes.found.push(Route {
            table,
            told: Vec::new(),
            order: directive.id,
            front: front.clone(),
            path: location.path.clone(),
        });
        true
    }
}
