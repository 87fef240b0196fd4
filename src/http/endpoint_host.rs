//! What an endpoint reads as `Host`: what the client asked for, unless the upstream says another.

use http::header::HOST;
use http::uri::Authority;
use http::{HeaderMap, HeaderValue};

use super::forward::Scheme;
use crate::config::{EndpointAddress, HostTowardsEndpoint, UpstreamSettings};

/// Has the endpoint at `address` read what its upstream's `host` says.
///
/// What the client asked for is in `X-Forwarded-Host` already.
pub fn set_host(headers: &mut HeaderMap, settings: &UpstreamSettings, address: &EndpointAddress) {
    if settings.host == HostTowardsEndpoint::Keep {
        return;
    }
    // Neither an address nor what `config` has read is anything else.
    if let Ok(host) = HeaderValue::try_from(host_of_ours(settings, address)) {
        headers.insert(HOST, host);
    }
}

/// What the endpoint at `address` reads in a request that no client has made.
pub fn host_of_ours(settings: &UpstreamSettings, address: &EndpointAddress) -> String {
    match &settings.host {
        HostTowardsEndpoint::Text(text) => text.clone(),
        HostTowardsEndpoint::Keep | HostTowardsEndpoint::Endpoint => {
            own_host(address, if settings.tls.is_some() { Scheme::Https } else { Scheme::Http })
        }
    }
}

/// What a request over HTTP/2 is for that names no host (RFC 9113 §8.3.1): the endpoint at `address` itself.
pub fn own_authority(address: &EndpointAddress, scheme: Scheme) -> Authority {
    // What `config` has read is a host.
    Authority::try_from(own_host(address, scheme)).unwrap_or(Authority::from_static("localhost"))
}

/// The host of an endpoint, and its port unless that is the one of `scheme` (RFC 9110 §4.2.3).
///
/// A unix socket has none, and everything on this machine takes "localhost" for itself.
fn own_host(address: &EndpointAddress, scheme: Scheme) -> String {
    let (host, port) = match address {
        EndpointAddress::Socket(address) if address.is_ipv6() => (format!("[{}]", address.ip()), address.port()),
        EndpointAddress::Socket(address) => (address.ip().to_string(), address.port()),
        EndpointAddress::Name(host, port) => (host.clone(), *port),
        EndpointAddress::Unix(_) => return "localhost".to_owned(),
    };
    if port == scheme.default_port() { host } else { format!("{host}:{port}") }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::{UnixAddress, parse};

    #[test]
    fn the_own_host_has_a_port_unless_everybody_knows_it() {
        let socket = |text: &str| EndpointAddress::Socket(text.parse().unwrap());
        let name = |port| EndpointAddress::Name("app.internal".into(), port);
        for (address, http, https) in [
            (socket("10.0.0.11:8080"), "10.0.0.11:8080", "10.0.0.11:8080"),
            (socket("10.0.0.11:80"), "10.0.0.11", "10.0.0.11:80"),
            (socket("[fd00::1]:443"), "[fd00::1]:443", "[fd00::1]"),
            // An interface of this machine is nothing to others (RFC 9110 §4.2.3, RFC 6874).
            (socket("[fe80::1%2]:8080"), "[fe80::1]:8080", "[fe80::1]:8080"),
            (name(443), "app.internal:443", "app.internal"),
            (name(80), "app.internal", "app.internal:80"),
            (EndpointAddress::Unix(UnixAddress::Path("/run/app.sock".into())), "localhost", "localhost"),
        ] {
            assert_eq!(
                (own_host(&address, Scheme::Http).as_str(), own_host(&address, Scheme::Https).as_str()),
                (http, https)
            );
        }
    }

    #[test]
    fn a_host_takes_the_place_of_the_one_that_was_asked_for() {
        for (host, read, ours) in [
            ("host = \"keep\"", "chat.test", "app.internal:8080"),
            ("host = \"endpoint\"", "app.internal:8080", "app.internal:8080"),
            ("host = \"endpoint\"\ntls = true", "app.internal:8080", "app.internal:8080"),
            ("host = \"chat.internal\"", "chat.internal", "chat.internal"),
        ] {
            let text = format!(
                "[listener.l]\nbind = \"127.0.0.1:0\"\n[route.r]\nupstream = \"u\"\n[upstream.u]\n\
                 endpoints = [\"app.internal:8080\"]\n{host}\n"
            );
            let settings = parse(&text, Path::new("test.toml")).unwrap_or_else(|wrong| panic!("{wrong}"));
            let (upstream, mut headers) = (&settings.upstreams["u"], HeaderMap::new());
            headers.insert(HOST, HeaderValue::from_static("chat.test"));
            headers.insert("accept", HeaderValue::from_static("*/*"));
            set_host(&mut headers, upstream, &upstream.endpoints[0].address);
            let lines: Vec<_> = headers.iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap())).collect();
            assert_eq!(lines, [("host", read), ("accept", "*/*")]);
            assert_eq!(host_of_ours(upstream, &upstream.endpoints[0].address), ours);
        }
    }
}
