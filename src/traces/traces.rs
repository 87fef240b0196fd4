//! The owner of the task that exports, and of what it is told.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::delivery::Courier;
use super::exporter::Exporter;
use super::queue::{Entrance, queue};
use super::sampling::Sampling;
use super::tracer::Tracer;
use super::trouble::Trouble;
use crate::endpoint::Pool;
use crate::metrics::Metrics;
use crate::net::Network;
use crate::snapshot::{Collector, Snapshot};

/// Where spans go, as configurations say; they wait until exporting is allowed.
#[derive(Debug)]
pub struct Traces {
    queue: Entrance,
    collector: watch::Sender<Option<Arc<Collector>>>,
    is_ending: watch::Sender<bool>,
    metrics: Arc<Metrics>,
    task: Mutex<Task>,
}

#[derive(Debug)]
enum Task {
    /// It waits to be allowed to begin.
    Waits(Box<Exporter>),
    /// It begins when there is a collector: where traces are off there is no task.
    Allowed(Box<Exporter>),
    /// It exports.
    Runs(JoinHandle<()>),
    /// It has ended.
    Ended,
}

impl Traces {
    /// Those of a proxy in `network`, whose connections rest in `pool`.
    pub fn new(network: Network, pool: Arc<Pool>, metrics: Arc<Metrics>) -> Self {
        let (entrance, queue) = queue();
        let (collector, is_ending) = (watch::Sender::new(None), watch::Sender::new(false));
        let exporter = Exporter {
            queue,
            collector: collector.subscribe(),
            is_ending: is_ending.subscribe(),
            courier: Courier { network, pool },
            metrics: Arc::clone(&metrics),
            batch: Vec::new(),
            last: None,
            trouble: Trouble::default(),
        };
        let task = Mutex::new(Task::Waits(Box::new(exporter)));
        Self { queue: entrance, collector, is_ending, metrics, task }
    }

    /// Exports from now on, where there is a collector.
    pub fn begin(&self) {
        self.change(|task| match task {
            Task::Waits(exporter) => Task::Allowed(exporter),
            other => other,
        });
        self.run_where_collected();
    }

    fn run_where_collected(&self) {
        if self.collector.borrow().is_none() {
            return;
        }
        self.change(|task| match task {
            Task::Allowed(exporter) => Task::Runs(tokio::spawn(exporter.run())),
            other => other,
        });
    }

    /// `snapshot` is served: where spans go, and what sessions have of that; `None`: nowhere.
    pub fn follow(&self, snapshot: &Snapshot) -> Option<Arc<Tracer>> {
        let collector = snapshot.collector.as_ref();
        self.collector.send_if_modified(|now| {
            let is_same = now.as_ref().map(Arc::as_ptr) == collector.map(Arc::as_ptr);
            *now = collector.cloned();
            !is_same
        });
        let sampling = Sampling::new(&collector?.settings);
        self.run_where_collected();
        Some(Arc::new(Tracer::new(sampling, self.queue.clone(), Arc::clone(&self.metrics))))
    }

    /// Exports what there is, for no longer than this; then it has ended, and what is left is lost. Who waits no longer may flush once
    /// more, for less long.
    pub async fn flush(&self, within: Duration) {
        self.is_ending.send_replace(true);
        let Some(mut ending) = self.take_running() else { return };
        if let Some(running) = &mut ending.running
            && timeout(within, running).await.is_err()
            && let Some(running) = ending.running.take()
        {
            running.abort();
            // What it had is counted, and told, when it is dropped.
            let _ = running.await;
        }
        ending.running = None;
    }

    fn take_running(&self) -> Option<EndingTask<'_>> {
        let mut ending = None;
        self.change(|task| match task {
            Task::Runs(running) => {
                ending = Some(EndingTask { traces: self, running: Some(running) });
                Task::Ended
            }
            other => other,
        });
        ending
    }

    fn change(&self, change: impl FnOnce(Task) -> Task) {
        // Each change leaves it whole.
        let mut task = self.task.lock().unwrap_or_else(PoisonError::into_inner);
        let before = std::mem::replace(&mut *task, Task::Ended);
        *task = change(before);
    }
}

/// A task whose end is waited for; where that is given up, it runs still.
struct EndingTask<'t> {
    traces: &'t Traces,
    running: Option<JoinHandle<()>>,
}

impl Drop for EndingTask<'_> {
    fn drop(&mut self) {
        if let Some(running) = self.running.take() {
            self.traces.change(|_| Task::Runs(running));
        }
    }
}

impl Drop for Traces {
    fn drop(&mut self) {
        self.change(|task| {
            if let Task::Runs(running) = task {
                running.abort();
            }
            Task::Ended
        });
    }
}
