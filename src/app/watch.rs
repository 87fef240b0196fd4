//! Sees when the configuration file, or a file that it names, becomes another one.
//!
//! Folders are watched and not files: a file that is replaced by renaming, or by swapping a link on its way (as Kubernetes
//! does with a ConfigMap), is never written to. What happens in a folder is only a hint; what counts is whether one of the
//! files is another one than before.

use std::collections::BTreeSet;
use std::fs;
use std::future::pending;
use std::path::{Path, PathBuf};
use std::time::Duration;

use notify::{RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until, timeout_at};

use super::file_work::{FileTask, FileWork};
use super::fingerprints::Fingerprints;
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
    /// What was read last, of the files that are watched.
    read: Fingerprints,
    /// Where files are looked at.
    files: FileWork,
    /// What is under way there.
    at_work: Option<WatchTask>,
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

impl Watch {
    /// Watches nothing yet; `read` is what the first configuration was read from.
    pub(super) fn new(read: Fingerprints, files: FileWork) -> Self {
        let (sender, hints) = watch::channel(0);
        Self { watcher: None, hints, sender, hinted: None, read, files, at_work: None }
    }

    /// Something else was read, whatever became of it.
    pub(super) fn note_read(&mut self, read: Fingerprints) {
        self.read.update(read);
    }

    /// Watches what `settings`, which were read from `file`, stand for; or nothing, where they say so.
    pub(super) fn follow(&mut self, file: &Path, settings: &Settings) {
        if !settings.watch {
            (self.watcher, self.hinted, self.at_work, self.read) = (None, None, None, Fingerprints::default());
            return;
        }
        let files: BTreeSet<_> = settings.named_files().paths().chain([file]).map(Path::to_owned).collect();
        let (read, sender) = (self.read.clone(), self.sender.clone());
        self.at_work = match self.files.begin(move || start(&files, read, sender)) {
            Ok(starting) => Some(WatchTask::Starting(starting)),
            Err(held) => {
                warn(&held);
                None
            }
        };
    }

    /// Waits until one of the files is another one.
    ///
    /// Cancel safe: a change that was not returned is returned by the next call.
    pub(super) async fn changed(&mut self) {
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
                Err(held) => warn(&held),
            }
        }
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
                    Err(held) => warn(&held),
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
                        warn(&held);
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
            warn(&error);
        }
        self.read = read;
        // Between the reading and the watching nobody told of a change.
        self.hinted.get_or_insert_with(Instant::now);
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

fn warn(error: &dyn std::error::Error) {
    tracing::warn!(%error, "`watch`: changes of the configuration may go unseen; SIGHUP and `windlass reload` still reload");
}

#[cfg(test)]
mod tests {
    use super::super::Loaded;
    use super::*;

    const CONFIG: &str = "\
        watch = true\n\
        [listener.public]\nbind = \"127.0.0.1:0\"\ntls = { chain = \"chain.pem\", key = \"key.pem\" }\n\
        [route.r]\nupstream = \"u\"\n\
        [upstream.u]\nendpoints = [\"127.0.0.1:9\"]\n";

    /// What is seen of what happens to a file between its reading and the first look.
    async fn sees(change: impl FnOnce(&Path)) -> bool {
        let folder = tempfile::tempdir().unwrap();
        let at = |name| folder.path().join(name);
        let made = rcgen::generate_simple_self_signed(vec!["a.example".to_owned()]).unwrap();
        fs::write(at("key.pem"), made.signing_key.serialize_pem()).unwrap();
        fs::write(at("chain.pem"), made.cert.pem()).unwrap();
        fs::write(at("windlass.toml"), CONFIG).unwrap();
        let mut loaded = Loaded::read_file(&at("windlass.toml")).unwrap();

        change(folder.path());

        let mut watch = Watch::new(Fingerprints::default(), FileWork::default());
        watch.note_read(loaded.take_fingerprints());
        watch.follow(&at("windlass.toml"), loaded.settings());
        // The clock stands still: this is no limit, but whether anything is left to be waited for.
        timeout_at(Instant::now() + 2 * MOST, watch.changed()).await.is_ok()
    }

    #[tokio::test(start_paused = true)]
    async fn a_change_since_the_reading_is_seen_though_nobody_tells_of_it() {
        for file in ["windlass.toml", "chain.pem", "key.pem"] {
            assert!(sees(|folder| fs::write(folder.join(file), "another one").unwrap()).await, "{file}");
        }
        assert!(!sees(|_| {}).await);
        assert!(!sees(|folder| fs::write(folder.join("other.toml"), "not ours").unwrap()).await);
    }
}
