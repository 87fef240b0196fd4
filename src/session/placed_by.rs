//! What decided about the endpoint of a request, as its line in the log says.

use std::sync::Arc;

use crate::balance::Affinity;
use crate::snapshot::{Endpoint, Upstream};

/// What decided about the endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PlacedBy {
    /// The hash of the affinity key.
    Key,
    /// A policy that goes by no key, or a key that was not there.
    Policy,
    /// The pin cookie.
    Cookie,
    /// It was another one, for the one that was meant takes nobody now, is full, or has failed.
    Fallback,
}

impl PlacedBy {
    /// The word for the log, of a value as a number.
    pub(super) fn word_of(number: u8) -> &'static str {
        match number {
            number if number == Self::Key as u8 => "key",
            number if number == Self::Policy as u8 => "policy",
            number if number == Self::Cookie as u8 => "cookie",
            _ => "fallback",
        }
    }

    pub(super) fn of(attempt: usize, affinity: &Affinity, upstream: &Upstream, endpoint: &Arc<Endpoint>) -> Self {
        let is_at = |pin| upstream.pinned(pin).is_some_and(|pinned| Arc::ptr_eq(pinned, endpoint));
        match (affinity.pin, upstream.is_home(endpoint, affinity.key)) {
            (Some(pin), _) if is_at(pin) => Self::Cookie,
            (None, Some(true)) => Self::Key,
            (None, None) if attempt == 0 => Self::Policy,
            (Some(_), Some(true)) if affinity.goes_home() => Self::Key,
            (Some(_), None) if attempt == 0 && affinity.goes_home() => Self::Policy,
            _ => Self::Fallback,
        }
    }
}
