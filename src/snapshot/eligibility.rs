//! Who may be placed on an endpoint now: the one question of whoever picks, trials of ejected endpoints and the case that nobody
//! is left included; and what failed requests do to that.

use std::fmt::Display;
use std::sync::{Arc, PoisonError};

use super::endpoint::Endpoint;
use super::endpoint_state::EndpointState;
use super::health_changes::{Trial, rule};
use super::upstream::Upstream;
use crate::config::{EndpointRole, UpstreamSettings, WhenAllDown};
use crate::health::{Asked, WhenDue};

/// Which endpoints of an upstream a request may be placed on.
#[derive(Clone, Copy, Debug)]
pub struct Eligibility {
    asked: Asked,
    /// Whether the request may be a trial while others serve.
    may_try: bool,
    /// Nobody else is left, and those that are down or ejected are tried.
    is_last_resort: bool,
    /// All have left the set since. Who found this version of the upstream is served once more, and sent on from there.
    is_outdated: bool,
}

/// As what a request may be placed on an endpoint.
#[derive(Debug)]
pub enum PlacedAs {
    /// As one of many.
    Usual,
    /// As the one that decides whether it is ejected for longer.
    OnTrial(Trial),
}

impl Upstream {
    /// Which of its endpoints a request of this kind may be placed on.
    pub fn eligibility(&self, asked: Asked) -> Eligibility {
        let is_nobody_left = !self.endpoints().iter().any(|endpoint| endpoint.is_open_to(asked));
        let is_last_resort = self.settings.when_all_down == WhenAllDown::Try && is_nobody_left;
        Eligibility { asked, may_try: true, is_last_resort, is_outdated: is_nobody_left && self.is_outdated() }
    }

    /// Whether everybody whom it serves with has left: the next version, which is published at this moment, has those that came.
    fn is_outdated(&self) -> bool {
        let all = self.endpoints().iter().zip(&self.settings.endpoints);
        let mut serving = all.filter(|(_, settings)| settings.role != EndpointRole::Leaving).peekable();
        serving.peek().is_some() && serving.all(|(endpoint, _)| endpoint.state().is_leaving())
    }

    /// Whether upgrades that wait for this endpoint had better go elsewhere: they are kept away from it, and not from all.
    pub fn has_better_than(&self, endpoint: &Endpoint) -> bool {
        let is_open = |endpoint: &Endpoint| endpoint.is_open_to(Asked::Upgrade);
        !is_open(endpoint) && self.endpoints().iter().any(|other| is_open(other))
    }
}

impl Eligibility {
    /// The same for a request that is no trial while others serve.
    pub(super) fn without_trials(self) -> Self {
        Self { may_try: false, ..self }
    }

    /// Nobody else is left, or none of those that were. Says whether that changes anything.
    pub(super) fn resort(&mut self, settings: &UpstreamSettings) -> bool {
        let is_new = settings.when_all_down == WhenAllDown::Try && !self.is_last_resort;
        self.is_last_resort |= is_new;
        is_new
    }

    /// Whether the request may be placed there; looking changes nothing.
    pub fn takes(&self, endpoint: &Endpoint) -> bool {
        let state = endpoint.state();
        endpoint.is_open_to(self.asked)
            || self.takes_leaver(state)
            || !state.is_closed()
                && (self.is_last_resort
                    || !state.is_down() && self.may_try && endpoint.is_trial_due(self.asked, WhenDue::BackOffIsOver))
    }

    fn takes_leaver(&self, state: EndpointState) -> bool {
        self.is_outdated && state.is_leaving() && !state.is_drained()
    }

    /// Places the request there: `None` where it may not be, or another one has just become the trial.
    pub fn place(&self, endpoint: &Arc<Endpoint>) -> Option<PlacedAs> {
        let state = endpoint.state();
        if endpoint.is_open_to(self.asked) || self.takes_leaver(state) {
            return Some(PlacedAs::Usual);
        }
        if state.is_closed() || !self.is_last_resort && (state.is_down() || !self.may_try) {
            return None;
        }
        let when = if self.is_last_resort { WhenDue::Now } else { WhenDue::BackOffIsOver };
        match endpoint.begin_trial(self.asked, when) {
            Some(trial) => Some(PlacedAs::OnTrial(trial)),
            None => self.is_last_resort.then_some(PlacedAs::Usual),
        }
    }
}

impl PlacedAs {
    /// The trial, if it is one.
    pub fn into_trial(self) -> Option<Trial> {
        match self {
            Self::Usual => None,
            Self::OnTrial(trial) => Some(trial),
        }
    }
}

impl Endpoint {
    /// A request failed there, of `upstream`, whose endpoint it is; `trial` is its trial if it is one. What is no fault of the
    /// endpoint, a tunnel's end and an answer of 4xx among it, is not for here.
    pub fn note_failure(&self, asked: Asked, cause: &dyn Display, trial: Option<Trial>, upstream: &Upstream) {
        self.remember_failure(asked, cause);
        if let Some(trial) = trial {
            return trial.fail(cause, upstream.settings.eject);
        }
        let Some(settings) = upstream.settings.eject else { return };
        // One at a time: two that look at each other would leave nobody.
        let _one_at_a_time = upstream.ejections.lock().unwrap_or_else(PoisonError::into_inner);
        let others = || {
            let others = upstream.endpoints().iter().filter(|other| !std::ptr::eq(Arc::as_ptr(other), self));
            others.filter(|other| other.state().is_eligible()).count()
        };
        self.count_failure(asked, cause, rule(settings), upstream.settings.min_eligible, others);
    }
}

#[cfg(test)]
mod tests;
