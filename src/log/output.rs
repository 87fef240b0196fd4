//! What lines are written to: standard error, a file, or the journal; and which failures are worth waiting for.

use std::fmt;
use std::io::{self, Write};
use std::time::Duration;

use rustix::io::Errno;

use super::journal::{Journal, is_too_large, is_without_memory};
use super::log_file::{LogFile, Reopened};

/// What lines are written to.
pub enum Output {
    /// Standard error, or whatever else is there for as long as the process.
    Stream(Box<dyn Write + Send>),
    /// A file of our own.
    File(LogFile),
    /// The journal of systemd.
    Journal(Journal),
}

/// What is to be done after a failure to write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AfterFailure {
    /// Try again: it was waited for already.
    AtOnce,
    /// Try again soon: somebody does not keep up.
    Soon,
    /// Try again after a while: something is wrong, and may be mended.
    Later,
    /// Nobody will ever read it.
    GiveUp,
    /// The line at hand is never taken; what comes behind it may be.
    Skip,
}

impl Output {
    /// Opens again what somebody may have moved away.
    pub(super) fn reopen(&mut self) -> io::Result<Reopened> {
        match self {
            Self::File(file) => file.reopen(),
            Self::Stream(_) | Self::Journal(_) => Ok(Reopened::TheSame),
        }
    }

    /// Whether a failure to write will pass.
    pub(super) fn after(&self, error: &io::Error) -> AfterFailure {
        // What standard error goes to may be a file, on a disk that is full or on the other side of a network.
        let may_pass = [Errno::NOSPC, Errno::DQUOT, Errno::FBIG, Errno::TIMEDOUT]
            .iter()
            .any(|passing| error.raw_os_error() == Some(passing.raw_os_error()));
        match self {
            // It says so itself. What a file system says has taken its own time, or none.
            Self::Stream(_) if error.kind() == io::ErrorKind::TimedOut && !may_pass => AfterFailure::AtOnce,
            // Somebody else has taken the room of this pipe or terminal, or wants never to wait for it.
            _ if error.kind() == io::ErrorKind::WouldBlock => AfterFailure::Soon,
            Self::Stream(_) if !may_pass => AfterFailure::GiveUp,
            Self::Journal(_) if is_without_memory(error) => AfterFailure::Soon,
            Self::Journal(_) if is_too_large(error) => AfterFailure::Skip,
            Self::Stream(_) | Self::File(_) | Self::Journal(_) => AfterFailure::Later,
        }
    }
}

impl Write for Output {
    /// Writes as much as goes; of what the journal reads, one record.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Stream(stream) => stream.write(bytes),
            Self::File(file) => file.write(bytes),
            Self::Journal(journal) => journal.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl fmt::Display for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stream(_) => f.write_str("standard error"),
            Self::File(file) => file.path().display().fmt(f),
            Self::Journal(_) => f.write_str("the journal"),
        }
    }
}

impl fmt::Debug for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// How long until the next try where something is wrong.
pub(super) const LATER: Duration = Duration::from_millis(250);
/// How long until the next try where somebody does not keep up.
pub(super) const SOON: Duration = Duration::from_millis(10);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_stream_that_has_waited_itself_is_tried_again_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let file = Output::File(LogFile::open(folder.path().join("log")).unwrap());
        let stream = Output::Stream(Box::new(io::sink()));
        let of_a_file_system = || io::Error::from(Errno::TIMEDOUT);
        assert_eq!(stream.after(&io::ErrorKind::TimedOut.into()), AfterFailure::AtOnce);
        assert_eq!(stream.after(&of_a_file_system()), AfterFailure::Later);
        assert_eq!(file.after(&of_a_file_system()), AfterFailure::Later);
    }

    #[test]
    fn a_record_without_memory_for_it_is_sent_later_and_one_that_is_too_large_never() {
        let journal = Output::Journal(Journal::new("/nowhere".into()).unwrap());
        let after = |error: Errno| journal.after(&error.into());
        assert_eq!(after(Errno::NOBUFS), AfterFailure::Soon);
        assert_eq!(after(Errno::MSGSIZE), AfterFailure::Skip);
        assert_eq!(after(Errno::CONNREFUSED), AfterFailure::Later);
    }
}
