//! `[route.NAME]`.

use std::collections::HashMap;
use std::sync::Arc;

use toml::de::DeValue;

use super::access::access;
use super::destination::destination;
use super::error_pages::error_pages;
use super::names::{Names, at_least_one};
use super::rules::rules;
use super::websocket::websocket;
use crate::config::address_syntax::{asks_for_tls, endpoint_in};
use crate::config::defaults;
use crate::config::dot_segments::has_dot_segments;
use crate::config::lists::list;
use crate::config::name_syntax::{HOST, REQUEST_ID, UPGRADE};
use crate::config::paths::PATH;
use crate::config::read::{choice, or_off, reference, text};
use crate::config::schema::{ROUTE, WEBSOCKET};
use crate::config::settings::{DotSegments, ExchangeSettings, HostPattern, OtherSpellings, RouteSettings};
use crate::config::tree::{Location, Section};
use crate::config::units::{DURATION, SIZE};

pub(in crate::config) fn routes(file: &Section<'_>, names: &Names<'_>) -> Vec<RouteSettings> {
    let sections = at_least_one(file, "route", &ROUTE, "[route.chat] with upstream = \"chat\"");
    let routes: Vec<_> = sections
        .into_iter()
        .filter_map(|(name, section)| Some((section.location().clone(), route(name, &section, names)?)))
        .collect();
    check_ambiguity(&routes);
    routes.into_iter().map(|(_, route)| route).collect()
}

fn route(name: &str, section: &Section<'_>, names: &Names<'_>) -> Option<RouteSettings> {
    let listeners = reference(&names.listeners, "listener", instead_of_listener);
    let upstreams = reference(&names.upstreams, "upstream", instead_of_upstream);
    let upgrade = || defaults::UPGRADE.map(String::from).to_vec();

    let hosts = section.try_read("hosts", list(text(HOST), "[\"chat.example.com\"]"), Vec::new());
    let listeners = section.try_read("listeners", list(listeners, "[\"public\"]"), Vec::new());
    let path = section.try_read("path", text(PATH), defaults::PATH.into());
    let dot_segments = section.read("dot_segments", choice(&DOT_SEGMENTS), defaults::DOT_SEGMENTS);
    if let (DotSegments::Refuse, Some(path)) = (dot_segments, &path) {
        check_reachable(section, path);
    }
    let other_spellings = section.read("other_spellings", choice(&OTHER_SPELLINGS), defaults::OTHER_SPELLINGS);
    let destination = destination(section, &upstreams);
    let exchange = exchange(section);
    let access = Arc::new(access(section, path.as_deref()));
    let rules = rules(section, path.as_deref(), destination.as_ref(), &exchange);
    let error_pages = section.try_read("error_pages", error_pages, Vec::new());
    let upgrade = section.read("upgrade", list(text(UPGRADE), "[\"websocket\"]"), upgrade());
    let raw_half_close =
        section.read("raw_half_close_timeout", or_off(text(DURATION)), defaults::RAW_HALF_CLOSE_TIMEOUT);
    let websocket = Arc::new(if is_switch(section) {
        websocket(&section.without("websocket", &WEBSOCKET))
    } else {
        websocket(&section.section("websocket", &WEBSOCKET))
    });
    Some(RouteSettings {
        name: name.into(),
        hosts: hosts?,
        listeners: listeners?,
        path: path?,
        dot_segments,
        other_spellings,
        destination: destination?,
        upgrade,
        raw_half_close_timeout: raw_half_close,
        exchange,
        access,
        rules: Arc::new(rules?),
        error_pages: error_pages?.into(),
        websocket,
    })
}

fn exchange(section: &Section<'_>) -> ExchangeSettings {
    ExchangeSettings {
        max_body: section.read("max_body", or_off(text(SIZE)), defaults::MAX_BODY),
        request_timeout: section.read("request_timeout", or_off(text(DURATION)), defaults::REQUEST_TIMEOUT),
        request_id: section.read("request_id", or_off(text(REQUEST_ID)), defaults::REQUEST_ID),
    }
}

fn instead_of_listener(name: &str) -> Option<String> {
    ["*", "all", "any"].contains(&name).then(|| "leave `listeners` out to serve at all of them".into())
}

fn instead_of_upstream(name: &str) -> Option<String> {
    let endpoint = endpoint_in(name)?;
    let tls = if asks_for_tls(name) { " and tls = true" } else { "" };
    Some(format!("add [upstream.NAME] with endpoints = [{endpoint:?}]{tls}, and write upstream = \"NAME\""))
}

/// Finds a path that no request has that is let through.
fn check_reachable(section: &Section<'_>, path: &str) {
    if let (true, Some(item)) = (has_dot_segments(path), section.item("path")) {
        item.fault(
            format!("{path:?} has a segment `.` or `..`, or a backslash, in some encoding: dot_segments = \"refuse\" answers 400 to it"),
            "write the path that endpoints make of it, or dot_segments = \"pass\"",
        );
    }
}

/// Whether somebody takes `websocket` for a switch; this is then noted.
fn is_switch(section: &Section<'_>) -> bool {
    let Some((item, DeValue::Boolean(is_on))) = section.item("websocket").map(|item| (item.clone(), item.value()))
    else {
        return false;
    };
    item.fault(
        "is no switch, but a table of limits",
        if *is_on {
            "remove it: WebSockets are let through as it is"
        } else {
            "write upgrade = [] to let none through"
        },
    );
    true
}

/// Finds routes that one request would match both of, neither of them being more specific.
fn check_ambiguity(routes: &[(Location<'_>, RouteSettings)]) {
    let mut claims: HashMap<(&str, Option<&HostPattern>), Vec<&RouteSettings>> = HashMap::new();
    for (location, route) in routes {
        let every_host = route.hosts.is_empty().then_some(None);
        for host in route.hosts.iter().map(Some).chain(every_host) {
            let earlier = claims.entry((&route.path, host)).or_default();
            if let Some(other) = earlier.iter().find(|other| share_a_listener(other, route) && may_share(other, route))
            {
                let host = host.map_or("every host".into(), HostPattern::to_string);
                let conditions = if route.rules.conditions.is_empty() { "" } else { ", under as many conditions" };
                location.fault(
                    format!("serves {host} at {:?}{conditions}, and so does route.{}", route.path, other.name),
                    "give one of them another host, path or listener, or conditions that cannot both hold",
                );
            }
            earlier.push(route);
        }
    }
}

/// Whether a request may be for both, and neither asks more of it.
fn may_share(a: &RouteSettings, b: &RouteSettings) -> bool {
    let (a, b) = (&a.rules.conditions, &b.rules.conditions);
    a.tested() == b.tested() && !a.exclude(b)
}

pub(super) fn share_a_listener(a: &RouteSettings, b: &RouteSettings) -> bool {
    a.listeners.is_empty() || b.listeners.is_empty() || a.listeners.iter().any(|it| b.listeners.contains(it))
}

const DOT_SEGMENTS: [(&str, DotSegments); 2] = [("refuse", DotSegments::Refuse), ("pass", DotSegments::Pass)];

const OTHER_SPELLINGS: [(&str, OtherSpellings); 2] =
    [("refuse", OtherSpellings::Refuse), ("pass", OtherSpellings::Pass)];
