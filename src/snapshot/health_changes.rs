//! What happens to the health of an endpoint, and the changes of its state that follow: each is said in the log once.

use std::fmt::Display;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use super::endpoint::Endpoint;
use super::endpoint_health::{HealthCounts, ProberNumber};
use super::endpoint_state::{EndedCause, EndpointEvent, EndpointState, StateCause};
use crate::config::{EjectSettings, UpstreamSettings};
use crate::health::{Asked, Availability, Ejection, EjectionRule, ProbeResult, RecentFailures, TrialNumber, WhenDue};

/// The one request that an ejected endpoint gets. Dropped without a verdict, it lets another one try.
#[derive(Debug)]
pub struct Trial {
    endpoint: Arc<Endpoint>,
    /// Taken by the verdict.
    number: Option<TrialNumber>,
}

impl Endpoint {
    /// A request went well there, where `trial` is its trial if it is one.
    pub fn note_success(&self, asked: Asked, trial: Option<Trial>) {
        if !self.health.is_in_trouble() {
            return;
        }
        let mut ejection = self.health.ejection();
        self.health.failures().end(asked);
        match trial.and_then(|mut trial| trial.number.take()) {
            None => ejection.note_success(asked),
            Some(trial) => {
                if ejection.pass(trial, Instant::now().into_std()) {
                    self.readmit("its trial went well");
                }
            }
        }
        self.health.look_at(&ejection);
    }

    /// What has failed there of late, for people to read.
    pub fn recent_failures(&self) -> RecentFailures {
        self.health.failures().clone()
    }

    /// A request failed there, whatever follows from it.
    pub(super) fn remember_failure(&self, asked: Asked, cause: &dyn Display) {
        let ejection = self.health.ejection();
        self.health.failures().note(asked, cause, Instant::now().into_std());
        self.health.look_at(&ejection);
    }

    /// A request failed there that was no trial: ejects the endpoint after so many of `rule`, unless fewer than `min_eligible` of
    /// the `others` would be left.
    pub(super) fn count_failure(
        &self,
        asked: Asked,
        cause: &dyn Display,
        rule: EjectionRule,
        min_eligible: usize,
        others: impl FnOnce() -> usize,
    ) {
        // Nobody needs to be kept from where nobody is placed.
        if !self.is_open_to(asked) {
            return;
        }
        let mut ejection = self.health.ejection();
        let now = (fastrand::f64(), Instant::now().into_std());
        let back_off = ejection.note_failure(asked, rule, min_eligible, others, now);
        if let Some(back_off) = back_off {
            self.health.count_ejection();
            let why = format!("{} {asked} in a row failed: {cause}", rule.after);
            self.eject(&why, back_off);
        }
        self.health.look_at(&ejection);
    }

    /// Whether nothing speaks against placing a request of this kind there.
    pub fn is_open_to(&self, asked: Asked) -> bool {
        let state = self.state();
        state.is_eligible() || state == EndpointState::EJECTED && !self.health.ejection().keeps_out(asked)
    }

    /// Whether a request of this kind may be a trial there.
    pub(super) fn is_trial_due(&self, asked: Asked, when: WhenDue) -> bool {
        self.health.ejection().is_trial_due(asked, when, Instant::now().into_std())
    }

    /// Makes a request of this kind the trial, if it may be one.
    pub(super) fn begin_trial(self: &Arc<Self>, asked: Asked, when: WhenDue) -> Option<Trial> {
        let number = self.health.ejection().begin_trial(asked, when, Instant::now().into_std())?;
        Some(Trial { endpoint: Arc::clone(self), number: Some(number) })
    }

    /// Somebody probes it from now on, and nobody else is believed any more. Returns whether it is up now.
    pub fn begin_probing(&self) -> (ProberNumber, Availability) {
        let number = self.health.prober().begin();
        (number, if self.state().is_down() { Availability::Down } else { Availability::Up })
    }

    /// Nobody probes it any more: that it is down, nobody would take back.
    pub fn end_probing(&self) {
        let mut prober = self.health.prober();
        prober.end();
        self.call_up("it is probed no more");
    }

    /// The probes of `prober` say that it is up or down, and why. Returns whether that is so from now on, and was not before.
    pub fn note_availability(&self, prober: ProberNumber, availability: Availability, why: &str) -> bool {
        let believed = self.health.prober();
        if !believed.is(prober) {
            return false;
        }
        match availability {
            Availability::Up => {
                let is_new = self.call_up(why);
                // What its requests met was the same trouble: nobody has to try whether it is over.
                if is_new && self.health.is_in_trouble() {
                    self.forgive(why);
                }
                is_new
            }
            Availability::Down => self.call_down(why),
        }
    }

    /// Counts a probe.
    pub fn note_probe(&self, result: ProbeResult) {
        self.health.count_probe(result);
    }

    /// What was counted of its health.
    pub fn health_counts(&self) -> HealthCounts {
        self.health.counts()
    }

