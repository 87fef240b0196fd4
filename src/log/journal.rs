//! The journal of systemd, by its own protocol (systemd.io/JOURNAL_NATIVE_PROTOCOL): a datagram for each line.
//!
//! What waits in the queue is text: a field a line, `NAME=value`, with [`LINE_END`] where the value has another line, and an empty
//! line behind the last. No text of anybody's holds one of these, for a line is made harmless first. What the journal reads is made of
//! that here, by the thread that writes.

use std::fs::File;
use std::io::{self, IoSlice, Write};
use std::os::fd::AsFd;
use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;
use std::time::Duration;

use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, memfd_create};
use rustix::io::Errno;
use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, SocketAddrUnix, sendmsg_addr};

/// Where journald listens.
pub const JOURNAL_SOCKET: &str = "/run/systemd/journal/socket";

/// Sends to journald. It keeps no connection: each datagram finds whoever listens at the path by then.
#[derive(Debug)]
pub struct Journal {
    socket: UnixDatagram,
    path: PathBuf,
    /// The record that is being sent, as the journal reads it.
    record: Vec<u8>,
    /// Makes files for records that no datagram takes.
    make_file: fn() -> io::Result<File>,
}

impl Journal {
    /// One that sends to the socket at `path`, whether somebody listens there already or not.
    ///
    /// # Errors
    /// There can be no more sockets.
    pub fn new(path: PathBuf) -> io::Result<Self> {
        let socket = UnixDatagram::unbound()?;
        // A journal that stands still is not waited for within a call: the place may become another one.
        socket.set_write_timeout(Some(PATIENCE))?;
        Ok(Self { socket, path, record: Vec::new(), make_file })
    }

    fn send(&self) -> io::Result<()> {
        match self.socket.send_to(&self.record, &self.path) {
            Ok(_) => Ok(()),
            // Where there is no file either (a sandbox, RLIMIT_FSIZE, no descriptors), it stays too large.
            Err(error) if is_too_large(&error) || is_without_memory(&error) => {
                match self.file().and_then(|file| self.send_file(&file)) {
                    Err(other) if !passes(&other) => Err(error),
                    sent => sent,
                }
            }
            Err(error) => Err(error),
        }
    }

    /// What no datagram takes goes in a file of memory, which is sealed: nobody changes it while it is read.
    fn file(&self) -> io::Result<File> {
        let mut file = (self.make_file)()?;
        file.write_all(&self.record)?;
        fcntl_add_seals(&file, SealFlags::SHRINK | SealFlags::GROW | SealFlags::WRITE | SealFlags::SEAL)?;
        Ok(file)
    }

