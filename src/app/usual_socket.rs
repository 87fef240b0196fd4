//! Where operators are listened to, and ask, where no configuration says: at the first of a few places where this user can have a socket.
//!
//! Invariant: nobody else can put a socket at one of these places, but for root, and for the user of the service at its own.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::process::geteuid;
use socket2::{Domain, SockAddr, Socket, Type};

use crate::config::AdminListen;

/// The places, the best first.
#[derive(Debug)]
pub struct UsualSocket {
    places: Vec<PathBuf>,
    /// The folders that are none of them, each as "in FOLDER, where others may write".
    left_out: Vec<String>,
    has_runtime_directory: bool,
}

impl UsualSocket {
    /// Those of a user whose `runtime_directory` this is (`XDG_RUNTIME_DIR`), for the configuration in one of `files`: the one that the
    /// systemd unit makes, then that directory, then the folders of the files.
    pub fn of(runtime_directory: Option<&Path>, files: &[&Path]) -> Self {
        let of_system = match AdminListen::default() {
            AdminListen::Unix(path) => Some(path),
            AdminListen::Off | AdminListen::Tcp(_) => None,
        };
        let mut usual = Self { places: Vec::from_iter(of_system), left_out: Vec::new(), has_runtime_directory: false };
        match runtime_directory.filter(|it| !it.as_os_str().is_empty()).map(|it| (it, why_not(it))) {
            Some((folder, None)) => {
                usual.has_runtime_directory = true;
                usual.take(folder);
            }
            Some((folder, Some(why))) => {
                usual.leave_out(format!("in $XDG_RUNTIME_DIR, {}, {why}", folder.display()));
            }
            None => usual.leave_out(NOT_SET.to_owned()),
        }
        for folder in files.iter().filter_map(|file| Some(std::path::absolute(file).ok()?.parent()?.to_owned())) {
            if is_closed_to_others(&folder) {
                usual.take(&folder);
            } else {
                usual.leave_out(format!("in {}, where others may write", folder.display()));
            }
        }
        usual
    }

    fn take(&mut self, folder: &Path) {
        let place = folder.join(NAME);
        if !self.places.contains(&place) {
            self.places.push(place);
        }
    }

    fn leave_out(&mut self, folder: String) {
        if !self.left_out.contains(&folder) {
            self.left_out.push(folder);
        }
    }

    /// Where to listen, in this order: whoever can have no socket at one place goes on to the next.
    pub fn to_listen(&self) -> impl Iterator<Item = AdminListen> {
        self.places.iter().map(|place| AdminListen::Unix(place.clone()))
    }

    /// Where somebody listens now.
    pub fn answering(&self) -> impl Iterator<Item = AdminListen> {
        self.places.iter().filter(|place| somebody_listens_at(place)).map(|place| AdminListen::Unix(place.clone()))
    }

    /// Where to ask: the first place where somebody listens; the first of all, where nobody does, so that this is said of it.
    pub fn to_ask(&self) -> AdminListen {
        self.answering().chain(self.to_listen()).next().unwrap_or_default()
    }

    /// That one can be had at none of the places, as was `tried`: of each why not, and what to do.
    pub(super) fn nowhere(&self, tried: &[(AdminListen, io::Error)]) -> String {
        let tried = tried.iter().map(|(listen, error)| format!("at {listen}: {error}"));
        let each: Vec<_> = tried.chain(self.left_out.iter().cloned()).collect();
        format!(
            "operators cannot be listened to {}; set `admin.listen` to \"unix:/PATH\" in a folder that this user may write to, or to \"off\"",
            each.join("; nor ")
        )
    }

    /// Where nobody was found, and where else somebody may be: the places hang on whose they are.
    pub fn elsewhere(&self) -> String {
        let places: Vec<_> = self.places.iter().map(|place| place.display().to_string()).collect();
        let mut looked = format!("nobody listens at {}", places.join(", nor at "));
        for left_out in self.left_out.iter().filter(|it| **it != NOT_SET) {
            looked.push_str("; not looked ");
            looked.push_str(left_out);
        }
        let whose = match self.has_runtime_directory {
            true => {
                "a process of another user, or one that was started without this XDG_RUNTIME_DIR, listens elsewhere"
            }
            false => {
                "XDG_RUNTIME_DIR is not set here, or not this user's, as under sudo and cron: a process that was started in \
                      somebody's session listens at /run/user/UID/windlass.sock"
            }
        };
        format!("{looked}; {whose}: its log says \"operators are listened to\" with the place, for --admin unix:/PATH")
    }

    /// Whether this is one of the places.
    pub fn has(&self, listen: &AdminListen) -> bool {
        matches!(listen, AdminListen::Unix(path) if self.places.contains(path))
    }

    /// These, for tests.
    #[cfg(test)]
    pub(crate) fn at(places: Vec<PathBuf>) -> Self {
        Self { places, left_out: Vec::new(), has_runtime_directory: false }
    }
}

const NOT_SET: &str = "in $XDG_RUNTIME_DIR, which is not set";
/// What the socket is called where the folder is not windlass's own.
const NAME: &str = "windlass.sock";

/// Why `folder` is no runtime directory of this user: that is "absolute", and "the directory MUST be owned by the user" (XDG base directory
/// specification). One of somebody else, as `sudo -E` leaves it, is not to be used.
fn why_not(folder: &Path) -> Option<String> {
    if !folder.is_absolute() {
        return Some("which does not begin with a slash".to_owned());
    }
    match fs::metadata(folder) {
        Ok(it) if it.uid() == geteuid().as_raw() && is_closed(&it) => None,
        Ok(it) if !it.is_dir() => Some("which is no folder".to_owned()),
        Ok(_) => Some("which is not this user's alone".to_owned()),
        Err(error) => Some(format!("which cannot be read: {error}")),
    }
}