    /// Changes whenever a request could not connect.
    pub fn doubts(&self) -> watch::Receiver<()> {
        self.health.doubted().subscribe()
    }

    /// A request could not connect, and that is the endpoint's doing: whoever probes it looks at once.
    pub fn doubt(&self) {
        self.health.doubted().send_replace(());
    }

    /// It is in the state that it had in the process before, but for what nobody would take back under `settings`.
    pub fn inherit(&self, state: EndpointState, causes: &[StateCause], settings: &UpstreamSettings) {
        let state = if settings.health.is_some() { state } else { state.without(EndpointState::DOWN) };
        let state = if settings.eject.is_some() { state } else { state.without(EndpointState::EJECTED) };
        // Whether it leaves is what its source says now.
        let leaving = if self.state().is_leaving() { EndpointState::LEAVING } else { EndpointState::ELIGIBLE };
        let state = state.without(EndpointState::LEAVING).with(leaving);
        let mut ejection = self.health.ejection();
        if let Some(rule) = settings.eject.map(rule)
            && state.is_ejected()
        {
            *ejection = Ejection::inherited(rule, fastrand::f64(), Instant::now().into_std());
        }
        self.transition(EndpointEvent::Inherited(state, causes));
        self.health.look_at(&ejection);
    }

    /// It is served under `settings` from now on: takes back what nobody would take back under them.
    pub fn keep_to(&self, settings: &UpstreamSettings) {
        if settings.health.is_none() {
            self.end_probing();
        }
        if settings.eject.is_none() && self.health.is_in_trouble() {
            self.forgive(NOBODY);
        }
    }

    /// Its failures count no more, and it is not ejected.
    fn forgive(&self, why: &str) {
        let mut ejection = self.health.ejection();
        *self.health.failures() = RecentFailures::default();
        ejection.forgive();
        self.readmit(why);
        self.health.look_at(&ejection);
    }

    fn call_down(&self, why: &str) -> bool {
        let change = self.transition(EndpointEvent::ProbesFailed(why));
        if let Some(change) = &change {
            let (upstream, endpoint, state) = (&self.upstream, &self.name, change.state.as_str());
            tracing::warn!(%upstream, %endpoint, state, cause = why, "an endpoint is down");
        }
        change.is_some()
    }

    fn call_up(&self, why: &str) -> bool {
        let change = self.transition(EndpointEvent::ProbesPassed);
        if let Some(change) = &change {
            let (upstream, endpoint, state) = (&self.upstream, &self.name, change.state.as_str());
            let (was, for_seconds) = ended(change.ended.as_ref());
            tracing::info!(%upstream, %endpoint, state, cause = why, was, for_seconds, "an endpoint is up again");
        }
        change.is_some()
    }

    fn eject(&self, why: &str, back_off: Duration) {
        if let Some(change) = self.transition(EndpointEvent::Ejected(why)) {
            let (upstream, endpoint, state) = (&self.upstream, &self.name, change.state.as_str());
            let trial_in_seconds = crate::drain::seconds(back_off);
            tracing::warn!(%upstream, %endpoint, state, cause = why, trial_in_seconds, "an endpoint is ejected");
        }
    }

    fn readmit(&self, why: &str) {
        if let Some(change) = self.transition(EndpointEvent::Readmitted) {
            let (upstream, endpoint, state) = (&self.upstream, &self.name, change.state.as_str());
            let (was, for_seconds) = ended(change.ended.as_ref());
            tracing::info!(%upstream, %endpoint, state, cause = why, was, for_seconds, "an endpoint is readmitted");
        }
    }
}

impl Trial {
    /// It failed: the endpoint stays ejected for longer, or is not ejected any more where nobody is.
    pub(super) fn fail(mut self, cause: &dyn Display, settings: Option<EjectSettings>) {
        let endpoint = &self.endpoint;
        let (Some(trial), Some(settings)) = (self.number.take(), settings) else { return endpoint.forgive(NOBODY) };
        let mut ejection = endpoint.health.ejection();
        let back_off = ejection.fail(trial, rule(settings), fastrand::f64(), Instant::now().into_std());
        if let Some(back_off) = back_off {
            endpoint.eject(&format!("its trial failed: {cause}"), back_off);
        }
    }
}

impl Drop for Trial {
    fn drop(&mut self) {
        if let Some(number) = self.number.take() {
            self.endpoint.health.ejection().give_back(number);
        }
    }
}

pub(super) fn rule(settings: EjectSettings) -> EjectionRule {
    let EjectSettings { after, first, most } = settings;
    EjectionRule { after, first, most }
}

/// Why it was so, and for how many seconds.
fn ended(ended: Option<&EndedCause>) -> (&str, u64) {
    ended.map_or(("", 0), |ended| (ended.why.as_str(), ended.lasted.as_secs()))
}

/// Why an endpoint is readmitted where the settings eject none.
const NOBODY: &str = "nobody is ejected any more";
