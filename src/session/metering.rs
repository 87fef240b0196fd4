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
#[derive(Clone, Copy, Debug)]
struct Noted {
    /// The last bits of how many messages it has passed.
    messages: u32,
    is_stalled: bool,
}

impl MeteredLease {
    /// The lease of a tunnel under this policy, which has passed so many messages elsewhere: they are none of this endpoint's work.
    pub(super) fn new(lease: Lease, policy: Policy, passed: u64) -> Self {
        Self { lease, noted: (policy == Policy::LeastBusy).then(|| Noted::after(passed)) }
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
        if let Some(news) = noted.news(tunnel.handle().traffic().messages()) {
            busyness.note_messages(news);
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

impl Noted {
    /// Of a tunnel that has passed so many messages.
    fn after(passed: u64) -> Self {
        Self { messages: last_bits(passed), is_stalled: false }
    }

    /// How many messages are new where it has passed so many; `None` where none are.
    #[inline]
    fn news(&mut self, passed: u64) -> Option<u64> {
        let messages = last_bits(passed);
        let news = messages.wrapping_sub(self.messages);
        self.messages = messages;
        (news > 0).then(|| news.into())
    }
}

#[expect(clippy::cast_possible_truncation, reason = "the difference of two such counts is small")]
fn last_bits(messages: u64) -> u32 {
    messages as u32
}

impl Drop for MeteredLease {
    fn drop(&mut self) {
        if self.noted.is_some_and(|noted| noted.is_stalled) {
            self.lease.endpoint().busyness.note_flowing();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_tunnel_passed_elsewhere_is_no_work_of_its_endpoint() {
        for before in [0, 7, u64::from(u32::MAX), u64::MAX - 1] {
            let mut noted = Noted::after(before);
            assert_eq!(noted.news(before), None, "{before}");
            assert_eq!(noted.news(before.wrapping_add(3)), Some(3), "{before}");
            assert_eq!(noted.news(before.wrapping_add(3)), None, "{before}");
        }
    }
}
