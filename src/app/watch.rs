//! Sees when the configuration file, or a certificate that it names, becomes another one.
//!
//! Folders are watched and not files: a file that is replaced by renaming, or by swapping a link on its way (as Kubernetes
//! does with a ConfigMap), is never written to. What happens in a folder is only a hint; what counts is whether one of the
//! files is another one than before.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::future::pending;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use notify::{RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until, timeout_at};

use crate::config::Settings;

/// For so long nothing must happen before the files are looked at: who writes one file mostly writes another.
const QUIET: Duration = Duration::from_millis(250);
/// Even if something happens without end, the files are looked at after so long.
const MOST: Duration = Duration::from_secs(2);

/// What is watched; nothing, where `watch` is off.
#[derive(Debug)]
pub(super) struct Watch {
    watcher: Option<RecommendedWatcher>,
    hints: watch::Receiver<u64>,
    sender: watch::Sender<u64>,
    /// Since when there is a hint that was not followed.
    hinted: Option<Instant>,
    files: BTreeMap<PathBuf, Option<Print>>,
}

/// What tells a file from the one that was there before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Print {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
}

impl Watch {
    /// Watches nothing yet.
    pub(super) fn new() -> Self {
        let (sender, hints) = watch::channel(0);
        Self { watcher: None, hints, sender, hinted: None, files: BTreeMap::new() }
    }

    /// Watches what `settings`, which were read from `file`, stand for; or nothing, where they say so.
    pub(super) fn follow(&mut self, file: &Path, settings: &Settings) {
        if !settings.watch {
            (self.watcher, self.hinted) = (None, None);
            self.files.clear();
            return;
        }
        let tls = settings.listeners.values().filter_map(|listener| listener.tls.as_ref());
        let certificates = tls.flat_map(|tls| &tls.certificates).flat_map(|it| [&it.chain, &it.key]);
        let files: BTreeSet<_> = certificates.map(PathBuf::as_path).chain([file]).map(Path::to_owned).collect();
        if let Err(error) = self.watch(&files) {
            tracing::warn!(%error, "`watch`: changes of the configuration may go unseen; SIGHUP and `windlass reload` still reload");
        }
        // What is known already keeps its print: it may have changed since it was read.
        let known = std::mem::take(&mut self.files);
        let print = |file: PathBuf| {
            let print = known.get(&file).copied().unwrap_or_else(|| Print::of(&file));
            (file, print)
        };
        self.files = files.into_iter().map(print).collect();
    }

    /// Waits until one of the files is another one.
    ///
    /// Cancel safe: a change that was not returned is returned by the next call.
    pub(super) async fn changed(&mut self) {
        loop {
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
            if self.look() {
                return;
            }
        }
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

    /// Looks at the files; whether one is another one than at the last look.
    fn look(&mut self) -> bool {
        let mut changed = false;
        for (file, print) in &mut self.files {
            let now = Print::of(file);
            changed |= now != *print;
            *print = now;
        }
        changed
    }

    /// Watches the folders of `files`, and where those are links, of what they lead to.
    fn watch(&mut self, files: &BTreeSet<PathBuf>) -> notify::Result<()> {
        let sender = self.sender.clone();
        let mut watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            // That we read a file ourselves is no news. An error may have swallowed some.
            if !event.is_ok_and(|event| event.kind.is_access()) {
                sender.send_modify(|count| *count = count.wrapping_add(1));
            }
        })?;
        let targets = files.iter().filter_map(|file| fs::canonicalize(file).ok());
        let all: Vec<_> = files.iter().cloned().chain(targets).collect();
        let folders: BTreeSet<_> = all.iter().filter_map(|file| file.parent()).collect();
        let watched = folders.into_iter().map(|folder| watcher.watch(folder, RecursiveMode::NonRecursive));
        let result = watched.fold(Ok(()), notify::Result::and);
        self.watcher = Some(watcher);
        result
    }
}

impl Print {
    /// That of the file that `path` leads to; `None` where there is none.
    fn of(path: &Path) -> Option<Self> {
        let metadata = fs::metadata(path).ok()?;
        Some(Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            size: metadata.size(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
        })
    }
}
