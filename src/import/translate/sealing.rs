//! Keeps out of open routes what nginx kept out of them: what has a path of its own is closed there, and what a path cannot say the route
//! refuses, or it is closed as a whole.

use super::asked::Asked;
use super::closing::{Closed, is_open, shut};
use super::expressions::Taken;
use super::fronts::Front;
use super::location::Location;
use super::locations::{Found, Locations, Paths, Unsaid};
use super::making::Making;
use super::refusals::{self, Change};
use crate::import::output::{Table, Value};

/// A route that was made of a location.
pub(super) struct Made {
    /// Its number among all routes.
    pub(super) number: usize,
    pub(super) location: Location,
    pub(super) asked: Asked,
    pub(super) is_before_expressions: bool,
    pub(super) refusals: Vec<Refusal>,
}

/// What one does not take.
pub(super) struct Refusal {
    /// `None` where that cannot be said.
    pub(super) expression: Option<String>,
    /// What that is, in words.
    pub(super) what: String,
}

impl Refusal {
    /// Of the path of `found`, which is exact, on a route that is for more.
    pub(super) fn of_exact(found: &Found<'_>) -> Self {
        let path = &found.location.path;
        Self { expression: Some(refusals::only(path)), what: format!("{path} alone ({})", found.directive.place) }
    }
}

/// The one of `all` that takes requests for `path`.
pub(super) fn route_for<'a>(path: &str, all: &'a [Made]) -> Option<&'a Made> {
    all.iter().filter(|it| is_around(&it.location.path, path)).max_by_key(|it| it.location.path.len())
}

/// Whether `path` is `around`, or below it.
fn is_around(around: &str, path: &str) -> bool {
    around == "/" || path.strip_prefix(around).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Closes the paths of expressions that are all below one, and that no route is for.
pub(super) fn close_expressions<'t>(
    locations: &Locations<'t>,
    front: &Front,
    making: &mut Making<'_, 't>,
    all: &mut Vec<Made>,
) {
    for unsaid in locations.unsaid.iter().filter(|it| !it.asked.is_nothing()) {
        let Paths::Expression { text, .. } = &unsaid.taken else { continue };
        let taken = Taken::by(text);
        let Some(location) = taken.path().and_then(|path| Location::read(&[path]).ok()) else { continue };
        let lets_in = route_for(&location.path, all)
            .is_some_and(|it| !it.is_before_expressions && !it.asked.covers(&unsaid.asked));
        if lets_in && Closed::of_guard(unsaid.directive, &location).make(front, making) {
            all.push(Made {
                number: making.routes.found.len().saturating_sub(1),
                location,
                asked: unsaid.asked.clone(),
                is_before_expressions: false,
                refusals: Vec::new(),
            });
        }
    }
}

/// Has each of `all` refuse what it would let in.
pub(super) fn seal(locations: &Locations<'_>, all: &[Made], making: &mut Making<'_, '_>) {
    for made in all {
        let Some(table) = making.routes.found.get_mut(made.number).map(|route| &mut route.table) else { continue };
        if !is_open(table) {
            continue;
        }
        let mut refused: Vec<Refusal> = Vec::new();
        refused.extend(below_exact(made, locations));
        refused.extend(locations.found.iter().filter_map(|found| siblings(made, found, all)));
        refused.extend(locations.unsaid.iter().filter_map(|unsaid| of_unsaid(made, unsaid, all)));
        let refused: Vec<_> = made.refusals.iter().chain(&refused).collect();
        if !refused.is_empty() {
            refuse(table, &made.location.path, &refused);
        }
    }
}

