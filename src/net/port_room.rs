//! How many connections an endpoint can have at a time: each takes a port of this machine's, from each source address another
//! (tcp(7), ip(7)).

use std::net::IpAddr;
use std::ops::RangeInclusive;

use crate::config::{EndpointAddress, UpstreamSettings, counted};

/// How many connections every endpoint of an upstream can have at a time, where a connect has these ports to choose from; `None`
/// where no endpoint takes any.
///
/// A name is taken to have addresses of the family that has fewer sources.
fn most_connections(upstream: &UpstreamSettings, ports: &RangeInclusive<u16>) -> Option<usize> {
    let sources = |is_of: fn(&IpAddr) -> bool| upstream.source_addresses.iter().filter(|&source| is_of(source)).count();
    let (of_ipv4, of_ipv6) = (sources(IpAddr::is_ipv4), sources(IpAddr::is_ipv6));
    let of = |address: &EndpointAddress| match address {
        EndpointAddress::Unix(_) => None,
        _ if upstream.source_addresses.is_empty() => Some(1),
        EndpointAddress::Socket(address) => Some(if address.is_ipv4() { of_ipv4 } else { of_ipv6 }),
        EndpointAddress::Name(..) => [of_ipv4, of_ipv6].into_iter().filter(|&sources| sources > 0).min(),
    };
    let fewest = upstream.endpoints.iter().filter_map(|endpoint| of(&endpoint.address)).min()?;
    Some(fewest * ports.len())
}

/// What an operator should read who lets more tunnels be open on each endpoint than can be.
pub fn port_shortage(upstream: &UpstreamSettings, ports: &RangeInclusive<u16>) -> Option<String> {
    let (wanted, most) = (upstream.max_tunnels?.get(), most_connections(upstream, ports)?);
    (wanted > most).then(|| {
        format!(
            "max_tunnels is {wanted}, and there are ports for {} with each endpoint: give more source_addresses, or widen \
             net.ipv4.ip_local_port_range",
            counted(most, "connection")
        )
    })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::parse;

    /// What Linux has where nobody has changed it.
    const DEFAULT: RangeInclusive<u16> = 32_768..=60_999;

    fn upstream(endpoints: &str, sources: &str, max_tunnels: &str) -> UpstreamSettings {
        let text = format!(
            "[listener.l]\nbind = \"127.0.0.1:0\"\n[route.r]\nupstream = \"u\"\n[upstream.u]\nendpoints = {endpoints}\n\
             source_addresses = {sources}\nmax_tunnels = {max_tunnels}\n"
        );
        let settings = parse(&text, Path::new("test.toml")).unwrap_or_else(|wrong| panic!("{wrong}"));
        UpstreamSettings::clone(&settings.upstreams["u"])
    }

    #[test]
    fn each_source_address_has_every_port() {
        const ONE: &str = "[\"10.0.0.11:80\"]";
        const BOTH: &str = "[\"10.0.0.11:80\", \"[fd00::11]:80\"]";
        let three = "[\"10.0.0.2\", \"10.0.0.3\", \"fd00::2\"]";
        for (endpoints, sources, expected) in [
            (ONE, "\"off\"", Some(28_232)),
            (ONE, "[\"10.0.0.2\"]", Some(28_232)),
            (ONE, "[\"10.0.0.2\", \"10.0.0.3\"]", Some(56_464)),
            (ONE, three, Some(56_464)),
            (BOTH, three, Some(28_232)),
            ("[\"app.internal:80\"]", three, Some(28_232)),
            ("[\"app.internal:80\"]", "[\"10.0.0.2\", \"10.0.0.3\"]", Some(56_464)),
            ("[\"unix:/run/app.sock\"]", "\"off\"", None),
            ("[\"unix:/run/app.sock\", \"10.0.0.11:80\"]", "\"off\"", Some(28_232)),
        ] {
            let most = most_connections(&upstream(endpoints, sources, "1"), &DEFAULT);
            assert_eq!(most, expected, "{endpoints} from {sources}");
        }
        assert_eq!(most_connections(&upstream(ONE, "\"off\"", "1"), &(1_024..=65_535)), Some(64_512));
    }

    #[test]
    fn forty_thousand_tunnels_with_one_endpoint_take_two_sources_or_a_wider_range() {
        const ONE: &str = "[\"10.0.0.11:80\"]";
        let shortage = port_shortage(&upstream(ONE, "\"off\"", "40000"), &DEFAULT).unwrap();
        let said = "max_tunnels is 40000, and there are ports for 28232 connections with each endpoint: ";
        assert!(shortage.starts_with(said), "{shortage}");
        assert_eq!(port_shortage(&upstream(ONE, "[\"10.0.0.2\", \"10.0.0.3\"]", "40000"), &DEFAULT), None);
        assert_eq!(port_shortage(&upstream(ONE, "\"off\"", "40000"), &(10_240..=65_535)), None);
        assert_eq!(port_shortage(&upstream(ONE, "\"off\"", "28232"), &DEFAULT), None);
        assert_eq!(port_shortage(&upstream(ONE, "\"off\"", "\"off\""), &DEFAULT), None);
        // As many as the plan has it: three for 40,000 tunnels where the range is as narrow as 13,334 ports.
        let three = upstream(ONE, "[\"10.0.0.2\", \"10.0.0.3\", \"10.0.0.4\"]", "40000");
        assert_eq!(port_shortage(&three, &(40_000..=53_333)), None);
        assert!(port_shortage(&three, &(40_000..=53_332)).is_some());
    }
}
