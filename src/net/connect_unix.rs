//! Connecting to a unix socket.

use std::io::{self, ErrorKind};
use std::path::PathBuf;
use std::time::Duration;

use tokio::net::UnixStream;
use tokio::time::sleep;

use crate::config::UnixAddress;

/// Connects to the socket at `address`; waits, without a deadline, while its queue is full, as TCP does.
///
/// # Errors
/// Why there is no connection, in words.
pub(super) async fn connect_unix(address: &UnixAddress) -> io::Result<UnixStream> {
    let path = match address {
        UnixAddress::Path(path) => path.clone(),
        // What the runtime takes for a name in the abstract namespace (unix(7)).
        UnixAddress::Abstract(name) => PathBuf::from(format!("\0{name}")),
    };
    let mut pause = FIRST_PAUSE;
    loop {
        match UnixStream::connect(&path).await {
            Err(error) if error.kind() == ErrorKind::WouldBlock => sleep(pause).await,
            connected => return connected.map_err(|error| in_words(address, error)),
        }
        pause = LONGEST_PAUSE.min(2 * pause);
    }
}

/// Of the errors that an operator can do something about, what is wrong.
fn in_words(address: &UnixAddress, error: io::Error) -> io::Error {
    let kind = error.kind();
    let problem = match kind {
        ErrorKind::NotFound => "there is no such file",
        ErrorKind::PermissionDenied => "permission is denied",
        ErrorKind::ConnectionRefused => "nobody listens there",
        _ => return error,
    };
    io::Error::new(kind, format!("{address}: {problem}"))
}

/// A full queue tells nobody when there is room again.
const FIRST_PAUSE: Duration = Duration::from_millis(1);
const LONGEST_PAUSE: Duration = Duration::from_millis(50);

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::linux::net::SocketAddrExt;
    use std::os::unix::fs::PermissionsExt;
    use std::os::unix::net::{SocketAddr, UnixListener as StdUnixListener};
    use std::path::Path;

    use futures_util::FutureExt;
    use socket2::{Domain, SockAddr, Socket, Type};
    use tempfile::TempDir;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::UnixListener;
    use tokio::time::timeout;

    use super::*;

    fn socket_in(folder: &TempDir) -> PathBuf {
        folder.path().join("app.sock")
    }

    async fn refused(path: &Path) -> io::Error {
        connect_unix(&UnixAddress::Path(path.into())).await.unwrap_err()
    }

    #[tokio::test]
    async fn a_socket_is_found_by_its_path_or_its_name() {
        let folder = TempDir::new().unwrap();
        let by_path = UnixListener::bind(socket_in(&folder)).unwrap();
        let name = format!("windlass-test-{}", std::process::id());
        let by_name = StdUnixListener::bind_addr(&SocketAddr::from_abstract_name(&name).unwrap()).unwrap();
        by_name.set_nonblocking(true).unwrap();
        let by_name = UnixListener::from_std(by_name).unwrap();
        for (listener, address) in
            [(by_path, UnixAddress::Path(socket_in(&folder))), (by_name, UnixAddress::Abstract(name))]
        {
            let (ours, theirs) = tokio::join!(connect_unix(&address), listener.accept());
            ours.unwrap().write_all(b"hello").await.unwrap();
            let mut heard = String::new();
            theirs.unwrap().0.read_to_string(&mut heard).await.unwrap();
            assert_eq!(heard, "hello", "{address}");
        }
    }

    #[tokio::test]
    async fn what_is_wrong_is_said_in_words() {
        let folder = TempDir::new().unwrap();
        let path = socket_in(&folder);
        let error = refused(&path).await;
        assert_eq!(error.kind(), ErrorKind::NotFound);
        assert_eq!(error.to_string(), format!("unix:{}: there is no such file", path.display()));
        drop(StdUnixListener::bind(&path).unwrap());
        let error = refused(&path).await;
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
        assert_eq!(error.to_string(), format!("unix:{}: nobody listens there", path.display()));
        let error = connect_unix(&UnixAddress::Abstract("windlass-nobody".into())).await.unwrap_err();
        assert_eq!(error.to_string(), "unix:@windlass-nobody: nobody listens there");
    }

    #[test]
    fn a_socket_that_is_not_for_us_is_said_to_be_so() {
        // Root may connect to every socket; so this is asked of the words alone.
        let error = in_words(&UnixAddress::Path("/run/app.sock".into()), ErrorKind::PermissionDenied.into());
        assert_eq!(error.to_string(), "unix:/run/app.sock: permission is denied");
        if !rustix::process::geteuid().is_root() {
            let folder = TempDir::new().unwrap();
            let _listener = StdUnixListener::bind(socket_in(&folder)).unwrap();
            fs::set_permissions(socket_in(&folder), Permissions::from_mode(0o0)).unwrap();
            let refused = refused(&socket_in(&folder)).now_or_never().unwrap();
            assert_eq!(refused.kind(), ErrorKind::PermissionDenied);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_full_queue_is_waited_for() {
        let folder = TempDir::new().unwrap();
        let listener = Socket::new(Domain::UNIX, Type::STREAM, None).unwrap();
        listener.bind(&SockAddr::unix(socket_in(&folder)).unwrap()).unwrap();
        listener.listen(0).unwrap();
        let address = UnixAddress::Path(socket_in(&folder));
        let first = connect_unix(&address).await.unwrap();
        let mut second = Box::pin(connect_unix(&address));
        assert!(timeout(Duration::from_secs(10), &mut second).await.is_err());
        listener.accept().unwrap();
        second.await.unwrap();
        drop(first);
    }
}
