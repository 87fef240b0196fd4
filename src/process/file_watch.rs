//! Sees when one of some files becomes another one.
//!
//! Folders are watched and not files: a file that is replaced by renaming, or by swapping a link on its way (as Kubernetes
//! does with a ConfigMap), is never written to. What happens in a folder is only a hint; what counts is whether one of the
//! files is another one than before.

use std::collections::BTreeSet;
use std::fs;
use std::future::pending;
use std::path::PathBuf;
use std::time::Duration;

use notify::{RecommendedWatcher, RecursiveMode, Watcher};
use thiserror::Error;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until, timeout_at};

use super::file_work::{FileTask, FileWork, FileWorkError};
use super::fingerprints::Fingerprints;

/// For so long nothing must happen before the files are looked at: who writes one file mostly writes another.
const QUIET: Duration = Duration::from_millis(250);
/// Even if something happens without end, the files are looked at after so long.
const MOST: Duration = Duration::from_secs(2);

/// The files that are watched, if any are.
#[derive(Debug)]
pub struct FileWatch<T = fn(&WatchError)> {
    watcher: Option<RecommendedWatcher>,
    hints: watch::Receiver<u64>,
    sender: watch::Sender<u64>,
    /// Since when there is a hint that was not followed.
    hinted: Option<Instant>,
    /// What was read last, of the files that are watched.
    read: Fingerprints,
    /// Where files are looked at.
    files: FileWork,
    /// What is under way there.
    at_work: Option<WatchTask>,
    /// Who is told that changes may go unseen, and why.
    on_trouble: T,
}

/// Why changes may go unseen.
#[derive(Debug, Error)]
pub enum WatchError {
    /// What the system says of the watching.
    #[error(transparent)]
    System(#[from] notify::Error),
    /// The files cannot be looked at.
    #[error(transparent)]
    Files(#[from] FileWorkError),
}

/// What is done on another thread.
#[derive(Debug)]
enum WatchTask {
    /// The watching begins.
    Starting(FileTask<Started>),
    /// The files are looked at.
    Looking(FileTask<Fingerprints>),
}

/// The watching has begun.
#[derive(Debug)]
struct Started {
    watcher: notify::Result<RecommendedWatcher>,
    /// That not every folder is watched.
    incomplete: Option<notify::Error>,
    read: Fingerprints,
}

impl<T: FnMut(&WatchError)> FileWatch<T> {
    /// Watches nothing yet; `read` is what was read first, and `on_trouble` hears that changes may go unseen.
    pub fn new(read: Fingerprints, files: FileWork, on_trouble: T) -> Self {
        let (sender, hints) = watch::channel(0);
        Self { watcher: None, hints, sender, hinted: None, read, files, at_work: None, on_trouble }
    }

    /// Something else was read, whatever became of it.
    pub fn note_read(&mut self, read: Fingerprints) {
        self.read.update(read);
    }

    /// Watches these files from now on, and no others.
    pub fn follow(&mut self, files: BTreeSet<PathBuf>) {
        let (read, sender) = (self.read.clone(), self.sender.clone());
        self.at_work = match self.files.begin(move || start(&files, read, sender)) {
            Ok(starting) => Some(WatchTask::Starting(starting)),
            Err(held) => {
                (self.on_trouble)(&held.into());
                None
            }
        };
    }

    /// Watches nothing from now on.
    pub fn rest(&mut self) {
        (self.watcher, self.hinted, self.at_work, self.read) = (None, None, None, Fingerprints::default());
    }

    /// Waits until one of the files is another one.
    ///
    /// Cancel safe: a change that was not returned is returned by the next call.
    pub async fn changed(&mut self) {
        loop {
            if self.work_done().await {
                return;
            }
            let since = match self.hinted {
                Some(since) => since,
                None => {
                    if self.hints.changed().await.is_err() {
                        pending::<()>().await;
                    }
                    *self.hinted.insert(Instant::now())
                }
            };
            self.settle(since).await;
            self.hinted = None;
            let mut read = self.read.clone();
            let look = move || {
                read.look();
                read
            };
            match self.files.begin(look) {
                Ok(looking) => self.at_work = Some(WatchTask::Looking(looking)),
                Err(held) => (self.on_trouble)(&held.into()),
            }
        }
    }

    /// The files are looked at soon, though nobody told of a change.
    fn note_hint(&mut self) {
        self.hinted.get_or_insert_with(Instant::now);
    }

    /// Waits for what is done on another thread, if anything is; whether it has found another file.
    async fn work_done(&mut self) -> bool {
        match &mut self.at_work {
            None => false,
            Some(WatchTask::Starting(starting)) => {
                let started = starting.done().await;
                self.at_work = None;
                match started {
                    Ok(started) => self.note_started(started),
                    Err(held) => (self.on_trouble)(&held.into()),
                }
                false
            }
            Some(WatchTask::Looking(looking)) => {
                let looked = looking.done().await;
                self.at_work = None;
                match looked {
                    Ok(read) => {
                        let has_changed = read != self.read;
                        self.read = read;
                        has_changed
                    }
                    Err(held) => {
                        (self.on_trouble)(&held.into());
                        false
                    }
                }
            }
        }
    }

    fn note_started(&mut self, started: Started) {
        let Started { watcher, incomplete, read } = started;
        let failed = match watcher {
            Ok(watcher) => {
                self.watcher = Some(watcher);
                incomplete
            }
            Err(error) => Some(error),
        };
        if let Some(error) = failed {
            (self.on_trouble)(&error.into());
        }
        self.read = read;
        // Between the reading and the watching nobody told of a change.
        self.note_hint();
    }

    async fn settle(&mut self, since: Instant) {
        let latest = since + MOST;
        loop {
            let quiet = (Instant::now() + QUIET).min(latest);
            match timeout_at(quiet, self.hints.changed()).await {
                Ok(Ok(())) if Instant::now() < latest => {}
                Ok(Err(_)) => return sleep_until(quiet).await,
                Ok(Ok(())) | Err(_) => return,
            }
        }
    }
}

/// Watches the folders of `files`, and where those are links, of what they lead to.
fn start(files: &BTreeSet<PathBuf>, mut read: Fingerprints, hints: watch::Sender<u64>) -> Started {
    let mut incomplete = None;
    let watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
        // That we read a file ourselves is no news. An error may have swallowed some.
        if !event.is_ok_and(|event| event.kind.is_access()) {
            hints.send_modify(|count| *count = count.wrapping_add(1));
        }
    });
    let watcher = watcher.map(|mut watcher| {
        let targets = files.iter().filter_map(|file| fs::canonicalize(file).ok());
        let all: Vec<_> = files.iter().cloned().chain(targets).collect();
        let folders: BTreeSet<_> = all.iter().filter_map(|file| file.parent()).collect();
        let watched = folders.into_iter().map(|folder| watcher.watch(folder, RecursiveMode::NonRecursive));
        incomplete = watched.fold(Ok(()), notify::Result::and).err();
        watcher
    });
    read.keep(files);
    Started { watcher, incomplete, read }
}
