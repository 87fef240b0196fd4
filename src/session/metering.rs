//! What an endpoint is told of the work of a tunnel, where its upstream's policy goes by that.

use crate::balance::Policy;
use crate::net::TunnelStream;
use crate::snapshot::{Endpoint, Lease};
use crate::tunnel::Tunnel;
use crate::websocket::Side;

/// A tunnel's lease, by which its endpoint hears of its work, too.
#[derive(Debug)]
pub(super) struct MeteredLease {
    lease: Lease,
    /// `None` where nobody wants to know; a tunnel that was open before a reload asked for it is one of those.
    noted: Option<Noted>,
}

/// What the endpoint knows of the tunnel. Of a raw one that is only whether it is stalled, for it has no messages.
#[derive(Clone, Copy, Debug, Default)]
struct Noted {
    /// The last bits of how many messages it has passed.
    messages: u32,
    is_stalled: bool,
}

impl MeteredLease {
    /// The lease of a tunnel under this policy.
    pub(super) fn new(lease: Lease, policy: Policy) -> Self {
        Self { lease, noted: (policy == Policy::LeastBusy).then(Noted::default) }
    }

    /// Where it is.
    pub(super) fn endpoint(&self) -> &Endpoint {
        self.lease.endpoint()
    }

    /// Tells the endpoint what is new since the last time: one addition if messages have passed, and nothing mostly.
    #[inline]
    pub(super) fn note_work<C: TunnelStream, U: TunnelStream>(&mut self, tunnel: &Tunnel<C, U>) {
        let Some(noted) = &mut self.noted else { return };
        let busyness = &self.lease.endpoint().busyness;
        #[expect(clippy::cast_possible_truncation, reason = "the difference of two such counts is small")]
        let messages = tunnel.handle().traffic().messages() as u32;
        if messages != noted.messages {
            busyness.note_messages(messages.wrapping_sub(noted.messages).into());
            noted.messages = messages;
        }
        let is_stalled = tunnel.is_stalled(Side::Upstream);
        if is_stalled != noted.is_stalled {
            if is_stalled {
                busyness.note_stalled()
            } else {
                busyness.note_flowing()
            }
            noted.is_stalled = is_stalled;
        }
    }
}

impl Drop for MeteredLease {
    fn drop(&mut self) {
        if self.noted.is_some_and(|noted| noted.is_stalled) {
            self.lease.endpoint().busyness.note_flowing();
        }
    }
}
