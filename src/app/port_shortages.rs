//! What is said of upstreams that ask for more tunnels than there are ports to connect from.

use crate::config::Settings;
use crate::net::port_shortage;
use crate::process::local_ports;

/// Warns of each; at every start and reload, for it shows only when the first client is refused.
pub(super) fn warn_of_ports(settings: &Settings) {
    let Some(ports) = local_ports() else { return };
    for upstream in settings.upstreams.values() {
        if let Some(shortage) = port_shortage(upstream, &ports) {
            tracing::warn!(upstream = %upstream.name, "{shortage}");
        }
    }
}