    fn send_file(&self, file: &File) -> io::Result<()> {
        let descriptors = [file.as_fd()];
        let mut space = [std::mem::MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut ancillary = SendAncillaryBuffer::new(&mut space);
        ancillary.push(SendAncillaryMessage::ScmRights(&descriptors));
        let address = SocketAddrUnix::new(&self.path)?;
        sendmsg_addr(&self.socket, &address, &[IoSlice::new(&[])], &mut ancillary, SendFlags::empty())?;
        Ok(())
    }
}

impl Write for Journal {
    /// Sends the first record of `text`.
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        let end = text.windows(2).position(|two| two == b"\n\n").map_or(text.len(), |at| at + 2);
        let (first, _) = text.split_at_checked(end).unwrap_or((text, &[]));
        let fields = String::from_utf8_lossy(first);
        self.record.clear();
        write_record(&mut self.record, &fields);
        match self.send() {
            // Better a part of it than none, and nothing behind it.
            Err(error) if is_too_large(&error) => {
                self.record.clear();
                write_record(&mut self.record, &cut(&fields));
                self.socket.send_to(&self.record, &self.path)?;
            }
            sent => sent?,
        }
        Ok(end)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn make_file() -> io::Result<File> {
    Ok(memfd_create("windlass-log", MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING)?.into())
}

/// Whether a record is too large to be sent, as it is.
pub(super) fn is_too_large(error: &io::Error) -> bool {
    error.raw_os_error() == Some(Errno::MSGSIZE.raw_os_error())
}

/// Whether the system has no memory for a record at the moment. That passes.
pub(super) fn is_without_memory(error: &io::Error) -> bool {
    error.raw_os_error() == Some(Errno::NOBUFS.raw_os_error())
}

/// Whether a failure says nothing of the record, and passes: nobody listens, or reads on, or there is no memory.
fn passes(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionRefused, Interrupted, NotFound, TimedOut, WouldBlock};
    let is_of_the_reader = matches!(error.kind(), ConnectionRefused | Interrupted | NotFound | TimedOut | WouldBlock);
    is_of_the_reader || is_without_memory(error)
}

/// The fields of a line as far as every datagram takes them: a part of each, and the first of them.
fn cut(fields: &str) -> String {
    let mut cut = String::new();
    for field in fields.lines().take_while(|field| !field.is_empty()) {
        if cut.len() > MOST_CUT {
            break;
        }
        let (kept, left) = field.split_at_checked(field.floor_char_boundary(FIELD_CUT)).unwrap_or((field, ""));
        cut.extend([kept, if left.is_empty() { "" } else { "…" }, "\n"]);
    }
    cut
}

/// Makes of the fields of a line what the journal reads.
fn write_record(out: &mut Vec<u8>, fields: &str) {
    for (name, value) in fields.lines().filter_map(|field| field.split_once('=')) {
        out.extend_from_slice(name.as_bytes());
        if value.contains(LINE_END) {
            let value = value.replace(LINE_END, "\n    ");
            out.push(b'\n');
            out.extend_from_slice(&(value.len() as u64).to_le_bytes());
            out.extend_from_slice(value.as_bytes());
        } else {
            out.push(b'=');
            out.extend_from_slice(value.as_bytes());
        }
        out.push(b'\n');
    }
}

/// Begins the field of the journal that a field of ours is: `WINDLASS_` and its name in capitals.
pub(super) fn write_field_name(out: &mut String, name: &str) {
    out.push_str("WINDLASS_");
    out.extend(name.bytes().take(LONGEST_NAME).map(|byte| match byte {
        byte if byte.is_ascii_alphanumeric() => byte.to_ascii_uppercase().into(),
        _ => '_',
    }));
    out.push('=');
}

/// What every record has, behind its priority.
pub(super) const FIELDS: &str = "\nSYSLOG_IDENTIFIER=windlass\n";

/// Where another line of a value begins, in what waits.
pub(super) const LINE_END: &str = "\u{1f}";

/// How long one call waits for the reader.
const PATIENCE: Duration = Duration::from_millis(50);

/// What is kept of a field where not all of it can be, and of all fields together, in bytes.
const FIELD_CUT: usize = 4096;
const MOST_CUT: usize = 16 * 1024;

/// Names are 64 bytes long at the most, with what stands before ours.
const LONGEST_NAME: usize = 55;

#[cfg(test)]
mod tests {
    use std::io::Read;

    use proptest::prelude::*;
    use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, recvmsg};
    use tracing::Level;

    use super::super::line::LogLine;
    use super::super::style::{Shape, Style};
    use super::*;

    const STYLE: Style = Style { shape: Shape::Journal, pid: 7 };

    fn line(message: &str, fields: &[(&str, &str)]) -> String {
        let mut line = LogLine::begin(STYLE, Level::WARN);
        line.write_message(message);
        fields.iter().for_each(|(name, text)| line.write_text(name, text));
        line.write_plain("times", 3);
        line.finish("windlass::test")
    }

    /// The fields of a record, as the journal reads them.
    fn parsed(mut record: &[u8]) -> Vec<(String, String)> {
        let mut fields = Vec::new();
        while !record.is_empty() {
            let end = record.iter().position(|byte| *byte == b'\n').unwrap();
            let (head, rest) = record.split_at(end);
            let rest = &rest[1..];
            let (name, value, rest) = match head.iter().position(|byte| *byte == b'=') {
                Some(at) => (&head[..at], &head[at + 1..], rest),
                None => {
                    let (length, rest) = rest.split_first_chunk::<8>().unwrap();
                    let length = usize::try_from(u64::from_le_bytes(*length)).unwrap();
                    assert_eq!(rest[length], b'\n');
                    (head, &rest[..length], &rest[length + 1..])
                }
            };
            let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
            fields.push((text(name), text(value)));
            record = rest;
        }
        fields
    }

    fn fields(line: &str) -> Vec<(String, String)> {
        let mut record = Vec::new();
        write_record(&mut record, line);
        parsed(&record)
    }

