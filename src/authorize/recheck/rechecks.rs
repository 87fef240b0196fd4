//! Who owns the questions about open tunnels, and the task that asks them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::task::AbortHandle;

use super::asking_route::AskingRoute;
use super::good::Good;
use super::shared::Shared;
use super::task;
use crate::authorize::question::Question;
use crate::config::RouteName;
use crate::drain::TunnelHandle;
use crate::endpoint::Pool;
use crate::metrics::Metrics;
use crate::net::Network;
use crate::snapshot::Snapshot;

/// The questions about open tunnels. The task that asks them begins with the first tunnel, on its worker, and ends with this.
#[derive(Debug)]
pub struct Rechecks {
    shared: Arc<Shared>,
    task: Mutex<Option<AbortHandle>>,
}

/// What a request had to ask, and was told, before it became a tunnel.
#[derive(Clone, Debug)]
pub struct Permitted {
    /// The question.
    pub question: Arc<Question>,
    /// The answer.
    pub good: Good,
}

/// A tunnel about which a server is asked again, as long as this lives.
#[derive(Debug)]
pub struct Watched {
    shared: Arc<Shared>,
    place: (u64, usize),
}

impl Rechecks {
    /// Those of a proxy in `network`, whose connections rest in `pool`.
    pub fn new(network: Network, pool: Arc<Pool>, metrics: Arc<Metrics>) -> Self {
        Self { shared: Arc::new(Shared::new(network, pool, metrics)), task: Mutex::default() }
    }

    /// `snapshot` is served: its routes ask from now on as they say.
    pub fn reconcile(&self, snapshot: &Snapshot) {
        let asking = snapshot.routes().values().filter_map(|route| {
            let server = Arc::clone(route.doors.auth_server.as_ref()?);
            Some((route.settings.name.clone(), AskingRoute { settings: Arc::clone(&route.settings), server }))
        });
        self.shared.book().keep_to(asking.collect::<HashMap<_, _>>());
        self.shared.note_changed();
    }

    /// Asks again about a tunnel of this route; `None` where that does not want it.
    pub fn watch(&self, route: &RouteName, permitted: Permitted, tunnel: &Arc<TunnelHandle>) -> Option<Watched> {
        let Permitted { question, good } = permitted;
        let key = (route.clone(), self.shared.hash(&question));
        let place = self.shared.book().join(key, question, good, Arc::clone(tunnel))?;
        let watched = Watched { shared: Arc::clone(&self.shared), place };
        let mut task = self.task.lock().unwrap_or_else(PoisonError::into_inner);
        if task.as_ref().is_none_or(AbortHandle::is_finished) {
            *task = Some(tokio::spawn(task::run(Arc::clone(&self.shared))).abort_handle());
        }
        drop(task);
        self.shared.note_changed();
        Some(watched)
    }
}

impl Drop for Rechecks {
    fn drop(&mut self) {
        let task = self.task.get_mut().unwrap_or_else(PoisonError::into_inner);
        if let Some(task) = task {
            task.abort();
        }
    }
}

impl Watched {
    /// What it is permitted by now, by the last good answer; `None` where nobody asks any more, and its end is its
    /// [permit's](crate::access::Permit) alone.
    pub fn permitted(&self) -> Option<Permitted> {
        let (question, good) = self.shared.book().last_good(self.place.0)?;
        Some(Permitted { question, good })
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.shared.book().leave(self.place);
    }
}
