//! The access log: a line for each answer and each tunnel that has ended, for tools that read what other servers write.

use std::io;
use std::net::IpAddr;
use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use rustix::time::{ClockId, clock_gettime};
use tracing::Level;

use super::combined::{combined, json};
use super::log_file::LogFile;
use super::output::Output;
use super::trouble::Told;
use super::waiting::ErrorKind;
use super::writer::Writer;
use crate::config::AccessFormat;

/// Where those lines go.
#[derive(Debug)]
pub struct AccessLog {
    format: AccessFormat,
    writer: Writer,
}

/// What such a line says. Texts are a client's, and empty where it has said nothing.
#[derive(Debug)]
pub struct AccessEntry<'e> {
    /// Who has asked.
    pub client: IpAddr,
    /// How.
    pub method: &'e str,
    /// What for, without its query.
    pub path: &'e str,
    /// Of whom.
    pub host: &'e str,
    /// Such as `HTTP/1.1`.
    pub protocol: &'static str,
    /// What it was answered; `None` where it left before.
    pub status: Option<u16>,
    /// Bytes that it got: of the answer's body, or of the tunnel.
    pub bytes: u64,
    /// Bytes that came from it, in the same way.
    pub bytes_from_client: u64,
    /// The page that it came from, without its query.
    pub referer: &'e str,
    /// What it says of itself.
    pub user_agent: &'e str,
    /// How long it took.
    pub took: Duration,
    /// The name of the request.
    pub request_id: &'e str,
    /// The number of the tunnel, if it is one.
    pub tunnel: Option<u64>,
    /// Where it came in.
    pub listener: &'e str,
    /// The route that it took.
    pub route: Option<&'e str>,
    /// Who has answered.
    pub endpoint: Option<&'e str>,
    /// Why it was refused, if it was.
    pub refusal: Option<&'static str>,
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
        let no_error = || ErrorKind { place: module_path!(), message: String::new() };
        self.writer.queue().push(Level::INFO, line, no_error);
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
