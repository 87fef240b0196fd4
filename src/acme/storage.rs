//! Where the account and the certificates of one directory are kept: a file each, written whole, that its owner alone can read.
//!
//! Processes may share a folder: whoever orders for a name holds that name's lock, and whoever has waited for it looks first whether
//! there is a new certificate by now. Everything here blocks on the file system.

use std::fs::{self, DirBuilder, File, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;
use zeroize::Zeroizing;

use crate::config::read_file;

/// The folder of one directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Storage {
    folder: PathBuf,
}

/// A name, or the account, is this process's to work at, as long as this lives.
#[derive(Debug)]
pub(super) struct StorageLock {
    /// The lock goes with it.
    _file: File,
}

/// The certificate for `name`, with its key, that is kept of `directory` below `folder`, if there is one.
///
/// # Errors
/// Why it cannot be read.
pub fn kept_certificate(directory: &str, folder: &Path, name: &str) -> io::Result<Option<Zeroizing<Vec<u8>>>> {
    Storage::of(directory, folder).certificate(name)
}

impl Storage {
    /// That of `directory`, a URL, in a folder that may hold those of others too.
    pub(super) fn of(directory: &str, folder: &Path) -> Self {
        let place = directory.strip_prefix("https://").unwrap_or(directory).trim_end_matches('/');
        Self { folder: folder.join(as_file_name(place)) }
    }

    /// The certificate for `name`, with its key, if there is one.
    pub(super) fn certificate(&self, name: &str) -> io::Result<Option<Zeroizing<Vec<u8>>>> {
        self.read(&certificate_file(name))
    }

    pub(super) fn keep_certificate(&self, name: &str, text: &[u8]) -> io::Result<()> {
        self.write(&certificate_file(name), text)
    }

    /// The pause of `name`, as text, if there is one.
    pub(super) fn pause(&self, name: &str) -> io::Result<Option<Zeroizing<Vec<u8>>>> {
        self.read(&pause_file(name))
    }

