//! What of one upstream can do nothing beside what else is written of it, or most likely is not meant.

use crate::balance::Policy;
use crate::config::settings::{
    EndpointAddress, EndpointProtocol, EndpointSettings, HealthSettings, OnDown, UpstreamSettings, WhenAllDown,
};
use crate::config::tree::{Section, SpannedValue};

/// Notes a problem for each key that is never looked at, and a warning for each that most likely is not meant.
pub(super) fn check_combinations(section: &Section<'_>, settings: &UpstreamSettings) {
    check_reach(section, settings);
    check_policy(section, settings);
    check_health(section, settings);
    warn_of_waiting(section, settings);
    warn_of_numbers(section, settings);
    if settings.pin_secret.is_some() && settings.pin_cookie.is_none() {
        fault(
            section,
            "pin_secret",
            "is for a cookie that is not set",
            "add pin_cookie = \"windlass_pin\", or remove it",
        );
    }
}

/// What is about connections with endpoints.
fn check_reach(section: &Section<'_>, settings: &UpstreamSettings) {
    if settings.proxy_protocol.is_some() && settings.protocol == EndpointProtocol::Http2 {
        let hint = "write proxy_protocol = \"off\", or protocol = \"http/1.1\"";
        fault(section, "proxy_protocol", "tells of one client, and over HTTP/2 many share a connection", hint);
    }
    let is_unix = |endpoint: &EndpointSettings| matches!(endpoint.address, EndpointAddress::Unix(_));
    let unix = settings.endpoints.iter().find(|endpoint| is_unix(endpoint));
    if let (Some(tls), Some(unix)) = (&settings.tls, unix)
        && tls.name.is_none()
    {
        let problem = format!("does not say for which name the certificate of {} is", unix.address);
        fault(section, "tls", &problem, "add name = \"app.internal\" to it");
    }
    if let (Some(HealthSettings { port: Some(_), .. }), Some(unix)) = (&settings.health, unix) {
        let problem = format!("has a port, and {} has none", unix.address);
        fault(section, "health", &problem, "take `port` from it");
    }
}

/// Why an endpoint at a unix socket cannot be spoken to as `settings` say, if it cannot: of endpoints that are not known yet.
pub(super) fn no_unix(settings: &UpstreamSettings) -> Option<&'static str> {
    if settings.tls.as_ref().is_some_and(|tls| tls.name.is_none()) {
        return Some("tls does not say for which name its certificate is");
    }
    let has_port = matches!(settings.health, Some(HealthSettings { port: Some(_), .. }));
    has_port.then_some("health has a port, and it has none")
}

fn check_policy(section: &Section<'_>, settings: &UpstreamSettings) {
    if settings.policy == Policy::Sticky {
        return;
    }
    let hint = "remove it, or write policy = \"sticky\"";
    if settings.bounded_load.is_some() {
        fault(section, "bounded_load", "bounds what keys would place, and this policy has none", hint);
    }
    if settings.shards.is_some() {
        fault(section, "shards", "is about keys, and this policy has none", hint);
    }
    if let Some(item) = section.item("sticky_on") {
        item.location().warn("is not looked at: this policy has no keys", hint);
    }
}

fn check_health(section: &Section<'_>, settings: &UpstreamSettings) {
    const PROBES: &str = "add health = { probe = \"http\", path = \"/healthz\" }, or remove it";
    if settings.on_down != OnDown::Keep && settings.health.is_none() {
        fault(section, "on_down", "is never looked at: without probes no endpoint is down", PROBES);
    }
    if settings.eject.is_some() {
        return;
    }
    if section.has("min_eligible") {
        let hint = "remove it, or take eject = \"off\" out";
        fault(section, "min_eligible", "is never looked at: no endpoint is ejected", hint);
    }
    if settings.when_all_down == WhenAllDown::Refuse && settings.health.is_none() {
        fault(section, "when_all_down", "is never looked at: no endpoint is down or ejected", PROBES);
    }
}

fn warn_of_waiting(section: &Section<'_>, settings: &UpstreamSettings) {
    if settings.max_tunnels.is_some() || settings.handshakes_at_once.is_some() {
        return;
    }
    for key in ["queue", "when_full"] {
        if let Some(item) = section.item(key) {
            item.location().warn(
                "is not looked at: nobody has to wait where endpoints take everybody",
                "write `max_tunnels` or `handshakes_at_once`, or remove it",
            );
        }
    }
}

fn warn_of_numbers(section: &Section<'_>, settings: &UpstreamSettings) {
    let endpoints = settings.endpoints.len();
    if endpoints < 2 {
        return;
    }
    let warn = |key, problem: &str, hint: String| {
        section.item(key).iter().for_each(|item: &SpannedValue<'_>| item.location().warn(problem, hint.clone()));
    };
    if settings.min_eligible >= endpoints && settings.eject.is_some() {
        let hint =
            format!("write a number below {endpoints}, which is how many endpoints there are, or eject = \"off\"");
        warn("min_eligible", "is so high that no endpoint is ever ejected", hint);
    }
    if settings.shards.is_some_and(|shards| shards.get() >= endpoints) {
        let hint = format!("write a number below {endpoints}, which is how many endpoints there are, or \"off\"");
        warn("shards", "is so high that each key reaches every endpoint", hint);
    }
}

fn fault(section: &Section<'_>, key: &'static str, problem: &str, hint: &str) {
    section.item(key).iter().for_each(|item| item.fault(problem, hint));
}
