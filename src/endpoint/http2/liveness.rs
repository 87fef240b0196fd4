//! When an endpoint is asked whether it is there still: it was asked something, and says nothing at all.
//!
//! A peer that is gone is found by nobody else for a quarter of an hour: while what was written is not acknowledged, the kernel sends
//! no keepalives. And no more pings than that are sent, since servers of gRPC count them: one that gets a third within five minutes,
//! and has sent nothing itself between them, ends the connection (ENHANCE_YOUR_CALM).

use std::time::Duration;

use tokio::time::Instant;

/// Whether a ping is due; looked at every [`LOOK_EVERY`].
#[derive(Debug, Default)]
pub(super) struct Liveness {
    /// The last ping.
    pinged: Option<Instant>,
    /// The endpoint has said something since the answer to it.
    has_spoken: bool,
}

impl Liveness {
    /// Looks: requests are under way or not, and since the last look the endpoint was heard or not. Returns whether it is to be
    /// pinged now.
    pub(super) fn look(&mut self, is_asked: bool, is_heard: bool, now: Instant) -> bool {
        self.has_spoken |= is_heard;
        let may_ping = self.has_spoken || self.pinged.is_none_or(|at| now.duration_since(at) >= PING_APART);
        let is_due = is_asked && !is_heard && may_ping;
        if is_due {
            (self.pinged, self.has_spoken) = (Some(now), false);
        }
        is_due
    }
}

/// How often the silence of an endpoint is looked at.
pub(super) const LOOK_EVERY: Duration = Duration::from_secs(10);

/// How long the answer to a ping may take.
pub(super) const PONG_WITHIN: Duration = Duration::from_secs(10);

/// Beyond the five minutes of gRPC's servers.
const PING_APART: Duration = Duration::from_secs(301);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_that_is_asked_and_silent_is_pinged_and_not_again_before_it_speaks() {
        let (mut liveness, start) = (Liveness::default(), Instant::now());
        let at = |seconds| start + Duration::from_secs(seconds);
        assert!(!liveness.look(false, false, at(10)), "nothing is asked");
        assert!(!liveness.look(true, true, at(20)), "it speaks");
        assert!(liveness.look(true, false, at(30)));
        assert!((4..33).all(|look| !liveness.look(true, false, at(look * 10))), "a ping is not repeated");
        assert!(liveness.look(true, false, at(331)), "but after five minutes");
        assert!(!liveness.look(true, true, at(341)));
        assert!(liveness.look(true, false, at(351)), "it has spoken meanwhile");
    }
}