    /// Keeps the pause of `name` for the next start; none where there is none any more.
    pub(super) fn keep_pause(&self, name: &str, text: Option<&[u8]>) -> io::Result<()> {
        let Some(text) = text else {
            return match fs::remove_file(self.folder.join(pause_file(name))) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
                _ => Ok(()),
            };
        };
        self.write(&pause_file(name), text)
    }

    /// The account, if there is one; that which is bound to the one of `kid`, where it is to be bound.
    pub(super) fn account(&self, kid: Option<&str>) -> io::Result<Option<Zeroizing<Vec<u8>>>> {
        self.read(&account_file(kid))
    }

    pub(super) fn keep_account(&self, kid: Option<&str>, text: &[u8]) -> io::Result<()> {
        self.write(&account_file(kid), text)
    }

    /// The lock of a name; `None` where another has it.
    pub(super) fn try_lock(&self, name: &str) -> io::Result<Option<StorageLock>> {
        self.make_folder()?;
        let file = File::options().create(true).append(true).open(self.folder.join(format!("{name}.lock")))?;
        match file.try_lock() {
            Ok(()) => Ok(Some(StorageLock { _file: file })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    fn read(&self, file: &str) -> io::Result<Option<Zeroizing<Vec<u8>>>> {
        match read_file(&self.folder.join(file)) {
            Ok(bytes) => Ok(Some(Zeroizing::new(bytes))),
            Err(error) if error.kind() == Some(io::ErrorKind::NotFound) => Ok(None),
            Err(error) => Err(io::Error::other(format!("{}: {error}", self.folder.join(file).display()))),
        }
    }

    /// Writes as much as an account takes, and leaves nothing of it.
    pub(super) fn try_write(&self) -> io::Result<()> {
        self.temporary(&[b' '; 4096]).map(drop)
    }

    fn write(&self, file: &str, text: &[u8]) -> io::Result<()> {
        let temporary = self.temporary(text)?;
        temporary.persist(self.folder.join(file))?;
        File::open(&self.folder)?.sync_all()
    }

    fn temporary(&self, text: &[u8]) -> io::Result<NamedTempFile> {
        self.make_folder()?;
        // Its mode is 0600.
        let mut temporary = NamedTempFile::new_in(&self.folder)?;
        temporary.write_all(text)?;
        temporary.as_file().sync_all()?;
        Ok(temporary)
    }

    fn make_folder(&self) -> io::Result<()> {
        let made = DirBuilder::new().recursive(true).mode(0o700).create(&self.folder);
        made.map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", self.folder.display())))
    }
}

fn certificate_file(name: &str) -> String {
    // Such a name has no slash.
    format!("{name}.pem")
}

fn pause_file(name: &str) -> String {
    format!("{name}.pause.json")
}

fn account_file(kid: Option<&str>) -> String {
    kid.map_or_else(|| "account.json".to_owned(), |kid| format!("account {}.json", as_file_name(kid)))
}

/// What people can read, and no file name means otherwise. What is different is so here too.
fn as_file_name(text: &str) -> String {
    let mut name = String::with_capacity(text.len());
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            // Neither hidden nor another folder.
            b'.' if at == 0 => name += "%2E",
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' => name.push(char::from(byte)),
            b'/' => name.push('+'),
            _ => name += &format!("%{byte:02X}"),
        }
    }
    name
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn what_is_kept_is_found_again_by_its_directory_and_its_name() {
        let folder = tempfile::tempdir().unwrap();
        let at = |directory: &str| Storage::of(directory, &folder.path().join("acme"));
        let (one, other) = (at("https://one.test/directory"), at("https://other.test/directory"));
        assert_eq!(one.certificate("site.test").unwrap(), None);
        one.keep_certificate("site.test", b"one").unwrap();
        one.keep_certificate("site.test", b"two").unwrap();
        one.keep_account(None, b"unbound").unwrap();
        one.keep_account(Some("kid/1"), b"bound").unwrap();
        let kept = |found: io::Result<Option<Zeroizing<Vec<u8>>>>| found.unwrap().map(|it| it.to_vec());
        assert_eq!(kept(one.certificate("site.test")), Some(b"two".to_vec()));
        assert_eq!(kept(one.account(None)), Some(b"unbound".to_vec()));
        assert_eq!(kept(one.account(Some("kid/1"))), Some(b"bound".to_vec()));
        assert_eq!(kept(one.account(Some("kid/2"))), None);
        assert_eq!(kept(other.certificate("site.test")), None);
        assert!(folder.path().join("acme/one.test+directory/site.test.pem").exists());
    }

    #[test]
    fn a_pause_is_kept_until_it_is_over() {
        let folder = tempfile::tempdir().unwrap();
        let storage = Storage::of("https://ca.test", folder.path());
        storage.keep_pause("site.test", None).unwrap();
        storage.keep_pause("site.test", Some(b"{}")).unwrap();
        assert_eq!(storage.pause("site.test").unwrap().map(|it| it.to_vec()), Some(b"{}".to_vec()));
        assert_eq!(storage.certificate("site.test").unwrap(), None);
        storage.keep_pause("site.test", None).unwrap();
        assert_eq!(storage.pause("site.test").unwrap(), None);
    }

    #[test]
    fn its_owner_alone_can_read_it_and_nothing_is_left_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let storage = Storage::of("https://ca.test", &folder.path().join("acme"));
        storage.keep_certificate("site.test", b"secret").unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        let own = folder.path().join("acme/ca.test");
        assert_eq!([mode(&folder.path().join("acme")), mode(&own)], [0o700; 2]);
        assert_eq!(mode(&own.join("site.test.pem")), 0o600);
        assert_eq!(fs::read_dir(own).unwrap().count(), 1);
    }

    #[test]
    fn what_cannot_be_written_leaves_what_was_there() {
        let folder = tempfile::tempdir().unwrap();
        let storage = Storage::of("https://ca.test", folder.path());
        fs::write(folder.path().join("ca.test"), "a file").unwrap();
        assert!(storage.try_write().is_err(), "it is known before there is something to be kept");
        let error = storage.keep_certificate("site.test", b"new").unwrap_err();
        assert!(error.to_string().contains("ca.test"), "{error}");
    }

    #[test]
    fn one_at_a_time_holds_a_name() {
        let folder = tempfile::tempdir().unwrap();
        let storage = Storage::of("https://ca.test", folder.path());
        let lock = storage.try_lock("site.test").unwrap();
        assert!(lock.is_some());
        assert!(storage.try_lock("site.test").unwrap().is_none());
        assert!(storage.try_lock("other.test").unwrap().is_some());
        drop(lock);
        assert!(storage.try_lock("site.test").unwrap().is_some());
    }

    #[test]
    fn different_texts_are_different_files() {
        assert_eq!(as_file_name("ca.test:14000/dir"), "ca.test%3A14000+dir");
        assert_ne!(as_file_name("a+b"), as_file_name("a/b"));
        assert_eq!(as_file_name(".."), "%2E.");
        assert_ne!(as_file_name("a%2B"), as_file_name("a+"));
    }
}
