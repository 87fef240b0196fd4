//! What the parts of a handshake take while it is under way: noted as each ends, counted once its tunnel opens.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::Instant;

use super::context::Accepted;
use crate::metrics::{HandshakePhase, HandshakeTimes};

/// What the parts of one handshake have taken so far.
#[derive(Debug)]
pub(super) struct Phases {
    /// Of its connection, where it is the first on that.
    accepted: Option<Accepted>,
    authorize: Taken,
    waiting: Taken,
    connect: Taken,
    answer: Taken,
}

/// What one part has taken, in nanoseconds: an endpoint may be one of several.
#[derive(Debug, Default)]
struct Taken(AtomicU64);

impl Phases {
    pub(super) fn new(accepted: Option<Accepted>) -> Self {
        Self {
            accepted,
            authorize: Taken::default(),
            waiting: Taken::default(),
            connect: Taken::default(),
            answer: Taken::default(),
        }
    }

    /// A part has ended that began then; one that is not noted while it goes on is nothing.
    pub(super) fn note(&self, phase: HandshakePhase, begun: Instant) {
        let taken = match phase {
            HandshakePhase::Authorize => &self.authorize,
            HandshakePhase::Waiting => &self.waiting,
            HandshakePhase::Connect => &self.connect,
            HandshakePhase::Answer => &self.answer,
            HandshakePhase::Tls | HandshakePhase::Total => return,
        };
        taken.note(begun);
    }

    /// When the handshake began of a request that came at `started`: with the accept where it is the first on its connection.
    pub(super) fn begun(&self, started: Instant) -> Instant {
        self.accepted.map_or(started, |accepted| accepted.at)
    }

    /// When its TLS handshake began, where it is the first on its connection, and what that took.
    pub(super) fn tls(&self) -> Option<(Instant, Duration)> {
        self.accepted.and_then(|accepted| Some((accepted.at, accepted.tls?)))
    }

    /// All of them, for a request that came at `started` and whose tunnel opens now.
    pub(super) fn times(&self, started: Instant, now: Instant) -> HandshakeTimes {
        let begun = self.begun(started);
        let waited = self.waiting.so_far();
        HandshakeTimes {
            tls: self.accepted.and_then(|accepted| accepted.tls),
            authorize: self.authorize.so_far(),
            waiting: Some(waited).filter(|waited| !waited.is_zero()),
            connect: self.connect.so_far(),
            answer: self.answer.so_far(),
            total: now.saturating_duration_since(begun),
        }
    }
}

impl Taken {
    /// It took so long, again.
    fn note(&self, begun: Instant) {
        let nanos = u64::try_from(begun.elapsed().as_nanos()).unwrap_or(u64::MAX);
        self.0.fetch_add(nanos, Ordering::Relaxed);
    }

    fn so_far(&self) -> Duration {
        Duration::from_nanos(self.0.load(Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_first_on_a_connection_has_its_tls_and_all_since_the_accept() {
        let at = Instant::now();
        advance(Duration::from_millis(7)).await;
        let started = Instant::now();
        let first = Phases::new(Some(Accepted { at, tls: Some(Duration::from_millis(5)) }));
        let second = Phases::new(None);
        for _ in 0..2 {
            let begun = Instant::now();
            advance(Duration::from_millis(10)).await;
            first.note(HandshakePhase::Connect, begun);
        }
        let times = first.times(started, Instant::now());
        assert_eq!(
            (times.tls, times.total, times.connect, times.waiting),
            (Some(Duration::from_millis(5)), Duration::from_millis(27), Duration::from_millis(20), None)
        );
        let times = second.times(started, Instant::now());
        assert_eq!((times.tls, times.total), (None, Duration::from_millis(20)));
    }
}
