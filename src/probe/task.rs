//! The task of one endpoint: probes it in turn, and tells what that makes of it.

use std::sync::Arc;

use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::{Semaphore, watch};
use tokio::time::{Instant, sleep_until};

use super::asking::Subject;
use super::failure::ProbeFailure;
use super::probe_verdict::ProbeVerdict;
use crate::health::{Availability, LastProbe, ProbeResult, Schedule, Thresholds, Verdict, WOKEN_APART};
use crate::snapshot::ProberNumber;

/// The task of one endpoint.
pub(super) struct Probing {
    pub(super) subject: Subject,
    pub(super) prober: ProberNumber,
    pub(super) availability: Availability,
    pub(super) permits: Arc<Semaphore>,
    pub(super) verdicts: UnboundedSender<ProbeVerdict>,
}

impl Probing {
    /// Probes until it is aborted.
    pub(super) async fn run(self) {
        let mut doubts = self.subject.endpoint.doubts();
        let schedule = Schedule { every: self.subject.health.every, fall: self.subject.health.fall };
        let mut verdict = Verdict::new(self.availability);
        let mut started = Instant::now();
        let mut next = started + schedule.first(fastrand::f64(), fastrand::f64());
        loop {
            due(started, next, verdict.availability(), &mut doubts).await;
            // It is never closed.
            let permit = self.permits.acquire().await;
            started = Instant::now();
            let probed = self.subject.probe().await;
            drop(permit);
            self.judge(&mut verdict, &probed);
            let is_refused = probed.as_ref().is_err_and(ProbeFailure::is_refused);
            let last = LastProbe { availability: verdict.availability(), is_refused };
            next = started + schedule.next(last, fastrand::f64());
        }
    }

    fn judge(&self, verdict: &mut Verdict, probed: &Result<(), ProbeFailure>) {
        let Subject { endpoint, upstream, health, .. } = &self.subject;
        let result = match probed {
            Ok(()) => ProbeResult::Passed,
            Err(failure) => {
                let upstream = &upstream.load().settings.name;
                tracing::debug!(%upstream, endpoint = %endpoint.name, %failure, "a probe did not pass");
                if !failure.is_its_fault() {
                    return;
                }
                ProbeResult::Failed
            }
        };
        endpoint.note_probe(result);
        let Some(availability) = verdict.note(result, Thresholds { rise: health.rise, fall: health.fall }) else {
            return;
        };
        let why = match probed {
            Ok(()) => "its probes pass".to_owned(),
            Err(failure) => failure.to_string(),
        };
        if endpoint.note_availability(self.prober, availability, &why) {
            // Whoever acts on it ends with the process.
            let _ = self.verdicts.send(ProbeVerdict { endpoint: Arc::clone(endpoint), availability });
        }
    }
}

/// Waits until a probe is due: at `next`, or sooner where a request finds that an endpoint that is up cannot be reached.
async fn due(started: Instant, next: Instant, availability: Availability, doubts: &mut watch::Receiver<()>) {
    if availability == Availability::Up {
        tokio::select! {
            biased;
            () = sleep_until(next) => return,
            // The sender is the endpoint, which is held.
            _ = doubts.changed() => {}
        }
        return sleep_until(next.min(started + WOKEN_APART)).await;
    }
    sleep_until(next).await;
}
