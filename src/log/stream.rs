//! Standard error, which is never waited for within a call of the system: who reads it may stand still for ever, and what is written to may
//! become another place meanwhile.

use std::fs::{File, OpenOptions};
use std::io::{self, IsTerminal, Write};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::OpenOptionsExt;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::OFlags;

use crate::ranges::within;

/// A pipe, a terminal, or whatever else standard error is.
#[derive(Debug)]
pub struct StreamOutput(File);

impl StreamOutput {
    /// Writes to it from now on.
    pub fn new(descriptor: OwnedFd) -> Self {
        let given = File::from(descriptor);
        // What a terminal says to take may be less than a piece. Where it cannot be opened by us, it is waited for in a call after all.
        let opened = if given.is_terminal() { opened_again(&given).ok() } else { None };
        Self(opened.unwrap_or(given))
    }
}

impl Write for StreamOutput {
    /// Writes as much as a pipe takes at once that takes anything; `TimedOut` where it takes nothing for a while.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if poll(&mut [PollFd::new(&self.0, PollFlags::OUT)], Some(&PATIENCE))? == 0 {
            return Err(io::ErrorKind::TimedOut.into());
        }
        self.0.write(within(bytes, ..bytes.len().min(AT_ONCE)))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The same terminal, which no call waits for: whoever gave it to us shares the flags of the descriptor that he gave.
fn opened_again(terminal: &File) -> io::Result<File> {
    let flags = (OFlags::NONBLOCK | OFlags::NOCTTY).bits().cast_signed();
    let path = format!("/proc/self/fd/{}", terminal.as_raw_fd());
    OpenOptions::new().write(true).custom_flags(flags).open(path)
}

/// How long one call waits for the reader.
const PATIENCE: Timespec = Timespec { tv_sec: 0, tv_nsec: 50_000_000 };

/// A pipe that says to take something takes so much (`PIPE_BUF`).
const AT_ONCE: usize = 4096;

#[cfg(test)]
mod tests {
    use std::io::{Read, pipe};
    use std::sync::mpsc::channel;
    use std::thread;
    use std::time::Duration;

    use rustix::fs::fcntl_getfl;
    use rustix::pty::{OpenptFlags, grantpt, ioctl_tiocgptpeer, openpt, unlockpt};

    use super::*;

    #[test]
    fn a_pipe_that_is_full_is_waited_for_in_no_call_and_takes_the_rest_later() {
        let (mut reader, writer) = pipe().unwrap();
        let mut stream = StreamOutput::new(writer.into());
        let piece = [b'x'; 10_000];
        let mut written = 0;
        let error = loop {
            match stream.write(&piece) {
                Ok(count) => written += count,
                Err(error) => break error,
            }
        };
        assert!(error.kind() == io::ErrorKind::TimedOut && written >= AT_ONCE, "{error} after {written}");
        reader.read_exact(&mut vec![0; written]).unwrap();
        assert_eq!(stream.write(&piece).unwrap(), AT_ONCE);
        drop(reader);
        assert_eq!(stream.write(&piece).unwrap_err().kind(), io::ErrorKind::BrokenPipe);
    }

    #[test]
    fn a_terminal_that_nobody_reads_is_waited_for_in_no_call_and_whoever_else_has_it_waits_as_before() {
        let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY;
        let reader = openpt(flags).unwrap();
        grantpt(&reader).unwrap();
        unlockpt(&reader).unwrap();
        let terminal = ioctl_tiocgptpeer(&reader, flags).unwrap();
        let of_the_shell = terminal.try_clone().unwrap();

        let mut stream = StreamOutput::new(terminal);
        let (ended, end) = channel();
        thread::spawn(move || {
            let mut written = 0;
            let error = loop {
                match stream.write(&[b'x'; 10_000]) {
                    Ok(count) => written += count,
                    Err(error) => break error,
                }
            };
            let _ = ended.send((written, error.kind()));
        });
        let (written, error) = end.recv_timeout(Duration::from_secs(20)).expect("no call waits");
        assert!(written > 0 && [io::ErrorKind::TimedOut, io::ErrorKind::WouldBlock].contains(&error), "{error}");
        assert!(!fcntl_getfl(&of_the_shell).unwrap().contains(OFlags::NONBLOCK));
        drop(reader);
    }
}
