//! Who the client is, where somebody stands in front: by the PROXY protocol, and by what requests say.

mod fields;
mod header;
mod header_refused;

use windlass::metrics::{Exposition, Gauges};

use crate::rig::{Config, Endpoint, Proxy};

/// In front of this endpoint, behind load balancers that write the header and stand on this machine.
fn behind_balancers(endpoint: &Endpoint) -> Config {
    Config::chat([endpoint.address()])
        .with("listener.public.proxy_protocol", "\"required\"")
        .with("listener.public.trusted_proxies", "[\"127.0.0.0/8\", \"10.0.0.0/8\"]")
}

/// A header of version 2 that speaks for `192.0.2.7:4711`, who has connected to `198.51.100.1:443`.
fn version_2(command: u8, tlvs: &[u8]) -> Vec<u8> {
    let addresses = [192, 0, 2, 7, 198, 51, 100, 1, 0x12, 0x67, 0x01, 0xbb];
    let length = u16::try_from(addresses.len() + tlvs.len()).unwrap().to_be_bytes();
    [&b"\r\n\r\n\0\r\nQUIT\n"[..], &[command, 0x11], &length, &addresses, tlvs].concat()
}

/// How many were refused for this reason.
fn count(proxy: &Proxy, reason: &str) -> u64 {
    let text = proxy.running.proxy().metrics.encode(&Gauges::default(), Exposition::Prometheus).unwrap();
    let series = format!("windlass_refusals_total{{reason=\"{reason}\"}} ");
    text.lines().find_map(|line| line.strip_prefix(&series)).unwrap().parse().unwrap()
}
