//! Endpoints that are listeners of the same file: a request that is sent there comes in again.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use toml::de::DeValue;

use crate::config::address_syntax::ENDPOINT_ADDRESS;
use crate::config::names::{ListenerName, UpstreamName};
use crate::config::settings::{Bind, EndpointAddress, ListenerSettings, Settings};
use crate::config::tree::{Section, SpannedValue};

/// Notes a problem for each endpoint from which a request can come back to where it was sent from, and a warning for each
/// that only leads through another listener. Hosts and paths are left out of account: a request keeps them.
pub(in crate::config) fn check_own_listeners(file: &Section<'_>, settings: &Settings) {
    for upstream in settings.upstreams.keys() {
        for element in file.elements_of(&["upstream", upstream.as_str(), "endpoints"]) {
            let Some(address) = address_of(&element) else { continue };
            let own = settings.listeners.values().find(|listener| is_reached_at(listener, &address));
            let Some(listener) = own else { continue };
            if leads_to(&listener.name, upstream, settings) {
                element.fault(
                    format!(
                        "{address} is listener.{} of this file: a request would go round in circles",
                        listener.name
                    ),
                    "write where the application listens; it and windlass each need a port of their own",
                );
            } else {
                element.location().warn(
                    format!("{address} is listener.{} of this file: requests come through here twice", listener.name),
                    "name the endpoints of that listener's upstreams here too",
                );
            }
        }
    }
}

fn address_of(element: &SpannedValue<'_>) -> Option<EndpointAddress> {
    let text = match element.value() {
        DeValue::Table(table) => table.get("address")?.get_ref().as_str()?,
        value => value.as_str()?,
    };
    (ENDPOINT_ADDRESS.parse)(text).ok()
}

/// Whether who connects to `address` comes in here, as far as the file tells: addresses of other interfaces are not known.
fn is_reached_at(listener: &ListenerSettings, address: &EndpointAddress) -> bool {
    let Bind::Address(bind) = listener.bind else { return false };
    let loopback: [IpAddr; 2] = [Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()];
    let (here, port) = match address {
        // To connect to every address is to connect to this machine.
        EndpointAddress::Socket(address) if address.ip().is_unspecified() => (loopback.to_vec(), address.port()),
        EndpointAddress::Socket(address) => (vec![address.ip()], address.port()),
        EndpointAddress::Name(host, port) if host == "localhost" || host.ends_with(".localhost") => {
            (loopback.to_vec(), *port)
        }
        EndpointAddress::Name(..) | EndpointAddress::Unix(_) => return false,
    };
    let takes = |ip: &IpAddr| match bind.ip() {
        bound if bound.is_unspecified() => ip.is_loopback() && (bound.is_ipv6() || ip.is_ipv4()),
        bound => bound == *ip,
    };
    bind.port() == port && here.iter().any(takes)
}

/// Whether a request that comes in at `listener` can be sent to `upstream`, through other listeners of ours too.
fn leads_to(listener: &ListenerName, upstream: &UpstreamName, settings: &Settings) -> bool {
    let (mut seen, mut next) = (vec![listener], vec![listener]);
    while let Some(listener) = next.pop() {
        let served = settings.routes.values().filter(|it| it.listeners.is_empty() || it.listeners.contains(listener));
        for route in served {
            if route.destination.leads_to(upstream) {
                return true;
            }
            let upstreams = route.destination.upstreams().filter_map(|upstream| settings.upstreams.get(upstream));
            let endpoints: Vec<_> = upstreams.flat_map(|upstream| &upstream.endpoints).collect();
            let beyond = settings.listeners.values().filter(|listener| {
                !seen.contains(&&listener.name) && endpoints.iter().any(|it| is_reached_at(listener, &it.address))
            });
            let beyond: Vec<_> = beyond.map(|listener| &listener.name).collect();
            seen.extend(&beyond);
            next.extend(beyond);
        }
    }
    false
}