/// Whether nobody but this user and root can put anything there.
fn is_closed_to_others(folder: &Path) -> bool {
    fs::metadata(folder).is_ok_and(|it| [0, geteuid().as_raw()].contains(&it.uid()) && is_closed(&it))
}

fn is_closed(folder: &fs::Metadata) -> bool {
    const WRITABLE_BY_OTHERS: u32 = 0o022;
    folder.is_dir() && folder.mode() & WRITABLE_BY_OTHERS == 0
}

/// Whether a process has a socket there that this user may speak to. What one that was killed has left behind is none.
fn somebody_listens_at(path: &Path) -> bool {
    let connected = SockAddr::unix(path).and_then(|address| {
        let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
        // Whoever has no room for us now is there all the same.
        socket.set_nonblocking(true)?;
        socket.connect(&address)
    });
    connected.is_ok() || connected.is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock)
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;
    use std::os::unix::fs::PermissionsExt;
    use std::os::unix::net::UnixListener;

    use super::*;

    fn unix(path: impl Into<PathBuf>) -> AdminListen {
        AdminListen::Unix(path.into())
    }

    #[test]
    fn the_folder_of_the_unit_comes_first_then_that_of_the_user_then_that_of_the_file() {
        let (runtime, folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let file = folder.path().join("windlass.toml");
        let usual = UsualSocket::of(Some(runtime.path()), &[&file, &file]);
        let own = [runtime.path(), folder.path()].map(|it| it.join("windlass.sock"));
        let places = [PathBuf::from("/run/windlass/admin.sock"), own[0].clone(), own[1].clone()];
        assert_eq!(usual.places, places);
        assert!(places.into_iter().all(|place| usual.has(&unix(place))) && !usual.has(&AdminListen::Off));
    }

    #[test]
    fn no_place_is_one_where_others_may_put_a_socket() {
        let (runtime, folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let file = folder.path().join("windlass.toml");
        for path in [runtime.path(), folder.path()] {
            fs::set_permissions(path, Permissions::from_mode(0o1777)).unwrap();
        }
        let system = [PathBuf::from("/run/windlass/admin.sock")];
        assert_eq!(UsualSocket::of(Some(runtime.path()), &[&file]).places, system);
        assert_eq!(UsualSocket::of(Some(Path::new("run")), &[]).places, system, "it is not absolute");
        assert_eq!(UsualSocket::of(Some(Path::new("/proc/1")), &[]).places.len(), usize::from(geteuid().is_root()) + 1);
    }

    #[test]
    fn where_there_is_no_place_it_is_said_of_each_why_not() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("windlass.toml");
        fs::set_permissions(folder.path(), Permissions::from_mode(0o777)).unwrap();
        let tried = || [(AdminListen::default(), io::Error::from(io::ErrorKind::NotFound))];
        let said = UsualSocket::of(None, &[&file, &file]).nowhere(&tried());
        let each = format!(
            "at unix:/run/windlass/admin.sock: entity not found; nor in $XDG_RUNTIME_DIR, which is not set; nor in {}, where others may write; set",
            folder.path().display()
        );
        assert!(said.contains(&each), "{said}");
        let said = UsualSocket::of(Some(folder.path()), &[]).nowhere(&tried());
        assert!(said.contains(&format!("{}, which is not this user's alone", folder.path().display())), "{said}");
        for (runtime, why) in [
            ("/none/here", "/none/here, which cannot be read: No such file or directory"),
            ("run", "run, which does not begin with a slash"),
            ("/proc/self/comm", "/proc/self/comm, which is no folder"),
        ] {
            let said = UsualSocket::of(Some(Path::new(runtime)), &[]).nowhere(&tried());
            assert!(said.contains(why), "{said}");
        }
    }

    #[test]
    fn who_finds_nobody_reads_where_was_looked_and_what_another_session_has() {
        let (runtime, folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let file = folder.path().join("windlass.toml");
        let said = UsualSocket::of(None, &[&file]).elsewhere();
        let places = format!("at /run/windlass/admin.sock, nor at {}", folder.path().join("windlass.sock").display());
        assert!(said.contains(&places) && said.contains("XDG_RUNTIME_DIR is not set here"), "{said}");
        assert!(said.contains("/run/user/UID/windlass.sock") && said.contains("--admin unix:/PATH"), "{said}");
        fs::set_permissions(folder.path(), Permissions::from_mode(0o777)).unwrap();
        let said = UsualSocket::of(None, &[&file]).elsewhere();
        let left_out = format!("; not looked in {}, where others may write;", folder.path().display());
        assert!(said.contains(&left_out), "{said}");
        let said = UsualSocket::of(Some(runtime.path()), &[&file]).elsewhere();
        assert!(said.contains(&runtime.path().display().to_string()) && !said.contains("not set"), "{said}");
    }

    #[test]
    fn it_asks_where_somebody_listens_and_not_where_somebody_did() {
        let folder = tempfile::tempdir().unwrap();
        let [file, left, bound] = ["file", "left.sock", "bound.sock"].map(|name| folder.path().join(name));
        fs::write(&file, "").unwrap();
        drop(UnixListener::bind(&left).unwrap());
        let usual = UsualSocket::at(vec![file.clone(), left, bound.clone()]);
        assert_eq!(usual.to_ask(), unix(&file), "the first of all, where nobody listens");
        let _listener = UnixListener::bind(&bound).unwrap();
        assert_eq!(usual.to_ask(), unix(&bound));
    }
}
