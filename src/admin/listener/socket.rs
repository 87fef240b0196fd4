//! The socket that operators are listened to at.

use std::fs;
use std::io;
use std::net::TcpListener as StdTcpListener;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::os::unix::net::UnixListener as StdUnixListener;
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, fchmod};
use socket2::{Domain, SockAddr, Socket, Type};

use crate::config::AdminListen;

const BACKLOG: i32 = 64;

/// A socket that is bound, and not listened at yet by anybody.
#[derive(Debug)]
pub enum BoundAdmin {
    /// At a path.
    Unix(StdUnixListener, Option<SocketFile>),
    /// At an address.
    Tcp(StdTcpListener),
}

/// The file of a unix socket: it goes with the socket, unless somebody has put another one there.
#[derive(Debug)]
pub struct SocketFile {
    path: PathBuf,
    /// Device and inode.
    identity: (u64, u64),
    /// Another process has the socket, and its file.
    is_left: bool,
}

impl BoundAdmin {
    /// Binds what is configured. The socket file of a process that is gone is replaced.
    ///
    /// # Errors
    /// What the system says; `AddrInUse` where another process listens there.
    pub fn bind(listen: &AdminListen) -> io::Result<Self> {
        match listen {
            AdminListen::Off => Err(io::ErrorKind::InvalidInput.into()),
            AdminListen::Unix(path) => bind_unix(path),
            AdminListen::Tcp(address) => {
                let listener = StdTcpListener::bind(address)?;
                listener.set_nonblocking(true)?;
                Ok(Self::Tcp(listener))
            }
        }
    }

    /// Takes over what another process has bound there. Its file is that one's until [`SocketFile::at`] claims it.
    ///
    /// # Errors
    /// What the system says.
    pub fn adopt(listen: &AdminListen, socket: OwnedFd) -> io::Result<Self> {
        rustix::io::ioctl_fionbio(&socket, true)?;
        match listen {
            AdminListen::Off => Err(io::ErrorKind::InvalidInput.into()),
            AdminListen::Unix(_) => Ok(Self::Unix(socket.into(), None)),
            AdminListen::Tcp(_) => Ok(Self::Tcp(socket.into())),
        }
    }

    /// The same socket once more, for another process.
    ///
    /// # Errors
    /// What the system says.
    pub fn duplicate(&self) -> io::Result<OwnedFd> {
        match self {
            Self::Unix(listener, _) => Ok(listener.try_clone()?.into()),
            Self::Tcp(listener) => Ok(listener.try_clone()?.into()),
        }
    }

    /// The file of the socket: whoever keeps it decides how long there is one.
    pub fn take_file(&mut self) -> Option<SocketFile> {
        match self {
            Self::Unix(_, file) => file.take(),
            Self::Tcp(_) => None,
        }
    }
}

impl SocketFile {
    /// Claims the file at `path`.
    ///
    /// # Errors
    /// There is none.
    pub fn at(path: &Path) -> io::Result<Self> {
        let metadata = fs::symlink_metadata(path)?;
        Ok(Self { path: path.to_owned(), identity: (metadata.dev(), metadata.ino()), is_left: false })
    }

    /// Whether it is where it was, and still this one.
    pub fn is_there(&self) -> bool {
        fs::symlink_metadata(&self.path).is_ok_and(|it| (it.dev(), it.ino()) == self.identity)
    }

    /// Leaves the file where it is: it is another process's.
    pub fn leave(mut self) {
        self.is_left = true;
    }
}

fn bind_unix(path: &Path) -> io::Result<BoundAdmin> {
    remove_stale(path)?;
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    // Its file is made with the mode that the socket has (unix(7)): it is nobody else's for no moment.
    fchmod(&socket, Mode::RUSR | Mode::WUSR)?;
    socket.bind(&SockAddr::unix(path)?)?;
    let file = SocketFile::at(path)?;
    socket.listen(BACKLOG)?;
    socket.set_nonblocking(true)?;
    Ok(BoundAdmin::Unix(socket.into(), Some(file)))
}

