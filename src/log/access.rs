//! The access log: a line for each answer and each tunnel that has ended, for tools that read what other servers write.

use std::io;
use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use rustix::time::{ClockId, clock_gettime};
use tracing::Level;

use super::access_entry::AccessEntry;
use super::combined::{combined, json};
use super::log_file::LogFile;
use super::missing::ErrorKind;
use super::output::Output;
use super::trouble::Told;
use super::writer::Writer;
use crate::config::AccessFormat;

/// Where those lines go.
#[derive(Debug)]
pub struct AccessLog {
    format: AccessFormat,
    writer: Writer,
}

impl AccessLog {
    /// Lines of this format, to that file; what is dropped of them is counted there.
    ///
    /// # Errors
    /// There can be no more threads.
    pub fn start(format: AccessFormat, file: LogFile, dropped: Counter) -> io::Result<Self> {
        let writer = Writer::start(Told::InTheLog, Output::File(file))?;
        writer.queue().count_in(dropped);
        Ok(Self { format, writer })
    }

    /// Writes a line, or rather has it written.
    pub fn write(&self, entry: &AccessEntry<'_>) {
        let now = clock_gettime(ClockId::Realtime);
        let now = Duration::new(now.tv_sec.try_into().unwrap_or(0), now.tv_nsec.try_into().unwrap_or(0));
        let line = match self.format {
            AccessFormat::Combined => combined(entry, now),
            AccessFormat::Json => json(entry, now),
        };
        self.writer.queue().push(Level::INFO, line, ErrorKind::none);
    }

    /// Has the file opened again: somebody has moved it away.
    pub fn reopen(&self) {
        self.writer.reopen();
    }

    /// Waits until everything is written, but not for long.
    pub fn flush(&self) {
        self.writer.flush();
    }
}
