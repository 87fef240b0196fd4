//! Which configuration file is meant: the one that is named, or the usual one.

use std::fs;
use std::path::{Path, PathBuf, absolute};

use crate::app::UsualSocket;
use crate::config::{self, AdminListen, AdminListenerSettings, Problem, Problems};

/// Where the file is that nobody has to name.
const USUAL: &str = "/etc/windlass/windlass.toml";

/// The configuration file that a command line means.
#[derive(Debug)]
pub(super) struct ConfigFile {
    path: PathBuf,
    is_named: bool,
}

impl ConfigFile {
    /// The one that is `named`, or the usual one.
    pub(super) fn new(named: Option<PathBuf>) -> Self {
        match named {
            Some(path) => Self { path, is_named: true },
            None => Self { path: USUAL.into(), is_named: false },
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Where its `[admin]` says that operators are listened to, and best asked; where it says nothing, the `usual` socket. The usual
    /// file may be missing: whoever serves another one listens there most likely.
    pub(super) fn admin(&self, usual: &UsualSocket) -> Result<AdminListenerSettings, Problems> {
        let usual = || AdminListenerSettings::at(usual.to_ask());
        match config::load_admin(&self.path) {
            Err(_) if self.is_missing() => Ok(usual()),
            admin => admin.map(|admin| if admin.is_written() { admin.asked() } else { usual() }),
        }
    }

    /// What its `[admin]` says of the listener at this address. Nothing where it cannot be read or has none there: who named an address
    /// needs no file.
    pub(super) fn admin_at(&self, listen: AdminListen) -> AdminListenerSettings {
        let listeners = config::load_admin(&self.path).map(|admin| admin.listeners).unwrap_or_default();
        let named = listeners.into_iter().find(|listener| listener.listen == listen);
        named.unwrap_or_else(|| AdminListenerSettings::at(listen))
    }

    /// What is wrong where the file cannot be used because of `problems`.
    pub(super) fn explain(&self, problems: Problems) -> Problems {
        match self.is_missing() {
            true => self.missing().into(),
            false => problems,
        }
    }

    /// Whether this is the usual file, and there is none.
    pub(super) fn is_missing(&self) -> bool {
        !self.is_named && matches!(self.path.try_exists(), Ok(false))
    }

    pub(super) fn missing(&self) -> Problem {
        Problem::of_file(
            &self.path,
            "there is no such file",
            "write -c FILE, or a first one by `windlass init`; `windlass run --endpoint ADDRESS` and `windlass demo` need none",
        )
    }

    /// Whether this is the file at that path, wherever links lead.
    pub(super) fn is_the_one_at(&self, path: &Path) -> bool {
        let resolved = |path: &Path| fs::canonicalize(path).or_else(|_| absolute(path)).ok();
        resolved(&self.path) == resolved(path)
    }

    /// What somebody should know who named this file to a process that has read the one at `read`.
    pub(super) fn warning(&self, read: &Path) -> Option<String> {
        if !self.is_named || self.is_the_one_at(read) {
            return None;
        }
        let (path, read) = (self.path.display(), read.display());
        Some(format!("warning: {path} only said where to ask; to have it served, put it in the place of {read}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usual(folder: &tempfile::TempDir) -> ConfigFile {
        ConfigFile { path: folder.path().join("windlass.toml"), is_named: false }
    }

    /// The one place that there is.
    fn socket_in(folder: &tempfile::TempDir) -> (UsualSocket, AdminListen) {
        let path = folder.path().join("windlass.sock");
        (UsualSocket::at(vec![path.clone()]), AdminListen::Unix(path))
    }

    #[test]
    fn nobody_needs_the_usual_file() {
        let folder = tempfile::tempdir().unwrap();
        let (usual, (socket, place)) = (usual(&folder), socket_in(&folder));
        assert_eq!(usual.admin(&socket).unwrap().listen, place);
        let unreadable = config::load(usual.path()).unwrap_err();
        let explained = usual.explain(unreadable.clone()).to_string();
        assert!(
            explained.contains("there is no such file\n    hint: write -c FILE, or a first one by `windlass init`"),
            "{explained}"
        );

        let named = ConfigFile::new(Some(usual.path));
        assert!(named.admin(&socket).is_err());
        assert_eq!(named.explain(unreadable.clone()).to_string(), unreadable.to_string());
    }

    #[test]
    fn the_usual_file_is_read_where_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let (usual, (socket, place)) = (usual(&folder), socket_in(&folder));
        let asked = |text: &str| {
            fs::write(&usual.path, text).unwrap();
            usual.admin(&socket).map(|admin| admin.listen)
        };
        let address = AdminListen::Tcp("127.0.0.1:9900".parse().unwrap());
        assert_eq!(asked("[admin]\nlisten = \"127.0.0.1:9900\"").unwrap(), address);
        assert_eq!(asked("[admin]\ntap = \"off\"").unwrap(), place, "it says nothing of where");
        assert!(asked("[admin]\nlisten = 9900").is_err());
    }

    #[test]
    fn only_who_names_another_file_is_warned() {
        let folder = tempfile::tempdir().unwrap();
        let (file, link) = (folder.path().join("windlass.toml"), folder.path().join("link.toml"));
        fs::write(&file, "").unwrap();
        std::os::unix::fs::symlink(&file, &link).unwrap();
        let named = |path: &Path| ConfigFile::new(Some(path.to_owned()));
        assert_eq!(named(&link).warning(&file), None);
        assert_eq!(ConfigFile::new(None).warning(&file), None);
        let warning = named(Path::new("new.toml")).warning(&file).unwrap();
        assert!(warning.starts_with("warning: new.toml only said where to ask; to have it served"), "{warning}");
    }
}
