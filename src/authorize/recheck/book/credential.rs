//! One credential of the book: whose tunnels they are, and when it is looked at next.

use std::sync::Arc;
use std::time::Duration;

use slab::Slab;
use tokio::time::Instant;

use crate::access::Permit;
use crate::authorize::question::Question;
use crate::authorize::recheck::good::Good;
use crate::config::{RecheckSettings, RouteName};
use crate::drain::{Cause, TunnelHandle};

/// By which two tunnels share a question: their route, and a keyed hash of what the client sent.
pub(in crate::authorize::recheck) type CredentialKey = (RouteName, [u8; 32]);

/// What some tunnels of a route were let in by.
#[derive(Debug)]
pub(super) struct Credential {
    pub(super) key: CredentialKey,
    pub(super) question: Arc<Question>,
    pub(super) tunnels: Slab<Arc<TunnelHandle>>,
    pub(super) good: Good,
    pub(super) stage: Stage,
    /// The last question had no answer.
    pub(super) is_failing: bool,
    /// Where it stands in the book's order of what is due.
    pub(super) due: Option<Instant>,
}

/// How far a credential is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// It is looked at then.
    Resting(Instant),
    /// It has its share of the route's second, then.
    Paced(Instant),
    /// It is being asked about.
    Asked,
}

impl Credential {
    /// When its tunnels end unless there is a good answer before, and why then.
    pub(super) fn end(&self, recheck: Option<RecheckSettings>) -> Option<(Instant, Cause)> {
        let unconfirmed = recheck.filter(|_| self.is_failing).map(|recheck| self.good.at + recheck.grace);
        let expired = self.good.until.map(|until| (until, Cause::Expired));
        expired.into_iter().chain(unconfirmed.map(|end| (end, Cause::Unconfirmed))).min_by_key(|(end, _)| *end)
    }
}

/// The tunnel ends when the server has said: nobody else will see to it.
pub(super) fn leave_end(tunnel: &TunnelHandle, good: Good) {
    let Some(until) = good.until.map(Instant::into_std) else { return };
    let own = tunnel.permit().and_then(Permit::end);
    tunnel.move_end(Some(own.map_or(until, |own| own.min(until))));
}

/// When a credential is looked at next, after a good answer: to ask again in time, or to end it. `None`: never.
pub(super) fn next_look(good: Good, recheck: Option<RecheckSettings>) -> Option<Instant> {
    let Some(recheck) = recheck else { return good.until };
    let next = good.at + jittered(recheck.every);
    let Some(until) = good.until else { return Some(next) };
    let left = until.saturating_duration_since(good.at);
    let before = until - (left / 10).min(LONGEST_BEFORE);
    Some(next.min(before))
}

/// As long, up to a tenth less or more.
pub(super) fn jittered(duration: Duration) -> Duration {
    duration.mul_f64(0.9 + 0.2 * fastrand::f64())
}

/// How long before its end a permission is asked about at the most.
const LONGEST_BEFORE: Duration = Duration::from_secs(30);
