//! Peers that leave a tunnel as RFC 6455 §7 asks.

use super::frames::close;
use super::scene::Open;
use crate::tunnel::SideOutcome;
use crate::websocket::{CloseCode, PerSide};

pub(super) const CLEAN: PerSide<SideOutcome> = PerSide { client: SideOutcome::Clean, upstream: SideOutcome::Clean };

pub(super) fn code(code: u16) -> CloseCode {
    CloseCode::new(code).unwrap()
}

/// Both answer what they were told and leave.
pub(super) fn both_answer(tunnel: &mut Open, client: u16, upstream: u16) {
    tunnel.client.says(close(client, ""));
    tunnel.upstream.says(close(upstream, ""));
    tunnel.settle();
    both_leave(tunnel);
}

pub(super) fn both_leave(tunnel: &mut Open) {
    assert!(tunnel.client.has_fin(), "the client reads our FIN first");
    tunnel.client.finishes();
    tunnel.settle();
    assert!(!tunnel.upstream.has_fin(), "the endpoint closes first on its side");
    tunnel.upstream.finishes();
    tunnel.settle();
    assert!(tunnel.upstream.has_fin());
}
