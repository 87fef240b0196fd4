//! What operators order of the log: its level for a while, and its files opened again.

use std::time::Duration;

use super::control::Control;
use crate::admin::{CommandError, LogLevelStatus, Reply};
use crate::config::LogLevel;
use crate::process::ask_to_reopen_log;

impl Control {
    pub(super) fn set_log_level(&mut self, level: LogLevel, time: Option<Duration>, reply: Reply<LogLevelStatus>) {
        let ordered = self.log.level.order(level, time).map_err(|error| CommandError::Refused(error.to_string()));
        self.notes.note_log_level(self.log.level.noted());
        // Whoever asked may have left.
        let _ = reply.send(ordered.map(|()| self.log.level.noted().status()));
    }

    pub(super) fn end_log_level(&mut self) {
        self.log.level.end_order();
        self.notes.note_log_level(self.log.level.noted());
    }

    /// Those that handed over write to the same files, and perhaps nobody else tells them.
    pub(super) fn reopen_log(&self) {
        self.log.reopen();
        for predecessor in self.running.predecessors.list() {
            if let Err(error) = ask_to_reopen_log(predecessor.pid) {
                tracing::warn!(predecessor = predecessor.pid, %error, "a process that handed over is not told to open its log again");
            }
        }
    }
}
