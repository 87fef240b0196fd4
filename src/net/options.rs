//! What every connection is set to, on either side.

use std::io;
use std::time::Duration;

use socket2::{Socket, TcpKeepalive};

/// Sets what a connection needs; those that a listening socket accepts inherit it.
pub(super) fn set_options(socket: &Socket) -> io::Result<()> {
    // A frame must not wait for the acknowledgement of the one before.
    socket.set_tcp_nodelay(true)?;
    // A peer that vanished while we only listen to it, to events for instance, is noticed within two minutes: by the nine
    // probes of net.ipv4.tcp_keepalive_probes, for a number of ours would be one system call more for each dialled
    // connection. Tunnels that are pinged notice sooner.
    socket.set_tcp_keepalive(&TcpKeepalive::new().with_time(QUIET).with_interval(INTERVAL))
}

/// How long a peer may be quiet before it is probed.
const QUIET: Duration = Duration::from_secs(60);
/// How long each probe is waited for: `QUIET` + 9 × `INTERVAL` ≤ 2 minutes.
const INTERVAL: Duration = Duration::from_secs(6);
