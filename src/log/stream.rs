//! Standard error, which is never waited for within a call of the system: who reads it may stand still for ever, others may write there, and
//! what is written to may become another place meanwhile.

use std::fs::{File, OpenOptions};
use std::io::{self, IoSlice, IsTerminal, Write};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::OFlags;
use rustix::io::{Errno, ReadWriteFlags, pwritev2};

use crate::ranges::within;

/// A pipe, a terminal, or whatever else standard error is.
#[derive(Debug)]
pub struct StreamOutput {
    stream: File,
    /// Whether it is a file on a disk, whose calls are waited for: some file systems would never append to one at once.
    is_on_disk: bool,
}

impl StreamOutput {
    /// Writes to it from now on.
    pub fn new(descriptor: OwnedFd) -> Self {
        let given = File::from(descriptor);
        let kind = given.metadata().map(|metadata| metadata.file_type());
        // What a terminal says to take may be less than a piece, and somebody else may take the room of a named pipe, which knows no call
        // that does not wait. Where it cannot be opened by us, it is waited for in a call after all.
        let is_waited_for = given.is_terminal() || kind.as_ref().is_ok_and(FileTypeExt::is_fifo);
        let opened = if is_waited_for { opened_again(&given).ok() } else { None };
        Self { stream: opened.unwrap_or(given), is_on_disk: kind.is_ok_and(|kind| kind.is_file()) }
    }

    /// Writes as much as is taken now; `WouldBlock` where nothing is.
    fn write_now(&mut self, piece: &[u8]) -> io::Result<usize> {
        if self.is_on_disk {
            return self.stream.write(piece);
        }
        match pwritev2(&self.stream, &[IoSlice::new(piece)], WHERE_IT_IS, ReadWriteFlags::NOWAIT) {
            // There is no such call, or not for this.
            Err(Errno::OPNOTSUPP | Errno::INVAL | Errno::NOSYS | Errno::PERM) => self.stream.write(piece),
            written => Ok(written?),
        }
    }
}

impl Write for StreamOutput {
    /// Writes as much as a pipe takes at once that takes anything; `TimedOut` where it takes nothing for a while, `WouldBlock` where
    /// another writer was faster.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if poll(&mut [PollFd::new(&self.stream, PollFlags::OUT)], Some(&PATIENCE))? == 0 {
            return Err(io::ErrorKind::TimedOut.into());
        }
        // Another writer may have taken the room since.
        self.write_now(within(bytes, ..bytes.len().min(AT_ONCE)))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The same terminal or pipe, which no call waits for: whoever gave it to us shares the flags of the descriptor that he gave.
fn opened_again(given: &File) -> io::Result<File> {
    let flags = (OFlags::NONBLOCK | OFlags::NOCTTY).bits().cast_signed();
    let path = format!("/proc/self/fd/{}", given.as_raw_fd());
    OpenOptions::new().write(true).custom_flags(flags).open(path)
}

/// How long one call waits for the reader.
const PATIENCE: Timespec = Timespec { tv_sec: 0, tv_nsec: 50_000_000 };

/// A pipe that says to take something takes so much (`PIPE_BUF`).
const AT_ONCE: usize = 4096;

/// Where a call writes to that is asked to write at no place of a file: behind what was written last.
const WHERE_IT_IS: u64 = u64::MAX;

#[cfg(test)]
mod tests {
    use std::io::{Read, pipe};
    use std::os::unix::net::UnixStream;
    use std::sync::Barrier;
    use std::sync::mpsc::channel;
    use std::thread;
    use std::time::Duration;

    use rustix::fs::{CWD, FileType, fcntl_getfl, mknodat};
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
    fn of_two_writers_on_a_full_pipe_neither_waits_for_the_room_that_the_other_has_taken() {
        let (mut reader, writer) = pipe().unwrap();
        let mut streams = [(); 2].map(|()| StreamOutput::new(writer.try_clone().unwrap().into()));
        drop(writer);
        for _ in 0..10 {
            while streams[0].write(&[b'x'; AT_ONCE]).is_ok() {}
            let (both, (ended, end)) = (Barrier::new(3), channel());
            thread::scope(|scope| {
                for stream in &mut streams {
                    let (both, ended) = (&both, ended.clone());
                    scope.spawn(move || {
                        both.wait();
                        let _ = stream.write(&[b'x'; AT_ONCE]);
                        let _ = ended.send(());
                    });
                }
                both.wait();
                let mut page = [0; AT_ONCE];
                reader.read_exact(&mut page).unwrap();
                let outcomes = [(); 2].map(|()| end.recv_timeout(Duration::from_secs(20)));
                if outcomes.iter().any(Result::is_err) {
                    // Whoever is stuck goes on.
                    reader.read_exact(&mut page).unwrap();
                }
                assert_eq!(outcomes, [Ok(()); 2], "neither waits in a call");
            });
        }
    }

    #[test]
    fn what_is_full_by_the_time_it_is_written_to_is_waited_for_in_no_call() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("fifo");
        mknodat(CWD, &path, FileType::Fifo, 0o600.into(), 0).unwrap();
        let named = OpenOptions::new().read(true).write(true).open(&path).unwrap();
        let ((reader, pipe), (peer, socket)) = (pipe().unwrap(), UnixStream::pair().unwrap());
        // Such as it is where it is another's, and cannot be opened again.
        let pipe = StreamOutput { stream: File::from(OwnedFd::from(pipe)), is_on_disk: false };
        for mut stream in [pipe, StreamOutput::new(socket.into()), StreamOutput::new(named.try_clone().unwrap().into())]
        {
            let (ended, end) = channel();
            thread::spawn(move || {
                let mut write = || stream.write_now(&[b'x'; AT_ONCE]);
                while write().is_ok() {}
                ended.send(write().map_err(|error| error.kind()))
            });
            let outcome = end.recv_timeout(Duration::from_secs(20)).expect("no call waits");
            assert_eq!(outcome, Err(io::ErrorKind::WouldBlock));
        }
        drop((reader, peer, named));
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
