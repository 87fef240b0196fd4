//! Where operators are listened to, and ask, where no configuration says: at the first of a few places where this user can have a socket.

use std::fs;
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};

use rustix::fs::{Access, access};

use crate::config::AdminListen;

/// The places, the best first.
#[derive(Debug)]
pub struct UsualSocket {
    places: Vec<PathBuf>,
}

impl UsualSocket {
    /// Those of a user whose `runtime_directory` this is (`XDG_RUNTIME_DIR`), for the configuration in `file`: the one that the systemd
    /// unit makes, then that directory, then the folder of the file.
    pub fn of(runtime_directory: Option<&Path>, file: Option<&Path>) -> Self {
        let of_system = match AdminListen::default() {
            AdminListen::Unix(path) => Some(path),
            AdminListen::Off | AdminListen::Tcp(_) => None,
        };
        // "All paths must be absolute", says the XDG base directory specification; others are to be ignored.
        let runtime_directory = runtime_directory.filter(|path| path.is_absolute());
        let file = file.and_then(|file| std::path::absolute(file).ok());
        let folders = runtime_directory.into_iter().chain(file.as_deref().and_then(Path::parent));
        Self { places: of_system.into_iter().chain(folders.map(|folder| folder.join(NAME))).collect() }
    }

    /// These, for tests.
    #[cfg(test)]
    pub(crate) fn at(places: Vec<PathBuf>) -> Self {
        Self { places }
    }

    /// Where to listen: the first place whose folder this user may write to. Where there is none it is the first of all, and who
    /// listens there will hear why not.
    pub fn to_listen(&self) -> AdminListen {
        let may_make = |path: &&PathBuf| {
            path.parent().is_some_and(|folder| access(folder, Access::WRITE_OK | Access::EXEC_OK).is_ok())
        };
        self.first(self.places.iter().find(may_make))
    }

    /// Where to ask: the first place with a socket that this user may speak to; where there is none, where one would listen.
    pub fn to_ask(&self) -> AdminListen {
        let may_speak = |path: &&PathBuf| {
            fs::metadata(path).is_ok_and(|it| it.file_type().is_socket())
                && access(path.as_path(), Access::WRITE_OK).is_ok()
        };
        self.places.iter().find(may_speak).map_or_else(|| self.to_listen(), |path| AdminListen::Unix(path.clone()))
    }

    /// Whether this is one of the places.
    pub fn has(&self, listen: &AdminListen) -> bool {
        matches!(listen, AdminListen::Unix(path) if self.places.contains(path))
    }

    fn first(&self, place: Option<&PathBuf>) -> AdminListen {
        place.or(self.places.first()).map_or_else(AdminListen::default, |path| AdminListen::Unix(path.clone()))
    }
}

/// What the socket is called where the folder is not windlass's own.
const NAME: &str = "windlass.sock";

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixListener;

    use super::*;

    fn unix(path: impl Into<PathBuf>) -> AdminListen {
        AdminListen::Unix(path.into())
    }

    fn of(places: &[&Path]) -> UsualSocket {
        UsualSocket::at(places.iter().map(|it| it.to_path_buf()).collect())
    }

    #[test]
    fn the_folder_of_the_unit_comes_first_then_that_of_the_user_then_that_of_the_file() {
        let usual = UsualSocket::of(Some(Path::new("/run/user/1000")), Some(Path::new("/srv/chat/windlass.toml")));
        let places = ["/run/windlass/admin.sock", "/run/user/1000/windlass.sock", "/srv/chat/windlass.sock"];
        assert_eq!(usual.places, places.map(PathBuf::from));
        assert!(places.iter().all(|place| usual.has(&unix(place))) && !usual.has(&AdminListen::Off));
        let relative = UsualSocket::of(Some(Path::new("run")), None);
        assert_eq!(relative.places, [PathBuf::from("/run/windlass/admin.sock")]);
    }

    #[test]
    fn it_listens_where_this_user_can_make_a_socket() {
        let (folder, missing) = (tempfile::tempdir().unwrap(), Path::new("/nowhere/admin.sock"));
        let there = folder.path().join("windlass.sock");
        assert_eq!(of(&[missing, &there]).to_listen(), unix(&there));
        assert_eq!(of(&[missing, Path::new("/proc/self/windlass.sock")]).to_listen(), unix(missing), "to say why not");
    }

    #[test]
    fn it_asks_where_somebody_may_listen() {
        let folder = tempfile::tempdir().unwrap();
        let [file, free, bound] = ["file", "free.sock", "bound.sock"].map(|name| folder.path().join(name));
        fs::write(&file, "").unwrap();
        assert_eq!(of(&[&file, &free]).to_ask(), unix(&file), "where it would listen, as long as there is none");
        let _listener = UnixListener::bind(&bound).unwrap();
        assert_eq!(of(&[&file, &free, &bound]).to_ask(), unix(&bound));
    }
}
