//! What every connection is set to, on either side.

use std::io;
use std::time::Duration;

use socket2::{Socket, TcpKeepalive};

use crate::config::TcpKeepaliveSettings;

/// When a peer that is quiet is probed by TCP, where nothing else is said: one that vanished while we only listen to it, to events for instance, is
/// noticed within two minutes, `idle` + 9 × `interval`. Tunnels that are pinged notice sooner.
pub(super) const KEEPALIVE: TcpKeepaliveSettings =
    TcpKeepaliveSettings { idle: Duration::from_secs(60), interval: Duration::from_secs(6) };

/// Sets what a connection needs; those that a listening socket accepts inherit it.
///
/// How often a quiet peer is probed before it counts as gone is left to net.ipv4.tcp_keepalive_probes: a number of ours would be
/// one system call more for each dialled connection.
pub(super) fn set_options(socket: &Socket, keepalive: Option<TcpKeepaliveSettings>) -> io::Result<()> {
    // A frame must not wait for the acknowledgement of the one before.
    socket.set_tcp_nodelay(true)?;
    match keepalive {
        Some(TcpKeepaliveSettings { idle, interval }) => {
            socket.set_tcp_keepalive(&TcpKeepalive::new().with_time(idle).with_interval(interval))
        }
        None => Ok(()),
    }
}
