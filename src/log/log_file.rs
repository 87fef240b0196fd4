//! A file that lines are appended to, and that is opened again when somebody has moved it away.

use std::fs::{File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;

/// A file that lines are appended to.
#[derive(Debug)]
pub struct LogFile {
    path: PathBuf,
    file: File,
    /// Whether nothing was written to it since it was opened.
    is_untouched: bool,
}

/// What became of an order to open again what is written to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reopened {
    /// Another file than before.
    Another,
    /// What is written to is the same, and so is what it has of a line.
    TheSame,
}

impl LogFile {
    /// Opens the file at `path`, or makes one there.
    ///
    /// # Errors
    /// It cannot be opened.
    pub fn open(path: PathBuf) -> io::Result<Self> {
        Ok(Self { file: opened(&path)?, path, is_untouched: true })
    }

    /// Opens whatever is at the path by now, or makes a file there; where that fails, the one that was open stays.
    pub(super) fn reopen(&mut self) -> io::Result<Reopened> {
        let file = opened(&self.path)?;
        let which = |file: &File| file.metadata().map(|metadata| (metadata.dev(), metadata.ino()));
        // What was written of a line stands there already.
        if let (Ok(old), Ok(new)) = (which(&self.file), which(&file))
            && old == new
        {
            return Ok(Reopened::TheSame);
        }
        (self.file, self.is_untouched) = (file, true);
        Ok(Reopened::Another)
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

impl Write for LogFile {
    /// Writes as much as goes. Where somebody has left half a line there, the first of ours begins another.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.is_untouched && ends_within_a_line(&self.file).unwrap_or(false) {
            self.file.write_all(b"\n")?;
        }
        let count = self.file.write(bytes)?;
        self.is_untouched = false;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

fn opened(path: &Path) -> io::Result<File> {
    // A FIFO without a reader is an error, and no wait.
    let flags = (OFlags::NONBLOCK | OFlags::NOCTTY).bits().cast_signed();
    let mut options = OpenOptions::new();
    options.append(true).custom_flags(flags).mode(MODE);
    match options.clone().create_new(true).open(path) {
        Ok(file) => {
            // Who reads logs is of its group, whatever else this user makes for itself alone.
            file.set_permissions(Permissions::from_mode(MODE))?;
            Ok(file)
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => options.create(true).open(path),
        Err(error) => Err(error),
    }
}

/// Whether a file ends with half a line; an error where that cannot be seen.
fn ends_within_a_line(file: &File) -> io::Result<bool> {
    let metadata = file.metadata()?;
    if !metadata.is_file() || metadata.len() == 0 {
        return Ok(false);
    }
    // By a descriptor of its own: that of the log is not read from, and there are files that we may only write.
    let mut last = [0];
    File::open(format!("/proc/self/fd/{}", file.as_raw_fd()))?.read_exact_at(&mut last, metadata.len() - 1)?;
    Ok(last != *b"\n")
}

/// Of its user to write, and of its group to read.
const MODE: u32 = 0o640;

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn lines_are_appended_and_a_file_that_was_moved_gets_no_more() {
        let folder = tempfile::tempdir().unwrap();
        let (path, moved) = (folder.path().join("log"), folder.path().join("log.1"));
        fs::write(&path, "before\n").unwrap();
        let mut log = LogFile::open(path.clone()).unwrap();
        log.write_all(b"one\n").unwrap();
        fs::rename(&path, &moved).unwrap();
        log.write_all(b"two\n").unwrap();
        assert_eq!(log.reopen().unwrap(), Reopened::Another);
        log.write_all(b"three\n").unwrap();

        assert_eq!(fs::read_to_string(&moved).unwrap(), "before\none\ntwo\n");
        assert_eq!(fs::read_to_string(&path).unwrap(), "three\n");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, MODE);
    }

    #[test]
    fn a_file_that_nobody_has_moved_is_written_on_within_its_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let mut log = LogFile::open(path.clone()).unwrap();
        log.write_all(b"half a ").unwrap();
        assert_eq!(log.reopen().unwrap(), Reopened::TheSame);
        log.write_all(b"line\n").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "half a line\n");
    }

    #[test]
    fn a_line_that_somebody_has_left_half_written_is_glued_to_none_of_ours() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        for (before, after) in [("", "one\ntwo\n"), ("whole\n", "whole\none\ntwo\n"), ("half", "half\none\ntwo\n")] {
            fs::write(&path, before).unwrap();
            let mut log = LogFile::open(path.clone()).unwrap();
            log.write_all(b"one\n").unwrap();
            log.write_all(b"two\n").unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), after);
            fs::rename(&path, folder.path().join("moved")).unwrap();
            fs::write(&path, before).unwrap();
            log.reopen().unwrap();
            log.write_all(b"one\ntw").unwrap();
            log.write_all(b"o\n").unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), after);
        }
    }

    #[test]
    fn where_the_folder_is_gone_the_old_file_is_written_on() {
        let folder = tempfile::tempdir().unwrap();
        let inner = folder.path().join("inner");
        fs::create_dir(&inner).unwrap();
        let mut log = LogFile::open(inner.join("log")).unwrap();
        fs::rename(&inner, folder.path().join("moved")).unwrap();
        assert_eq!(log.reopen().unwrap_err().kind(), io::ErrorKind::NotFound);
        log.write_all(b"one\n").unwrap();
        assert_eq!(fs::read_to_string(folder.path().join("moved/log")).unwrap(), "one\n");
        fs::create_dir(&inner).unwrap();
        log.reopen().unwrap();
    }

    #[test]
    fn a_fifo_that_nobody_reads_is_an_error_and_no_wait() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("fifo");
        rustix::fs::mknodat(rustix::fs::CWD, &path, rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
        assert!(LogFile::open(path).is_err());
    }
}
