//! What this process leaves with systemd for the next start: the descriptor store, as sd_notify(3) and systemd.service(5) have it.
//!
//! systemd answers nothing: what finds no room there is closed in silence. Whoever leaves one end of something learns that from the
//! other end, once [`Notifier::barrier`] is over. What was left comes back beside the sockets of socket units, under the same name.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use tokio::io::AsyncReadExt;
use tokio::net::unix::pipe;
use tokio::time::timeout;

use super::Activated;
use super::systemd::Notifier;

/// What a process that ended has said to the next one: its listening sockets, and what it counts on.
pub const KEPT_STATE: &str = "windlass-kept";
/// The tunnels that it had.
pub const KEPT_TUNNELS: &str = "windlass-tunnels";
/// How many descriptors a process leaves at the most: `FileDescriptorStoreMax=` of our drop-in for the unit.
pub const MOST_KEPT: usize = 16;

impl Notifier {
    /// Leaves descriptors with systemd, under this name. They stay there also when their other ends are closed, for there may be
    /// something to read in them.
    ///
    /// # Errors
    /// There is nobody to leave them with, or they cannot be sent. That there was no room for them is no error here.
    pub fn store(&self, name: &str, descriptors: &[BorrowedFd<'_>]) -> io::Result<()> {
        self.insist(&format!("FDSTORE=1\nFDNAME={name}\nFDPOLL=0"), descriptors)
    }

    /// Has systemd close what it keeps under this name.
    ///
    /// # Errors
    /// Nobody hears it.
    pub fn forget(&self, name: &str) -> io::Result<()> {
        self.insist(&format!("FDSTOREREMOVE=1\nFDNAME={name}"), &[])
    }

    /// Waits until systemd has taken note of everything that was said before: `BARRIER=1`, with a pipe that it closes.
    ///
    /// # Errors
    /// Nobody hears it, or not `within` that time.
    pub async fn barrier(&self, within: Duration) -> io::Result<()> {
        let (near, far) = io::pipe()?;
        self.insist("BARRIER=1", &[far.as_fd()])?;
        drop(far);
        let mut near = pipe::Receiver::from_owned_fd(near.into())?;
        match timeout(within, near.read(&mut [0])).await {
            Ok(closed) => closed.map(drop),
            Err(_) => Err(io::Error::new(io::ErrorKind::TimedOut, "systemd takes too long to take note")),
        }
    }
}

impl Activated {
    /// Whether it is none of a socket unit, but was left by a process of this program before.
    pub fn is_kept(&self) -> bool {
        [KEPT_STATE, KEPT_TUNNELS].contains(&self.name.as_str())
    }
}

#[cfg(test)]
mod tests {
    use std::io::{IoSliceMut, Read};
    use std::mem::MaybeUninit;
    use std::os::fd::OwnedFd;
    use std::os::unix::net::UnixDatagram;

    use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, recvmsg};

    use super::*;

    #[test]
    fn what_is_left_goes_with_its_name_in_one_datagram_and_is_not_watched() {
        let (systemd, notifier, _folder) = played();
        let (mut near, far) = io::pipe().unwrap();

        notifier.store(KEPT_STATE, &[far.as_fd()]).unwrap();
        drop(far);

        let (text, kept) = heard(&systemd);
        assert_eq!(text, "FDSTORE=1\nFDNAME=windlass-kept\nFDPOLL=0");
        assert_eq!(kept.len(), 1);
        drop(kept);
        assert_eq!(near.read(&mut [0]).unwrap(), 0, "that was the other end of it");
    }

    #[test]
    fn what_is_not_needed_any_more_is_taken_out_by_its_name() {
        let (systemd, notifier, _folder) = played();
        notifier.forget(KEPT_TUNNELS).unwrap();
        assert_eq!(heard(&systemd).0, "FDSTOREREMOVE=1\nFDNAME=windlass-tunnels");
    }

    #[test]
    fn more_than_a_datagram_takes_is_an_error_that_leaves_nothing() {
        let (systemd, notifier, _folder) = played();
        let (near, _far) = io::pipe().unwrap();
        assert!(notifier.store(KEPT_STATE, &[near.as_fd(); 20]).is_err());
        notifier.forget(KEPT_STATE).unwrap();
        assert!(heard(&systemd).0.starts_with("FDSTOREREMOVE=1"));
    }

    #[tokio::test]
    async fn the_barrier_is_over_when_systemd_has_closed_what_came_with_it_and_not_sooner() {
        let (systemd, notifier, _folder) = played();
        notifier.watchdog();
        let mut waiting = Box::pin(notifier.barrier(Duration::from_secs(10)));
        tokio::select! {
            biased;
            _ = &mut waiting => panic!("nobody has taken note of anything"),
            () = std::future::ready(()) => {}
        }
        assert_eq!(heard(&systemd).0, "WATCHDOG=1");
        let (text, pipe) = heard(&systemd);
        assert_eq!((text.as_str(), pipe.len()), ("BARRIER=1", 1));
        tokio::select! {
            biased;
            _ = &mut waiting => panic!("it is still open"),
            () = std::future::ready(()) => {}
        }

        drop(pipe);
        waiting.await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn a_systemd_that_takes_note_of_nothing_is_given_up() {
        let (_systemd, notifier, _folder) = played();
        let error = notifier.barrier(Duration::from_secs(5)).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }

    #[tokio::test]
    async fn nothing_is_left_with_nobody_nor_by_who_is_not_the_service_any_more() {
        let (near, _far) = io::pipe().unwrap();
        let nobody = Notifier::from_socket(None);
        let error = nobody.store(KEPT_STATE, &[near.as_fd()]).unwrap_err();
        assert!(error.to_string().contains("NOTIFY_SOCKET"), "{error}");
        assert!(nobody.barrier(Duration::from_secs(5)).await.is_err());

        let (_systemd, notifier, _folder) = played();
        notifier.give_way(42);
        assert!(notifier.store(KEPT_STATE, &[near.as_fd()]).is_err());
        assert!(notifier.forget(KEPT_STATE).is_err());
    }

    #[test]
    fn what_was_kept_is_told_from_the_sockets_of_socket_units() {
        let named = |name: &str| Activated { name: name.to_owned(), socket: io::pipe().unwrap().0.into() };
        assert!(named(KEPT_STATE).is_kept() && named(KEPT_TUNNELS).is_kept());
        assert!(!named("windlass-web").is_kept() && !named("windlass-kept.socket").is_kept());
    }

    /// A notify socket, who speaks to it, and where it is.
    fn played() -> (UnixDatagram, Notifier, tempfile::TempDir) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify");
        let systemd = UnixDatagram::bind(&path).unwrap();
        systemd.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        (systemd, Notifier::from_socket(Some(path.into_os_string())), folder)
    }

    fn heard(systemd: &UnixDatagram) -> (String, Vec<OwnedFd>) {
        let mut datagram = [0; 4096];
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(16))];
        let mut ancillary = RecvAncillaryBuffer::new(&mut space);
        let flags = RecvFlags::CMSG_CLOEXEC;
        let received = recvmsg(systemd, &mut [IoSliceMut::new(&mut datagram)], &mut ancillary, flags).unwrap();
        let rights = ancillary.drain().filter_map(|message| match message {
            RecvAncillaryMessage::ScmRights(descriptors) => Some(descriptors),
            _ => None,
        });
        let descriptors = rights.flatten().collect();
        (String::from_utf8(datagram[..received.bytes].to_vec()).unwrap(), descriptors)
    }
}
