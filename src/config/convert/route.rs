//! `[route.NAME]`.

use std::collections::HashMap;
use std::sync::Arc;

use super::names::{Names, at_least_one};
use super::websocket::websocket;
use crate::config::defaults;
use crate::config::keys::{ROUTE, WEBSOCKET};
use crate::config::readers::{list, or_off, reference, text};
use crate::config::settings::{HostPattern, RouteSettings};
use crate::config::texts::{HOST, PATH, UPGRADE};
use crate::config::tree::{Section, Spot};
use crate::config::units::DURATION;

pub(in crate::config) fn routes(file: &Section<'_>, names: &Names<'_>) -> Vec<RouteSettings> {
    let sections = at_least_one(file, "route", &ROUTE, "[route.chat] with upstream = \"chat\"");
    let routes: Vec<_> = sections
        .into_iter()
        .filter_map(|(name, section)| Some((section.spot().clone(), route(name, &section, names)?)))
        .collect();
    check_ambiguity(&routes);
    routes.into_iter().map(|(_, route)| route).collect()
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
    let raw_half_close =
        section.read("raw_half_close_timeout", or_off(text(DURATION)), defaults::RAW_HALF_CLOSE_TIMEOUT);
    let websocket = Arc::new(websocket(&section.section("websocket", &WEBSOCKET)));
    Some(RouteSettings {
        name: name.into(),
        hosts: hosts?,
        listeners: listeners?,
        path: path?,
        upstream: upstream?,
        upgrade,
        raw_half_close_timeout: raw_half_close,
        websocket,
    })
}

/// Finds routes that one request would match both of, neither of them being more specific.
fn check_ambiguity(routes: &[(Spot<'_>, RouteSettings)]) {
    let mut claims: HashMap<(&str, Option<&HostPattern>), Vec<&RouteSettings>> = HashMap::new();
    for (spot, route) in routes {
        let every_host = route.hosts.is_empty().then_some(None);
        for host in route.hosts.iter().map(Some).chain(every_host) {
            let earlier = claims.entry((&route.path, host)).or_default();
            if let Some(other) = earlier.iter().find(|other| share_a_listener(other, route)) {
                let host = host.map_or("every host".into(), HostPattern::to_string);
                spot.fault(
                    format!("serves {host} at {:?}, and so does route.{}", route.path, other.name),
                    "give one of them another host, path or listener",
                );
            }
            earlier.push(route);
        }
    }
}

fn share_a_listener(a: &RouteSettings, b: &RouteSettings) -> bool {
    a.listeners.is_empty() || b.listeners.is_empty() || a.listeners.iter().any(|it| b.listeners.contains(it))
}
