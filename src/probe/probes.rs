//! Which endpoints are probed: those of every upstream with `health`, as long as a configuration names them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::ArcSwap;
use tokio::sync::Semaphore;
use tokio::sync::mpsc::UnboundedSender;
use tokio::task::AbortHandle;

use super::asking::Subject;
use super::probe_verdict::ProbeVerdict;
use super::task::Probing;
use crate::config::HealthSettings;
use crate::drain::Incarnation;
use crate::health::Availability;
use crate::net::Network;
use crate::snapshot::{Endpoint, Snapshot, Upstream};

/// The owner of the tasks that probe; none before it is told to begin.
#[derive(Debug)]
pub struct Probes {
    network: Network,
    /// One for each probe that is under way.
    permits: Arc<Semaphore>,
    begun: Mutex<Option<Begun>>,
}

#[derive(Debug)]
struct Begun {
    tasks: HashMap<Incarnation, ProbeTask>,
    verdicts: UnboundedSender<ProbeVerdict>,
}

/// The task of one endpoint; it ends with its owner.
#[derive(Debug)]
struct ProbeTask {
    endpoint: Arc<Endpoint>,
    upstream: Arc<ArcSwap<Upstream>>,
    /// What it keeps to.
    health: HealthSettings,
    task: AbortHandle,
}

impl Probes {
    /// Those of a proxy in `network` that may open so many descriptors.
    pub fn new(network: Network, descriptors: usize) -> Self {
        let at_once = (descriptors / DESCRIPTORS_SHARE).clamp(FEWEST_AT_ONCE, MOST_AT_ONCE);
        Self { network, permits: Arc::new(Semaphore::new(at_once)), begun: Mutex::default() }
    }

    /// Probes from now on what `snapshot` names, and tells `verdicts` of each endpoint that goes down or comes up.
    pub fn begin(&self, snapshot: &Snapshot, verdicts: UnboundedSender<ProbeVerdict>) {
        *self.begun() = Some(Begun { tasks: HashMap::new(), verdicts });
        self.reconcile(snapshot);
    }

    /// `snapshot` is served: an endpoint that stays, under the same `health`, keeps its task. Where nothing is probed yet, nothing
    /// is.
    pub fn reconcile(&self, snapshot: &Snapshot) {
        let mut begun = self.begun();
        let Some(Begun { tasks, verdicts }) = &mut *begun else { return };
        let mut kept = HashMap::new();
        for upstream in snapshot.upstreams().values() {
            let Some(health) = &upstream.settings.health else { continue };
            for endpoint in upstream.endpoints() {
                let life = endpoint.life.incarnation;
                let task = tasks.remove(&life).filter(|task| task.health == *health);
                let task = task.unwrap_or_else(|| self.probe(endpoint, upstream, health, verdicts));
                task.upstream.store(Arc::clone(upstream));
                kept.insert(life, task);
            }
        }
        for ended in std::mem::replace(tasks, kept).into_values() {
            // Whatever is still to be told because it was down, is not.
            let endpoint = Arc::clone(&ended.endpoint);
            let _ = verdicts.send(ProbeVerdict { endpoint, availability: Availability::Up });
        }
    }

    /// Probes no more.
    pub fn end(&self) {
        *self.begun() = None;
    }

    fn probe(
        &self,
        endpoint: &Arc<Endpoint>,
        upstream: &Arc<Upstream>,
        health: &HealthSettings,
        verdicts: &UnboundedSender<ProbeVerdict>,
    ) -> ProbeTask {
        let (prober, availability) = endpoint.begin_probing();
        let upstream = Arc::new(ArcSwap::new(Arc::clone(upstream)));
        let subject = Subject {
            endpoint: Arc::clone(endpoint),
            upstream: Arc::clone(&upstream),
            health: health.clone(),
            network: self.network.clone(),
        };
        let (permits, verdicts) = (Arc::clone(&self.permits), verdicts.clone());
        let task = tokio::spawn(Probing { subject, prober, availability, permits, verdicts }.run());
        ProbeTask { endpoint: Arc::clone(endpoint), upstream, health: health.clone(), task: task.abort_handle() }
    }

    fn begun(&self) -> MutexGuard<'_, Option<Begun>> {
        // Each change leaves it whole.
        self.begun.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for ProbeTask {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Of all descriptors, this part is for probes.
const DESCRIPTORS_SHARE: usize = 64;
/// However few descriptors there are: one endpoint that does not answer must not keep the others waiting.
const FEWEST_AT_ONCE: usize = 8;
/// However many descriptors there are: thousands of endpoints that do not answer are no burst.
const MOST_AT_ONCE: usize = 256;

#[cfg(test)]
mod tests;