    #[test]
    fn a_line_is_read_by_people_and_found_by_its_fields() {
        let line = line("reload refused:\nline 1\n\u{1b}[31m", &[("route", "chat"), ("headers.x-trace", "a b")]);
        let expected = [
            ("MESSAGE", "reload refused: route=chat headers.x-trace=\"a b\" times=3\n    line 1\n    \\u001b[31m"),
            ("PRIORITY", "4"),
            ("SYSLOG_IDENTIFIER", "windlass"),
            ("WINDLASS_ROUTE", "chat"),
            ("WINDLASS_HEADERS_X_TRACE", "a b"),
            ("WINDLASS_TIMES", "3"),
            ("WINDLASS_TARGET", "windlass::test"),
        ];
        assert_eq!(fields(&line), expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
    }

    #[test]
    fn each_line_is_a_datagram_and_one_that_is_too_large_is_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("socket");
        let journald = UnixDatagram::bind(&path).unwrap();
        journald.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let mut journal = Journal::new(path).unwrap();
        let large = line(&format!("large\n{}", "€".repeat(20_000)), &[("detail", &"x".repeat(300_000))]);
        let large = large + &line("small", &[]);
        let text = [line("first", &[]), large].concat();
        let large_by_hand = format!("MESSAGE={}\n\n", "y".repeat(1 << 20));
        let mut rest = text.as_bytes();
        while !rest.is_empty() {
            let sent = journal.write(rest).unwrap();
            rest = &rest[sent..];
        }
        assert_eq!(journal.write(large_by_hand.as_bytes()).unwrap(), large_by_hand.len());

        let received = || {
            let mut buffer = vec![0; 1 << 18];
            let mut space = [std::mem::MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
            let mut ancillary = RecvAncillaryBuffer::new(&mut space);
            let slices = &mut [io::IoSliceMut::new(&mut buffer)];
            let bytes = recvmsg(&journald, slices, &mut ancillary, RecvFlags::empty()).unwrap().bytes;
            let file = ancillary.drain().find_map(|message| match message {
                RecvAncillaryMessage::ScmRights(mut descriptors) => descriptors.next(),
                _ => None,
            });
            match file {
                Some(file) => {
                    let seals = rustix::fs::fcntl_get_seals(&file).unwrap();
                    assert!(seals.contains(SealFlags::WRITE | SealFlags::SHRINK));
                    let mut record = Vec::new();
                    // Whoever has sent it has read to its end.
                    let mut file =
                        File::open(format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(&file))).unwrap();
                    file.read_to_end(&mut record).unwrap();
                    parsed(&record)
                }
                None => parsed(&buffer[..bytes]),
            }
        };
        assert_eq!(received()[0].1, "first times=3");
        assert!(received()[0].1.starts_with("large "));
        assert_eq!(received()[0].1, "small times=3");
        assert_eq!(received()[0].1.len(), 1 << 20);
    }

    #[test]
    fn what_is_too_large_and_finds_no_file_is_cut_and_holds_up_nothing_behind_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("socket");
        let journald = UnixDatagram::bind(&path).unwrap();
        journald.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let mut journal = Journal::new(path).unwrap();
        journal.make_file = || Err(io::ErrorKind::PermissionDenied.into());
        let fields = "€".repeat(100_000);
        let large = format!("MESSAGE=large {fields}\nPRIORITY=4\nWINDLASS_DETAIL={fields}\nWINDLASS_ROUTE=chat\n\n");
        let text = large + &line("small", &[]);
        let mut rest = text.as_bytes();
        while !rest.is_empty() {
            let sent = journal.write(rest).unwrap();
            rest = &rest[sent..];
        }
        let received = || {
            let mut buffer = vec![0; 1 << 18];
            let bytes = journald.recv(&mut buffer).unwrap();
            parsed(&buffer[..bytes])
        };
        let first = received();
        let message = &first[0].1;
        assert!(message.starts_with("large ") && message.ends_with('…'), "{} bytes", message.len());
        let value = |name: &str| first.iter().find(|(field, _)| field == name).map(|(_, value)| value.len());
        assert_eq!(value("PRIORITY"), Some(1));
        assert_eq!(value("WINDLASS_ROUTE"), Some(4));
        assert!(value("WINDLASS_DETAIL").is_some_and(|length| length <= FIELD_CUT + 4));
        assert_eq!(received()[0].1, "small times=3");
    }

    #[test]
    fn a_journal_that_stands_still_is_waited_for_in_no_call() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("socket");
        let _journald = UnixDatagram::bind(&path).unwrap();
        let mut journal = Journal::new(path).unwrap();
        let text = line("one", &[]);
        let error = (0..100_000).find_map(|_| journal.write(text.as_bytes()).err()).unwrap();
        assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
    }

    proptest! {
        #[test]
        fn no_text_makes_another_field_of_itself(message: String, text: String, name in "[ -~]{1,80}") {
            let fields = fields(&line(&message, &[(&name, &text)]));
            prop_assert_eq!(fields.len(), 6);
            prop_assert_eq!(&fields[0].0, "MESSAGE");
            for (name, value) in &fields {
                prop_assert!(name.len() <= 64 && name.bytes().all(|byte| byte == b'_' || byte.is_ascii_uppercase() || byte.is_ascii_digit()));
                prop_assert!(!value.replace('\n', "").contains(char::is_control), "{:?}", value);
            }
        }
    }
}