/// What is below an exact path, where more is asked there.
pub(super) fn below_exact(made: &Made, locations: &Locations<'_>) -> Option<Refusal> {
    if !made.location.is_exact {
        return None;
    }
    let below = format!("{}/", made.location.written);
    let others = locations.found.iter().filter(|it| !it.location.is_exact && below.starts_with(&it.location.written));
    let around = others.max_by_key(|it| it.location.written.len()).map(|it| (it.directive, &it.asked));
    let unsaid = locations.unsaid.iter().map(|it| (it.directive, &it.asked));
    let (other, _) = around.into_iter().chain(unsaid).find(|(_, asked)| !made.asked.covers(asked))?;
    let path = &made.location.path;
    Some(Refusal { expression: Some(refusals::below(path)), what: format!("{path}/… ({})", other.place) })
}

/// What begins with the letters of the path of `found`, where that comes to `made`.
fn siblings(made: &Made, found: &Found<'_>, all: &[Made]) -> Option<Refusal> {
    let Location { written, path, is_exact } = &found.location;
    if *is_exact || written.ends_with('/') || made.asked.covers(&found.asked) {
        return None;
    }
    let around = all.iter().filter(|it| it.location.path != *path && is_around(&it.location.path, path));
    let around = around.max_by_key(|it| it.location.path.len())?;
    (around.number == made.number).then(|| Refusal {
        expression: Some(refusals::siblings(path)),
        what: format!("what begins with the letters {path} ({})", found.directive.place),
    })
}

fn of_unsaid(made: &Made, unsaid: &Unsaid<'_>, all: &[Made]) -> Option<Refusal> {
    let path = &made.location.path;
    if made.asked.covers(&unsaid.asked) {
        return None;
    }
    let expression = match &unsaid.taken {
        Paths::Expression { text, ignores_case } => {
            let is_passed_by = match &unsaid.within {
                None => made.is_before_expressions,
                Some(within) => made.location.is_exact || !is_around(within, path),
            };
            let is_route = |path: &str| !ignores_case && all.iter().any(|it| it.location.path == path);
            if is_passed_by || !Taken::by(text).may_come_to(path, is_route) {
                return None;
            }
            refusals::of_expression(text, *ignores_case)
        }
        Paths::Beginning(text) if text.starts_with(path.as_str()) => Some(refusals::beginning_with(text)),
        Paths::Only(text) if text.starts_with(path.as_str()) => Some(refusals::only(text)),
        Paths::Beginning(_) | Paths::Only(_) => return None,
    };
    let what = unsaid.directive.written();
    let what = format!("{} ({})", what.trim_end_matches(" {"), unsaid.directive.place);
    Some(Refusal { expression, what })
}

/// Writes it into the route of `table`, or closes that.
fn refuse(table: &mut Table, path: &str, refused: &[&Refusal]) {
    let what: Vec<_> = refused.iter().map(|it| it.what.as_str()).collect();
    let what = what.join(", ");
    let expressions: Option<Vec<_>> = refused.iter().map(|it| it.expression.clone()).collect();
    let is_there = |key: &str| table.entries.iter().any(|(there, _)| there == key);
    let change = match (is_there("rewrite"), is_there("strip_prefix")) {
        (true, _) => None,
        (false, true) => Some(Change::Strips(path)),
        (false, false) => Some(Change::None),
    };
    let value = expressions.zip(change).and_then(|(expressions, change)| refusals::rewrite(&expressions, change));
    let Some(value) = value else {
        return shut(table, &format!("nginx kept out of it what no path of a route says: {what}"));
    };
    put(table, value);
    table.notes.push(format!(
        "`rewrite` makes no path of what nginx kept out of here, or found another location for: that is answered 400 (`bad_rewrite`), and so is \
         any path with `//`, `;`, `%2F`, `%5C` or a letter in percent signs, which may be another spelling of it: {what}."
    ));
    table
        .notes
        .push("Better: a route with a `path` for each that there is, and what docs/access.md has for it.".to_owned());
}

fn put(table: &mut Table, value: Value) {
    table.entries.retain(|(key, _)| key != "strip_prefix");
    let behind = table.entries.iter().position(|(key, _)| key == "upstream").map_or(0, |at| at + 1);
    table.entries.insert(behind, ("rewrite".to_owned(), value));
}