/// Makes room where a process left its socket file behind.
fn remove_stale(path: &Path) -> io::Result<()> {
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
        Ok(metadata) if !metadata.file_type().is_socket() => {
            return Err(io::Error::new(io::ErrorKind::AlreadyExists, "there is a file that is no socket"));
        }
        Ok(_) => {}
    }
    // Whoever takes nobody out of a full queue lives all the same, and is not waited for.
    let probe = Socket::new(Domain::UNIX, Type::STREAM.nonblocking(), None)?;
    match probe.connect(&SockAddr::unix(path)?) {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => fs::remove_file(path),
        _ => Err(io::Error::from(io::ErrorKind::AddrInUse)),
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        let is_ours = |metadata: fs::Metadata| (metadata.dev(), metadata.ino()) == self.identity;
        if !self.is_left && fs::symlink_metadata(&self.path).is_ok_and(is_ours) {
            // Whoever comes next replaces what stays.
            let _ = fs::remove_file(&self.path);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;
    use std::os::unix::net::UnixStream as StdUnixStream;

    use super::*;

    fn folder() -> (tempfile::TempDir, AdminListen) {
        let folder = tempfile::tempdir().unwrap();
        let listen = AdminListen::Unix(folder.path().join("admin.sock"));
        (folder, listen)
    }

    #[test]
    fn only_its_user_may_connect_and_the_file_goes_with_the_socket() {
        let (folder, listen) = folder();
        let path = folder.path().join("admin.sock");
        let bound = BoundAdmin::bind(&listen).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        drop(bound);
        assert!(!path.exists());
    }

    #[test]
    fn the_file_of_a_dead_process_is_replaced_and_that_of_a_living_one_is_not() {
        let (folder, listen) = folder();
        let path = folder.path().join("admin.sock");
        let living = StdUnixListener::bind(&path).unwrap();
        assert_eq!(BoundAdmin::bind(&listen).unwrap_err().kind(), io::ErrorKind::AddrInUse);
        drop(living);
        assert!(path.exists(), "a socket file outlives its process");
        assert!(BoundAdmin::bind(&listen).is_ok());
    }

    #[test]
    fn a_process_that_is_stuck_and_has_a_full_queue_is_not_waited_for() {
        let (folder, listen) = folder();
        let path = SockAddr::unix(folder.path().join("admin.sock")).unwrap();
        let stuck = Socket::new(Domain::UNIX, Type::STREAM, None).unwrap();
        stuck.bind(&path).unwrap();
        stuck.listen(0).unwrap();
        let client = || Socket::new(Domain::UNIX, Type::STREAM.nonblocking(), None).unwrap();
        let waiting: Vec<_> = std::iter::repeat_with(client).take_while(|it| it.connect(&path).is_ok()).collect();
        assert!(!waiting.is_empty());

        assert_eq!(BoundAdmin::bind(&listen).unwrap_err().kind(), io::ErrorKind::AddrInUse);
    }

    #[test]
    fn the_mode_of_a_socket_is_that_of_its_file_from_the_start() {
        let (folder, _) = folder();
        let path = folder.path().join("bound.sock");
        let socket = Socket::new(Domain::UNIX, Type::STREAM, None).unwrap();
        fchmod(&socket, Mode::RUSR | Mode::WUSR).unwrap();
        socket.bind(&SockAddr::unix(&path).unwrap()).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn a_file_that_is_no_socket_is_never_removed() {
        let (folder, listen) = folder();
        let path = folder.path().join("admin.sock");
        fs::write(&path, "precious").unwrap();
        assert_eq!(BoundAdmin::bind(&listen).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read_to_string(&path).unwrap(), "precious");
    }

    #[test]
    fn a_socket_that_is_passed_on_keeps_its_file_and_takes_it_along_at_its_end() {
        let (folder, listen) = folder();
        let path = folder.path().join("admin.sock");
        let mut before = BoundAdmin::bind(&listen).unwrap();
        let adopted = BoundAdmin::adopt(&listen, before.duplicate().unwrap()).unwrap();
        drop(adopted);
        assert!(path.exists(), "a handoff that failed takes nothing along");
        let adopted = BoundAdmin::adopt(&listen, before.duplicate().unwrap()).unwrap();
        let file = SocketFile::at(&path).unwrap();
        before.take_file().unwrap().leave();
        drop(before);
        assert!(StdUnixStream::connect(&path).is_ok());
        drop((adopted, file));
        assert!(!path.exists());
    }

    #[test]
    fn a_file_that_somebody_else_put_there_stays() {
        let (folder, listen) = folder();
        let path = folder.path().join("admin.sock");
        let bound = BoundAdmin::bind(&listen).unwrap();
        fs::remove_file(&path).unwrap();
        let _other = StdUnixListener::bind(&path).unwrap();
        drop(bound);
        assert!(path.exists());
    }
}
