//! Paths of renewal that requests come to by another route: no tunnel is prolonged there.

use http::Method;

use super::route::share_a_listener;
use crate::config::paths::is_below;
use crate::config::settings::{RouteSettings, Settings};
use crate::config::tree::Section;
use crate::rules::{Conditions, Tested};

/// Notes a problem for each `renew_path` that another route takes, and a warning where that depends on what else the request is.
pub(in crate::config) fn check_renewals(file: &Section<'_>, settings: &Settings) {
    for route in settings.routes.values() {
        let Some(path) = route.access.renew_path.as_deref().filter(|path| is_below(path, &route.path)) else {
            continue;
        };
        let asked = Conditions { methods: vec![Method::POST], ..route.rules.conditions.clone() };
        let takes = |other: &&RouteSettings| {
            is_below(path, &other.path)
                && goes_first(other, route)
                && share_a_host(other, route)
                && share_a_listener(other, route)
                && !other.rules.conditions.exclude(&asked)
        };
        let takers: Vec<_> = settings.routes.values().map(|other| &**other).filter(takes).collect();
        let location = file.location_of(&["route", route.name.as_str(), "renew_path"]);
        if let Some(other) = takers.iter().find(|other| holds_always(&other.rules.conditions, &asked)) {
            location.fault(
                format!("requests for {path:?} come to route.{}, which is for {}", other.name, what(other)),
                HINT,
            );
        } else if let Some(other) = takers.first() {
            location.warn(
                format!("some requests for {path:?} come to route.{}, which is for {}", other.name, what(other)),
                HINT,
            );
        }
    }
}

/// Whether `other` is asked before `route`, with a path that both are for. Where it takes the tunnels too, none is left to be prolonged.
fn goes_first(other: &RouteSettings, route: &RouteSettings) -> bool {
    let methods = &other.rules.conditions.methods;
    let is_posted_alone = methods.contains(&Method::POST) && !methods.contains(&Method::GET);
    other.path.len() > route.path.len() || (other.path == route.path && is_posted_alone && rank(other) > rank(route))
}

fn rank(route: &RouteSettings) -> (bool, Tested) {
    (!route.listeners.is_empty(), route.rules.conditions.tested())
}

fn share_a_host(a: &RouteSettings, b: &RouteSettings) -> bool {
    (a.hosts.is_empty() && b.hosts.is_empty()) || a.hosts.iter().any(|host| b.hosts.contains(host))
}

/// Whether `conditions` hold wherever those of the route hold that is `asked`.
fn holds_always(conditions: &Conditions, asked: &Conditions) -> bool {
    conditions.headers.iter().all(|header| asked.headers.contains(header))
        && conditions.query.iter().all(|key| asked.query.contains(key))
}

fn what(other: &RouteSettings) -> String {
    let methods: Vec<_> = other.rules.conditions.methods.iter().map(Method::as_str).collect();
    match methods.is_empty() {
        true => format!("what is below {:?}", other.path),
        false => format!("{} below {:?}", methods.join(" and "), other.path),
    }
}

const HINT: &str = "write a path that no other route is for, or give that route another one";
