//! Keeps the last good set of each source, in the background: the newest one, one file after the other.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::config::{SourceSettings, UpstreamName};
use crate::discovery::{EndpointSet, StateFiles};
use crate::process::FileWork;

/// Who writes sets to where they survive a restart.
#[derive(Debug)]
pub(super) struct Keeper {
    files: StateFiles,
    orders: Arc<Orders>,
    _task: JoinSet<()>,
}

/// What is to be written.
#[derive(Debug, Default)]
struct Orders {
    sets: Mutex<BTreeMap<UpstreamName, Order>>,
    upstreams: Mutex<Option<Vec<UpstreamName>>>,
    /// Changes with them.
    changed: watch::Sender<()>,
}

#[derive(Clone, Debug)]
struct Order {
    source: SourceSettings,
    set: EndpointSet,
    /// When it was ordered.
    at: Instant,
    is_written: bool,
}

impl Keeper {
    /// One that writes to `files`: this one, if it does.
    pub(super) fn writing_to(files: StateFiles, before: Option<Self>) -> Self {
        if let Some(before) = before.filter(|before| before.files == files) {
            return before;
        }
        let (orders, mut task) = (Arc::<Orders>::default(), JoinSet::new());
        task.spawn(write_on(files.clone(), Arc::clone(&orders), orders.changed.subscribe()));
        Self { files, orders, _task: task }
    }

    /// `source` names this set now. The same again is written only now and then, for its age.
    pub(super) fn keep(&self, upstream: &UpstreamName, source: &SourceSettings, set: &EndpointSet) {
        let mut sets = locked(&self.orders.sets);
        let is_known = |order: &Order| order.source == *source && order.set == *set && order.at.elapsed() < AGAIN_AFTER;
        if sets.get(upstream).is_some_and(is_known) {
            return;
        }
        let order = Order { source: source.clone(), set: set.clone(), at: Instant::now(), is_written: false };
        sets.insert(upstream.clone(), order);
        self.orders.changed.send_replace(());
    }

    /// Forgets what was kept of all upstreams but these.
    pub(super) fn forget_all_but(&self, upstreams: Vec<UpstreamName>) {
        locked(&self.orders.sets).retain(|upstream, _| upstreams.contains(upstream));
        *locked(&self.orders.upstreams) = Some(upstreams);
        self.orders.changed.send_replace(());
    }
}

async fn write_on(files: StateFiles, orders: Arc<Orders>, mut changed: watch::Receiver<()>) {
    // Its own: a disk that hangs holds up no reload.
    let threads = FileWork::default();
    let mut is_failing = false;
    // The sender lives as long as this.
    while changed.changed().await.is_ok() {
        let (sets, kept) = orders.take();
        let of: Vec<_> = sets.iter().map(|(upstream, _)| upstream.clone()).collect();
        let (files, all) = (files.clone(), kept.clone());
        let written = match threads.begin(move || write(&files, &sets, all)) {
            Ok(mut writing) => writing.done().await.map_err(|held| held.to_string()),
            Err(held) => Err(held.to_string()),
        };
        let failures = written.unwrap_or_else(|held| Failures {
            sets: of.into_iter().map(|upstream| (upstream, held.clone())).collect(),
            forgetting: Some(held),
        });
        if let Some(error) = failures.first().filter(|_| !is_failing) {
            tracing::warn!(error, "the endpoints of sources are not kept for the next start (`state_folder`)");
        }
        is_failing = failures.first().is_some();
        orders.put_back(failures, kept);
    }
}

/// What could not be written, and why.
#[derive(Debug, Default)]
struct Failures {
    sets: Vec<(UpstreamName, String)>,
    forgetting: Option<String>,
}

impl Failures {
    fn first(&self) -> Option<&str> {
        self.sets.first().map(|(_, error)| error).or(self.forgetting.as_ref()).map(String::as_str)
    }
}

