//! Reading the files that a configuration consists of: whole, and never more than fits.
//!
//! What has no end (a FIFO, a device) is refused before it is opened. A mount that hangs is not noticed here: whoever must not
//! wait for it reads on a thread of its own.

use std::fs::{self, File, FileType, Metadata, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

use thiserror::Error;

use super::problem::SourceLocation;

/// The largest file that is read, in bytes: a hundred times the largest configuration that anybody writes.
pub const MOST_BYTES: u64 = 16 * 1024 * 1024;

/// Why a file cannot be read.
#[derive(Debug, Error)]
pub enum FileError {
    /// What the system says.
    #[error("{0}")]
    System(#[from] io::Error),
    /// It is something else than a regular file or a folder: what, with its article.
    #[error("it is {0}, not a file")]
    NotAFile(&'static str),
    /// It has more than [`MOST_BYTES`] bytes.
    #[error("it is larger than {} MiB", MOST_BYTES / (1024 * 1024))]
    TooLarge,
}

impl FileError {
    /// The kind of what the system says.
    pub fn kind(&self) -> Option<io::ErrorKind> {
        match self {
            Self::System(error) => Some(error.kind()),
            Self::NotAFile(_) | Self::TooLarge => None,
        }
    }

    /// What the operator can do about it, where a configuration names the file `path` at `location`. Where a relative path starts
    /// is of use only where the file could be meant by one.
    pub fn hint(&self, path: &Path, location: &SourceLocation) -> &'static str {
        let folder = location.file.parent().unwrap_or(Path::new(""));
        match self.kind() {
            Some(io::ErrorKind::PermissionDenied) => {
                "let the user that windlass runs as read it, and enter the folders above it"
            }
            Some(io::ErrorKind::NotFound) if path.starts_with(folder) => {
                "name a file that is there; a relative path starts at the folder of the configuration file"
            }
            Some(io::ErrorKind::NotFound) => "name a file that is there",
            Some(io::ErrorKind::IsADirectory) => "name the file in this folder",
            _ => "name a file that can be read, such as with `cat`",
        }
    }
}

/// The mode of a file with a secret that others than its owner and its group may read or write; `None` where they may not.
pub fn mode_open_to_others(path: &Path) -> Option<u32> {
    // It was read: if it is gone since, it is open to nobody.
    let mode = fs::metadata(path).ok()?.permissions().mode() & 0o7777;
    (mode & OTHERS != 0).then_some(mode)
}

/// Reads a regular file of at most [`MOST_BYTES`] bytes. While it does not grow meanwhile there is one copy of it in memory.
///
/// # Errors
/// What the system says, or that it is no file or too large; each says what it is.
pub fn read_file(path: &Path) -> Result<Vec<u8>, FileError> {
    // To open a device or a FIFO may already do something to it.
    check(&fs::metadata(path)?)?;
    let file = match open(path, libc::O_NONBLOCK) {
        // Another program has a lease on it (fcntl(2)), such as a file server: it is told to let go, and waited for.
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => open(path, 0)?,
        opened => opened?,
    };
    let metadata = file.metadata()?;
    // Another one may have been put there since.
    check(&metadata)?;
    let length = usize::try_from(metadata.len()).unwrap_or(0);
    let mut bytes = Vec::with_capacity(length.saturating_add(SPARE));
    // The files of /proc, and those that grow, are longer than they say.
    let read = file.take(MOST_BYTES + 1).read_to_end(&mut bytes)?;
    if read as u64 > MOST_BYTES { Err(FileError::TooLarge) } else { Ok(bytes) }
}

fn open(path: &Path, flags: i32) -> io::Result<File> {
    OpenOptions::new().read(true).custom_flags(flags | libc::O_NOCTTY).open(path)
}

fn check(metadata: &Metadata) -> Result<(), FileError> {
    let kind = metadata.file_type();
    if kind.is_dir() {
        return Err(io::Error::from_raw_os_error(libc::EISDIR).into());
    }
    if !kind.is_file() {
        return Err(FileError::NotAFile(name(kind)));
    }
    if metadata.len() > MOST_BYTES { Err(FileError::TooLarge) } else { Ok(()) }
}

fn name(kind: FileType) -> &'static str {
    match () {
        () if kind.is_fifo() => "a FIFO",
        () if kind.is_socket() => "a socket",
        () if kind.is_char_device() || kind.is_block_device() => "a device",
        () => "something else",
    }
}

/// Room to see the end of the file without making the buffer larger, which would leave a copy behind.
const SPARE: usize = 64;

/// What of a mode is for everybody else.
const OTHERS: u32 = 0o007;

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixListener;

    use rustix::fs::{CWD, Mode, mkfifoat};

    use super::*;

    fn fault(path: impl AsRef<Path>) -> String {
        read_file(path.as_ref()).unwrap_err().to_string()
    }

    #[test]
    fn a_file_is_read_whole_up_to_the_most() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        for length in [0, 1, 100_000, MOST_BYTES] {
            File::create(&path).unwrap().set_len(length).unwrap();
            assert_eq!(read_file(&path).unwrap().len() as u64, length);
        }
        File::create(&path).unwrap().set_len(MOST_BYTES + 1).unwrap();
        assert_eq!(fault(&path), "it is larger than 16 MiB");
        assert!(!read_file(Path::new("/proc/self/status")).unwrap().is_empty(), "it says that it is empty");
    }

    #[test]
    fn what_has_no_end_is_refused_for_what_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let fifo = folder.path().join("fifo");
        mkfifoat(CWD, &fifo, Mode::RUSR).unwrap();
        let _socket = UnixListener::bind(folder.path().join("socket")).unwrap();

        assert_eq!(fault(&fifo), "it is a FIFO, not a file");
        assert_eq!(fault(folder.path().join("socket")), "it is a socket, not a file");
        assert_eq!(fault("/dev/zero"), "it is a device, not a file");
        let folder = read_file(folder.path()).unwrap_err();
        assert_eq!(folder.kind(), Some(io::ErrorKind::IsADirectory));
    }

    #[test]
    fn where_relative_paths_start_is_said_only_of_files_that_one_could_name() {
        let location = SourceLocation { file: "/etc/windlass/windlass.toml".into(), ..SourceLocation::default() };
        let hint = |path: &str, kind: io::ErrorKind| {
            FileError::from(io::Error::from(kind)).hint(Path::new(path), &location).to_owned()
        };
        let start = "a relative path starts at";
        assert!(hint("/etc/windlass/tls/chat.pem", io::ErrorKind::NotFound).contains(start));
        assert_eq!(hint("/srv/chat.pem", io::ErrorKind::NotFound), "name a file that is there");
        for kind in [io::ErrorKind::PermissionDenied, io::ErrorKind::IsADirectory, io::ErrorKind::InvalidFilename] {
            assert!(!hint("/etc/windlass/tls/chat.pem", kind).contains(start), "{kind}");
        }
    }

    #[test]
    fn nothing_is_copied_while_a_file_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        fs::write(&path, [7; 5000]).unwrap();
        assert_eq!(read_file(&path).unwrap().capacity(), 5000 + SPARE);
    }
}
