//! Standard error, which is never waited for within a call of the system: who reads it may stand still for ever, and what is written to may
//! become another place meanwhile.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::OwnedFd;

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::ranges::within;

/// A pipe, a terminal, or whatever else standard error is.
#[derive(Debug)]
pub struct StreamOutput(File);

impl StreamOutput {
    /// Writes to it from now on.
    pub fn new(descriptor: OwnedFd) -> Self {
        Self(File::from(descriptor))
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

/// How long one call waits for the reader.
const PATIENCE: Timespec = Timespec { tv_sec: 0, tv_nsec: 50_000_000 };

/// A pipe that says to take something takes so much (`PIPE_BUF`).
const AT_ONCE: usize = 4096;

#[cfg(test)]
mod tests {
    use std::io::{Read, pipe};

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
}
