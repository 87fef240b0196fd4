//! Redirects that are allowed, and most likely not meant.

use crate::config::paths::is_below;
use crate::config::settings::{Destination, HostPattern, ListenerSettings, RouteSettings, Settings};
use crate::config::tree::Section;
use crate::rules::{NewPath, Redirect};

/// Notes what is odd about the redirect of a route, if it has one.
pub(super) fn warn_of_redirect(file: &Section<'_>, route: &RouteSettings, settings: &Settings) {
    let Destination::Redirect(redirect) = &route.destination else { return };
    let serves = |listener: &&ListenerSettings| route.listeners.is_empty() || route.listeners.contains(&listener.name);
    let listeners: Vec<_> = settings.listeners.values().map(|it| &**it).filter(serves).collect();
    let warn = |problem: String, hint: &str| {
        file.location_of(&["route", route.name.as_str(), "redirect"]).warn(problem, hint);
    };
    if let Some(listener) = listeners.iter().find(|it| leads_back(redirect, route, it)) {
        let tls = if listener.tls.is_some() { "has TLS" } else { "is without TLS" };
        warn(
            format!("leads back to itself at listener.{}, which {tls}: such a request reads 508", listener.name),
            &hint_of_listeners(listener, settings),
        );
    }
    if route.hosts.is_empty() && redirect.host.is_none() && redirect.scheme == Some("https") {
        warn(
            "leads to whatever host the client says: this route is for every host".to_owned(),
            "write `hosts` in the route, or `host` in the redirect",
        );
    }
    if let NewPath::Prefix(new) = &redirect.path
        && stays_in(route, redirect, &listeners)
        && **new != *route.path
        && is_below(new, &route.path)
        && !settings.routes.values().any(|other| takes_before(other, new, &route.path))
    {
        warn(
            format!("leads to a longer path each time: {new:?} is below {:?}, and no other route takes it", route.path),
            "write a prefix that is elsewhere, or `path`",
        );
    }
}

/// Whether who comes by `listener` is sent to the scheme and host that were asked for: nothing else of the place changes.
fn leads_back(redirect: &Redirect, route: &RouteSettings, listener: &ListenerSettings) -> bool {
    let Redirect { scheme: Some(scheme), host, port: None, path: NewPath::Same, .. } = redirect else { return false };
    let is_own_host = |host: &str| route.hosts == [HostPattern::Exact(host.to_ascii_lowercase())];
    listener.tls.is_some() == (*scheme == "https") && host.as_deref().is_none_or(is_own_host)
}

/// Which listeners a redirect is for that leads back at `listener`.
fn hint_of_listeners(listener: &ListenerSettings, settings: &Settings) -> String {
    let is_fit = |other: &&ListenerSettings| other.tls.is_some() != listener.tls.is_some();
    let fit: Vec<_> = settings.listeners.values().map(|it| &**it).filter(is_fit).map(|it| it.name.as_str()).collect();
    match (fit.is_empty(), listener.tls.is_some()) {
        (false, _) => format!("write listeners = {fit:?} in the route, or where else it leads"),
        (true, true) => "write where else it leads; it is for a listener without `tls`, and there is none".into(),
        (true, false) => "write where else it leads; it is for a listener with `tls`, and there is none".into(),
    }
}

/// Whether who follows it asks for a host of the same route, by a listener of the same route.
fn stays_in(route: &RouteSettings, redirect: &Redirect, listeners: &[&ListenerSettings]) -> bool {
    let is_host = |host: &str| {
        let exact = HostPattern::Exact(host.to_ascii_lowercase());
        route.hosts.is_empty() || route.hosts.contains(&exact)
    };
    let is_reached = |scheme: &str| listeners.iter().any(|listener| listener.tls.is_some() == (scheme == "https"));
    redirect.port.is_none() && redirect.host.as_deref().is_none_or(is_host) && redirect.scheme.is_none_or(is_reached)
}

/// Whether `other`, of a longer path than `path`, is for what is at `new`.
fn takes_before(other: &RouteSettings, new: &str, path: &str) -> bool {
    other.path.len() > path.len() && is_below(new, &other.path)
}
