//! When a client is asked whether it is there still: it has streams open, and says nothing at all. Pure, `now` comes as an argument.
//!
//! A line that is dead shows in nothing else as long as nothing is written. While the client's kernel still takes what was written
//! before the ping, no answer is due.

use std::time::Duration;

use tokio::time::Instant;

use crate::net::DeliveryTimer;
use crate::process::Delivery;

/// Where the question stands.
#[derive(Debug)]
pub(super) struct Liveness {
    /// When something was last heard, as far as that was looked at.
    heard: Instant,
    /// A ping is not answered yet.
    asked: Option<DeliveryTimer>,
}

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Due {
    Nothing,
    Ping,
    /// It is gone.
    Dead,
}

impl Liveness {
    /// One that was heard `now`.
    pub(super) fn new(now: Instant) -> Self {
        Self { heard: now, asked: None }
    }

    /// Something came since the last look.
    pub(super) fn note_heard(&mut self, now: Instant) {
        (self.heard, self.asked) = (now, None);
    }

    /// What is due, of one who has streams open.
    pub(super) fn look(&mut self, delivery: Option<Delivery>, now: Instant) -> Due {
        match &mut self.asked {
            Some(timer) => match timer.poll_expired(PONG_WITHIN, || delivery, now) {
                true => Due::Dead,
                false => Due::Nothing,
            },
            None if now.duration_since(self.heard) >= PING_AFTER => {
                self.asked = Some(DeliveryTimer::new(delivery, now));
                Due::Ping
            }
            None => Due::Nothing,
        }
    }
}

/// How often the silence of a client is looked at.
pub(super) const LOOK_EVERY: Duration = Duration::from_secs(5);

/// How long a client with open streams may be silent before it is asked; pings of its tunnels come before.
const PING_AFTER: Duration = Duration::from_secs(30);

/// How long the answer may take.
const PONG_WITHIN: Duration = Duration::from_secs(20);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_silent_is_asked_once_and_is_gone_without_an_answer() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut liveness = Liveness::new(start);
        assert_eq!(liveness.look(None, at(29)), Due::Nothing);
        assert_eq!(liveness.look(None, at(30)), Due::Ping);
        assert_eq!(liveness.look(None, at(45)), Due::Nothing);
        liveness.note_heard(at(46));
        assert_eq!(liveness.look(None, at(75)), Due::Nothing);
        assert_eq!(liveness.look(None, at(76)), Due::Ping);
        assert_eq!(liveness.look(None, at(95)), Due::Nothing);
        assert_eq!(liveness.look(None, at(96)), Due::Dead);
    }

    #[test]
    fn no_answer_is_due_while_its_kernel_takes_what_came_before() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let taken = |acked| Some(Delivery { acked, outstanding: true, since_ack: Duration::ZERO });
        let mut liveness = Liveness::new(start);
        assert_eq!(liveness.look(taken(1), at(30)), Due::Ping);
        for look in 1..100 {
            assert_eq!(liveness.look(taken(1 + look), at(30 + 5 * look)), Due::Nothing);
        }
        assert_eq!(liveness.look(taken(100), at(600)), Due::Dead);
    }
}