/// Does all of it that can be done: what fails for one upstream is no other's loss.
fn write(files: &StateFiles, sets: &[(UpstreamName, Order)], kept: Option<Vec<UpstreamName>>) -> Failures {
    let keep = |(upstream, Order { source, set, .. }): &(UpstreamName, Order)| {
        let error = files.keep(upstream, source, set).err()?;
        Some((upstream.clone(), format!("upstream {upstream}: {error}")))
    };
    let sets = sets.iter().filter_map(keep).collect();
    let forget = |kept: Vec<UpstreamName>| {
        files.forget_all_but(|name| kept.iter().any(|upstream| upstream.as_str() == name)).err()
    };
    Failures { sets, forgetting: kept.and_then(forget).map(|error| error.to_string()) }
}

impl Orders {
    /// What is to be written now: the sets, and whose are to be left where others are to be forgotten.
    fn take(&self) -> (Vec<(UpstreamName, Order)>, Option<Vec<UpstreamName>>) {
        let mut sets = locked(&self.sets);
        let waiting = sets.iter_mut().filter(|(_, order)| !order.is_written);
        let taken = waiting.map(|(upstream, order)| {
            order.is_written = true;
            (upstream.clone(), order.clone())
        });
        (taken.collect(), locked(&self.upstreams).take())
    }

    /// The same again is news for those that have failed; `kept` is to be left still, unless others are by now.
    fn put_back(&self, failures: Failures, kept: Option<Vec<UpstreamName>>) {
        let mut sets = locked(&self.sets);
        for (upstream, _) in &failures.sets {
            if sets.get(upstream).is_some_and(|order| order.is_written) {
                sets.remove(upstream);
            }
        }
        if failures.forgetting.is_some() {
            let mut upstreams = locked(&self.upstreams);
            *upstreams = upstreams.take().or(kept);
        }
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Each change leaves it whole.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// After so long the same set is written again: what is read at a start says how old it is, give or take this.
const AGAIN_AFTER: Duration = Duration::from_secs(600);

#[cfg(test)]
mod tests {
    use std::fs;

    use tokio::time::sleep;

    use super::*;
    use crate::config::{EndpointRole, SourceKind, parse_endpoint};

    /// Waits, as long as a test may, until there is such a file.
    async fn is_there(path: &std::path::Path) {
        let until = Instant::now() + Duration::from_secs(20);
        while !path.exists() {
            assert!(Instant::now() < until, "{} is not written", path.display());
            sleep(Duration::from_millis(5)).await;
        }
    }

    #[tokio::test]
    async fn what_cannot_be_written_of_one_upstream_is_no_loss_of_another() {
        let folder = tempfile::tempdir().unwrap();
        let file = |upstream: &str| folder.path().join(format!("endpoints-{upstream}.json"));
        fs::create_dir(file("a")).unwrap();
        let keeper = Keeper::writing_to(StateFiles::new(folder.path().to_owned()), None);
        let from = SourceKind::Dns { host: "app".into(), port: 80 };
        let source = SourceSettings { from, servers: Vec::new(), min_endpoints: 1, no_unix: None };
        let endpoint = parse_endpoint("10.0.0.1:80", None, None, EndpointRole::Ready).unwrap();
        let set = EndpointSet::new(vec![endpoint]).unwrap();
        for upstream in ["a", "b"] {
            keeper.keep(&upstream.into(), &source, &set);
        }
        is_there(&file("b")).await;
        fs::remove_file(file("b")).unwrap();
        fs::remove_dir(file("a")).unwrap();
        // Said again, the one is news and the other is not.
        let until = Instant::now() + Duration::from_secs(20);
        while !file("a").exists() {
            assert!(Instant::now() < until, "what failed is not tried again");
            for upstream in ["a", "b"] {
                keeper.keep(&upstream.into(), &source, &set);
            }
            sleep(Duration::from_millis(5)).await;
        }
        assert!(!file("b").exists(), "what was written is written once more");
    }
}
