//! What only the one who runs the process knows, noted for those who look in.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::time::Instant;

use super::reload_notes::{ReloadNote, ReloadNotes, ReloadOutcome};
use crate::admin::wire::{LogLevelStatus, NotedLevel};
use crate::config::ListenerName;
use crate::process::unix_seconds;

/// What is noted.
#[derive(Debug)]
pub struct Notes {
    /// When the process began to serve.
    pub since: Instant,
    /// The same, in seconds since 1970.
    pub since_unix_seconds: u64,
    /// The file that a reload reads.
    pub file: Option<PathBuf>,
    changing: Mutex<Changing>,
}

#[derive(Debug, Default)]
struct Changing {
    listeners: Vec<(ListenerName, SocketAddr)>,
    log_level: Option<NotedLevel>,
    reloads: ReloadNotes,
}

impl Notes {
    /// The notes of a process that begins to serve now.
    pub fn new(file: Option<PathBuf>) -> Self {
        Self { since: Instant::now(), since_unix_seconds: unix_seconds(), file, changing: Mutex::default() }
    }

    /// Notes where the listeners are reached.
    pub fn note_listeners(&self, listeners: Vec<(ListenerName, SocketAddr)>) {
        self.changing().listeners = listeners;
    }

    /// Notes what became of a reload.
    pub fn note_reload(&self, outcome: ReloadOutcome) {
        self.changing().reloads.note(outcome);
    }

    /// Notes which lines are written.
    pub fn note_log_level(&self, level: NotedLevel) {
        self.changing().log_level = Some(level);
    }

    /// Which lines are written; `None` before anybody has noted it.
    pub fn log_level(&self) -> Option<LogLevelStatus> {
        self.changing().log_level.as_ref().map(NotedLevel::status)
    }

    /// Where the listeners are reached.
    pub fn listeners(&self) -> Vec<(ListenerName, SocketAddr)> {
        self.changing().listeners.clone()
    }

    /// Why the last reload was refused.
    pub fn last_refusal(&self) -> Option<String> {
        self.changing().reloads.last_refusal()
    }

    /// The last reloads, the oldest first.
    pub fn reloads(&self) -> Vec<ReloadNote> {
        self.changing().reloads.all()
    }

    fn changing(&self) -> MutexGuard<'_, Changing> {
        // A panic while it was held leaves it whole: each change is one call.
        self.changing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
