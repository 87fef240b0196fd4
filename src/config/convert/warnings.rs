//! What is allowed, and most likely not meant.

use std::sync::Arc;

use http::header::SEC_WEBSOCKET_PROTOCOL;
use ipnet::IpNet;

use super::access_warnings::warn_of_access;
use super::redirect_warnings::warn_of_redirect;
use crate::config::names::UpstreamName;
use crate::config::paths::pattern;
use crate::config::settings::{
    AffinitySource, HostPattern, ListenerSettings, RouteSettings, Settings, TokenPlace, UpstreamSettings,
};
use crate::config::tree::Section;

/// Notes a warning for everything in `settings` that is odd; `file` is what they were read from.
pub(in crate::config) fn warn(file: &Section<'_>, settings: &Settings) {
    for listener in settings.listeners.values() {
        warn_of_listener(file, listener, settings);
    }
    for route in settings.routes.values() {
        warn_of_hosts(file, route);
        warn_of_redirect(file, route, settings);
        warn_of_access(file, route);
        if let Some(meant) = pattern(&route.path) {
            file.location_of(&["route", route.name.as_str(), "path"]).warn(
                format!("{:?} is taken word for word: paths are no patterns", route.path),
                format!("a path serves everything below it: write {meant:?}"),
            );
        }
    }
    warn_of_unused_upstreams(file, settings);
    warn_of_shared_cookies(file, settings);
    warn_of_certificates_that_nobody_asks_for(file, settings);
    warn_of_claims_that_nobody_says(file, settings);
    warn_of_logged_tokens(file, settings);
}

fn warn_of_listener(file: &Section<'_>, listener: &ListenerSettings, settings: &Settings) {
    let name = listener.name.as_str();
    let serves = |route: &RouteSettings| route.listeners.is_empty() || route.listeners.contains(&listener.name);
    if !settings.routes.values().any(|route| serves(route)) {
        file.location_of(&["listener", name]).warn(
            "no route is reachable here: every request gets a 404",
            format!("remove it, or name {name:?} in the `listeners` of a route"),
        );
    }
    if let Some(everybody) = everybody_in(&listener.trusted_proxies) {
        file.location_of(&["listener", name, "trusted_proxies"]).warn(
            format!(
                "{everybody} trusts everybody: each client can choose the address it is placed, logged and limited by"
            ),
            "name the networks of your own proxies only, such as [\"10.0.0.0/8\"]",
        );
    }
}

/// The network of everybody, where `networks` together cover it.
fn everybody_in(networks: &[IpNet]) -> Option<IpNet> {
    let networks = networks.to_vec();
    IpNet::aggregate(&networks).into_iter().find(|network| network.prefix_len() == 0)
}

fn warn_of_hosts(file: &Section<'_>, route: &RouteSettings) {
    if route.hosts.contains(&HostPattern::Exact("_".into())) {
        file.location_of(&["route", route.name.as_str(), "hosts"]).warn(
            "\"_\" is a host like any other here, and no client asks for it",
            "leave `hosts` out to serve every host",
        );
    }
}

fn warn_of_unused_upstreams(file: &Section<'_>, settings: &Settings) {
    for name in settings.upstreams.keys() {
        if !settings.routes.values().any(|route| route.destination.leads_to(name)) {
            file.location_of(&["upstream", name.as_str()])
                .warn("no route uses it", format!("remove it, or write upstream = \"{name}\" in a route"));
        }
    }
}

