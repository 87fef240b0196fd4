//! Which keys are fetched: those of every route that names a URL, as long as a configuration has it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::task::AbortHandle;

use super::fetch::Fetcher;
use super::task;
use crate::config::RouteName;
use crate::endpoint::Pool;
use crate::net::Network;
use crate::snapshot::{KeySource, Snapshot};

/// The owner of the tasks that fetch; none before it is told to begin.
#[derive(Debug)]
pub struct KeyFetches {
    fetcher: Fetcher,
    begun: Mutex<Option<HashMap<RouteName, FetchTask>>>,
}

/// The task of one source; it ends with its owner.
#[derive(Debug)]
struct FetchTask {
    source: Arc<KeySource>,
    task: AbortHandle,
}

impl KeyFetches {
    /// Those of a proxy in `network`, whose connections rest in `pool`.
    pub fn new(network: Network, pool: Arc<Pool>) -> Self {
        Self { fetcher: Fetcher { network, pool }, begun: Mutex::default() }
    }

    /// Fetches from now on what `snapshot` names.
    pub fn begin(&self, snapshot: &Snapshot) {
        self.begun().get_or_insert_default();
        self.reconcile(snapshot);
    }

    /// `snapshot` is served: a source that stays keeps its task and what it has fetched. Where nothing is fetched yet, nothing is.
    pub fn reconcile(&self, snapshot: &Snapshot) {
        let mut begun = self.begun();
        let Some(tasks) = &mut *begun else { return };
        let mut before = std::mem::take(tasks);
        for (route, source) in snapshot.key_sources() {
            let settings = route.settings.access.jwt.as_ref().and_then(|jwt| jwt.keys.fetched());
            settings.into_iter().for_each(|settings| source.keep_to(settings));
            let name = &route.settings.name;
            let same = before.remove(name).filter(|task| Arc::ptr_eq(&task.source, source));
            tasks.insert(name.clone(), same.unwrap_or_else(|| self.fetch(name, source)));
        }
    }

    fn fetch(&self, route: &RouteName, source: &Arc<KeySource>) -> FetchTask {
        let fetching = task::run(route.clone(), Arc::clone(source), self.fetcher.clone());
        FetchTask { source: Arc::clone(source), task: tokio::spawn(fetching).abort_handle() }
    }

    fn begun(&self) -> MutexGuard<'_, Option<HashMap<RouteName, FetchTask>>> {
        // Each change leaves it whole.
        self.begun.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for FetchTask {
    fn drop(&mut self) {
        self.task.abort();
    }
}
