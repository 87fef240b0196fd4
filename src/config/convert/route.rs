//! `[route.NAME]`.

use std::sync::Arc;

use super::names::{Names, at_least_one};
use super::websocket::websocket;
use crate::config::defaults;
use crate::config::keys::{ROUTE, WEBSOCKET};
use crate::config::readers::{list, reference, text};
use crate::config::settings::{HostPattern, RouteSettings};
use crate::config::texts::{HOST, PATH, UPGRADE};
use crate::config::tree::{Section, Spot};

pub(in crate::config) fn routes(file: &Section<'_>, names: &Names<'_>) -> Vec<RouteSettings> {
    let sections = at_least_one(file, "route", &ROUTE, "[route.chat] with upstream = \"chat\"");
    let mut routes: Vec<RouteSettings> = Vec::new();
    for (name, section) in &sections {
        let Some(route) = route(name, section, names) else { continue };
        if let Some(other) = routes.iter().find(|other| are_ambiguous(other, &route)) {
            report_ambiguity(section.spot(), &route, other);
        }
        routes.push(route);
    }
    routes
}

fn route(name: &str, section: &Section<'_>, names: &Names<'_>) -> Option<RouteSettings> {
    let listeners = reference(&names.listeners, "listener");
    let upstreams = reference(&names.upstreams, "upstream");
    let upgrade = || defaults::UPGRADE.map(String::from).to_vec();

    let hosts = section.try_read("hosts", list(text(HOST), "[\"chat.example.com\"]"), Vec::new());
    let listeners = section.try_read("listeners", list(listeners, "[\"public\"]"), Vec::new());
    let path = section.try_read("path", text(PATH), defaults::PATH.into());
    let upstream = section.require("upstream", upstreams, "upstream, the NAME of an [upstream.NAME]");
    let upgrade = section.read("upgrade", list(text(UPGRADE), "[\"websocket\"]"), upgrade());
    let websocket = Arc::new(websocket(&section.section("websocket", &WEBSOCKET)));
    Some(RouteSettings {
        name: name.into(),
        hosts: hosts?,
        listeners: listeners?,
        path: path?,
        upstream: upstream?,
        upgrade,
        websocket,
    })
}

/// Whether some request would find both, and neither of them more specific.
fn are_ambiguous(a: &RouteSettings, b: &RouteSettings) -> bool {
    let same_listener =
        a.listeners.is_empty() || b.listeners.is_empty() || a.listeners.iter().any(|it| b.listeners.contains(it));
    let same_host = a.hosts.is_empty() && b.hosts.is_empty() || a.hosts.iter().any(|it| b.hosts.contains(it));
    a.path == b.path && same_host && same_listener
}

fn report_ambiguity(spot: &Spot<'_>, route: &RouteSettings, other: &RouteSettings) {
    let host = match route.hosts.iter().find(|host| other.hosts.contains(host)) {
        Some(HostPattern::Exact(host)) => host.clone(),
        Some(HostPattern::Wildcard(host)) => format!("*.{host}"),
        None => "every host".into(),
    };
    spot.fault(
        format!("serves {host} at \"{}\", and so does route.{}", route.path, other.name),
        "give one of them another host, path or listener",
    );
}