/// Browsers keep one cookie of a name for a host: each upstream would take the other's for a stranger's, and replace it. Those that
/// share a route know one another's.
fn warn_of_shared_cookies(file: &Section<'_>, settings: &Settings) {
    let upstreams: Vec<_> = settings.upstreams.values().collect();
    for (index, upstream) in upstreams.iter().enumerate() {
        let Some(cookie) = upstream.pin_cookie.as_ref().map(|cookie| &cookie.name) else { continue };
        let shares = |other: &&&Arc<UpstreamSettings>| {
            other.pin_cookie.as_ref().map(|other| &other.name) == Some(cookie)
                && !settings
                    .routes
                    .values()
                    .any(|route| route.destination.leads_to(&other.name) && route.destination.leads_to(&upstream.name))
                && may_share_a_host(&other.name, &upstream.name, settings)
        };
        if let Some(first) = upstreams.iter().take(index).find(shares) {
            file.location_of(&["upstream", upstream.name.as_str(), "pin_cookie"]).warn(
                format!("\"{cookie}\" is the cookie of upstream.{} too: each replaces the other's", first.name),
                format!("give it a name of its own, such as \"{cookie}_{}\"", upstream.name),
            );
        }
    }
}

fn warn_of_certificates_that_nobody_asks_for(file: &Section<'_>, settings: &Settings) {
    for upstream in settings.upstreams.values() {
        if !upstream.sticky_on.contains(&AffinitySource::ClientCertificate) {
            continue;
        }
        let routes = settings.routes.values().filter(|route| route.destination.leads_to(&upstream.name));
        let serves = |route: &RouteSettings, listener: &ListenerSettings| {
            route.listeners.is_empty() || route.listeners.contains(&listener.name)
        };
        let mut listeners = routes.flat_map(|route| settings.listeners.values().filter(|it| serves(route, it)));
        if !listeners.any(|listener| listener.client_certificates.is_some()) {
            file.location_of(&["upstream", upstream.name.as_str(), "sticky_on"]).warn(
                "no listener of its routes asks for client certificates: nobody shows one",
                "write client_certificates = { ca = \"clients.pem\" } in [listener.NAME], or take it out",
            );
        }
    }
}

fn warn_of_claims_that_nobody_says(file: &Section<'_>, settings: &Settings) {
    for upstream in settings.upstreams.values() {
        let is_claim = |source: &AffinitySource| matches!(source, AffinitySource::Claim(_));
        let mut routes = settings.routes.values().filter(|route| route.destination.leads_to(&upstream.name));
        if upstream.sticky_on.iter().any(is_claim) && !routes.any(|route| route.access.jwt.is_some()) {
            file.location_of(&["upstream", upstream.name.as_str(), "sticky_on"]).warn(
                "none of its routes asks for a token: no request has a claim",
                "write [route.NAME.jwt] with keys = \"issuer.pem\", or take it out",
            );
        }
    }
}

fn warn_of_logged_tokens(file: &Section<'_>, settings: &Settings) {
    for route in settings.routes.values() {
        let Some(jwt) = &route.access.jwt else { continue };
        let is_logged = |place: &&TokenPlace| match place {
            TokenPlace::Header(name) => settings.log.headers.contains(name),
            TokenPlace::ProtocolBegins(_) | TokenPlace::ProtocolAfter(_) => {
                settings.log.headers.contains(&SEC_WEBSOCKET_PROTOCOL)
            }
            TokenPlace::Bearer | TokenPlace::Cookie(_) | TokenPlace::Query(_) => false,
        };
        if jwt.from.iter().any(|place| is_logged(&place)) {
            file.location_of(&["log", "headers"]).fault(
                format!("route.{} reads tokens in one of them, and a log is no place for a token", route.name),
                "take that header out",
            );
        }
    }
}

/// Whether a client can be placed by both upstreams under one host; wildcards count as if they met.
fn may_share_a_host(a: &UpstreamName, b: &UpstreamName, settings: &Settings) -> bool {
    let routes = |upstream| settings.routes.values().filter(move |route| route.destination.leads_to(upstream));
    routes(a).any(|a| {
        routes(b).any(|b| {
            let is_wide = |route: &RouteSettings| {
                route.hosts.is_empty() || route.hosts.iter().any(|host| matches!(host, HostPattern::Wildcard(_)))
            };
            is_wide(a) || is_wide(b) || a.hosts.iter().any(|host| b.hosts.contains(host))
        })
    })
}
