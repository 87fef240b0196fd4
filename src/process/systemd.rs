//! Telling systemd how the process is: the sd_notify protocol.
//!
//! Each method sends one datagram, because systemd takes assignments that belong together only from one: a
//! `RELOADING=1` without its `MONOTONIC_USEC=` is not believed. Without a notify socket every method does nothing.

use std::ffi::OsString;
use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::os::fd::BorrowedFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::UnixDatagram;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, SocketAddrUnix, sendmsg_addr};
use rustix::time::{ClockId, clock_gettime};
use tracing::warn;

/// The notification socket of systemd, or none.
///
/// A datagram that cannot be sent is logged, the first one only, and stops nothing.
#[derive(Debug)]
pub struct Notifier {
    socket: Option<NotifySocket>,
    /// Whether another process speaks now.
    is_muted: AtomicBool,
    /// Whether a failure has been logged.
    complained: AtomicBool,
}

impl Notifier {
    /// Takes the value of `NOTIFY_SOCKET`: an absolute path, or `@` and a name in the abstract namespace.
    pub fn from_socket(notify_socket: Option<OsString>) -> Self {
        let mut notifier = Self { socket: None, is_muted: AtomicBool::new(false), complained: AtomicBool::new(false) };
        match notify_socket.map(NotifySocket::open).transpose() {
            Ok(socket) => notifier.socket = socket,
            Err(error) => notifier.complain(&error),
        }
        notifier
    }

    /// Everything listens; also what ends a reload, be it good or bad. `status` is what `systemctl status` shows.
    pub fn ready(&self, status: &str) {
        self.send(&format!("READY=1\nSTATUS={}", one_line(status)));
    }

    /// A reload begins; [`Notifier::ready`] must follow, whatever becomes of it.
    pub fn reloading(&self) {
        self.send(&format!("RELOADING=1\nMONOTONIC_USEC={}", monotonic_microseconds()));
    }

    /// The stop begins: what happens from here on is a shutdown, however long it takes.
    pub fn stopping(&self, status: &str) {
        self.send(&format!("STOPPING=1\nSTATUS={}", one_line(status)));
    }

    /// Another process is the service, before it says itself that it is ready. This one is silent from now on: systemd
    /// would take what it says for the service's words.
    pub fn give_way(&self, to: u32) {
        self.send(&format!("MAINPID={to}"));
        self.is_muted.store(true, Ordering::Relaxed);
    }

    /// This process, `pid`, is the service again.
    pub fn take_back(&self, pid: u32) {
        self.is_muted.store(false, Ordering::Relaxed);
        self.send(&format!("MAINPID={pid}"));
    }

    /// A sign of life.
    pub fn watchdog(&self) {
        self.send("WATCHDOG=1");
    }

    /// Says something that whoever says it has to know to be said.
    ///
    /// # Errors
    /// There is nobody to say it to, another process speaks now, or it cannot be sent.
    pub(super) fn insist(&self, assignments: &str, descriptors: &[BorrowedFd<'_>]) -> io::Result<()> {
        let refused = |why: &str| Err(io::Error::new(io::ErrorKind::NotConnected, why.to_owned()));
        match &self.socket {
            None => refused("there is no NOTIFY_SOCKET: no systemd has started this as a unit with Type=notify"),
            Some(_) if self.is_muted.load(Ordering::Relaxed) => refused("another process is the service now"),
            Some(socket) => socket.send(assignments, descriptors),
        }
    }

    fn send(&self, assignments: &str) {
        if let Some(socket) = &self.socket
            && !self.is_muted.load(Ordering::Relaxed)
            && let Err(error) = socket.send(assignments, &[])
        {
            self.complain(&error);
        }
    }

    fn complain(&self, error: &io::Error) {
        if !self.complained.swap(true, Ordering::Relaxed) {
            warn!(%error, "systemd cannot be notified; it may believe that windlass does not start or reload");
        }
    }
}

/// Our end, not connected: systemd makes its socket anew when it is itself executed anew.
#[derive(Debug)]
struct NotifySocket {
    near: UnixDatagram,
    systemd: SocketAddrUnix,
}

impl NotifySocket {
    fn open(notify_socket: OsString) -> io::Result<Self> {
        let systemd = address(notify_socket)?;
        let near = UnixDatagram::unbound()?;
        near.set_write_timeout(Some(SEND_TIMEOUT))?;
        Ok(Self { near, systemd })
    }

    fn send(&self, assignments: &str, descriptors: &[BorrowedFd<'_>]) -> io::Result<()> {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MOST_DESCRIPTORS))];
        let mut ancillary = SendAncillaryBuffer::new(&mut space);
        if !descriptors.is_empty() && !ancillary.push(SendAncillaryMessage::ScmRights(descriptors)) {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "no datagram takes so many descriptors"));
        }
        let text = [IoSlice::new(assignments.as_bytes())];
        sendmsg_addr(&self.near, &self.systemd, &text, &mut ancillary, SendFlags::NOSIGNAL)?;
        Ok(())
    }
}

fn address(notify_socket: OsString) -> io::Result<SocketAddrUnix> {
    match notify_socket.as_bytes() {
        [b'@', name @ ..] if !name.is_empty() => Ok(SocketAddrUnix::new_abstract_name(name)?),
        [b'/', ..] => Ok(SocketAddrUnix::new(notify_socket.as_os_str())?),
        _ => Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            format!("NOTIFY_SOCKET is {notify_socket:?}, which is neither an absolute path nor @ and a name"),
        )),
    }
}

/// A line break would begin another assignment.
fn one_line(text: &str) -> String {
    text.replace('\n', " ")
}

/// CLOCK_MONOTONIC, the clock that systemd compares with its own; not a time to reckon with here.
fn monotonic_microseconds() -> i64 {
    let now = clock_gettime(ClockId::Monotonic);
    now.tv_sec * 1_000_000 + now.tv_nsec / 1_000
}

/// How many descriptors go with a datagram: few are ever left with systemd.
const MOST_DESCRIPTORS: usize = 16;

/// How long a systemd that does not read may hold us up.
const SEND_TIMEOUT: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use std::os::linux::net::SocketAddrExt;
    use std::os::unix::net::SocketAddr;

    use super::*;

    #[test]
    fn speaks_to_a_path() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify");
        let systemd = played_systemd(UnixDatagram::bind(&path));
        let notifier = Notifier::from_socket(Some(path.into_os_string()));

        notifier.ready("3 listeners");

        assert_eq!(received(&systemd), "READY=1\nSTATUS=3 listeners");
    }

    #[test]
    fn speaks_to_an_abstract_name() {
        let name = format!("windlass-notify-test-{}", std::process::id());
        let systemd = played_systemd(UnixDatagram::bind_addr(&SocketAddr::from_abstract_name(&name).unwrap()));
        let notifier = Notifier::from_socket(Some(format!("@{name}").into()));

        notifier.stopping("draining 12 tunnels");
        notifier.watchdog();

        assert_eq!(received(&systemd), "STOPPING=1\nSTATUS=draining 12 tunnels");
        assert_eq!(received(&systemd), "WATCHDOG=1");
    }

    #[test]
    fn says_reloading_and_the_time_in_one_datagram() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify");
        let systemd = played_systemd(UnixDatagram::bind(&path));
        let notifier = Notifier::from_socket(Some(path.into_os_string()));

        let before = monotonic_microseconds();
        notifier.reloading();
        let after = monotonic_microseconds();

        let datagram = received(&systemd);
        let time: i64 = datagram.strip_prefix("RELOADING=1\nMONOTONIC_USEC=").unwrap().parse().unwrap();
        assert!((before..=after).contains(&time), "{before} <= {time} <= {after}");
    }

    #[test]
    fn a_line_break_begins_no_assignment() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify");
        let systemd = played_systemd(UnixDatagram::bind(&path));
        let notifier = Notifier::from_socket(Some(path.into_os_string()));

        notifier.stopping("one\nREADY=1");

        assert_eq!(received(&systemd), "STOPPING=1\nSTATUS=one READY=1");
    }

    #[test]
    fn who_gave_way_is_silent_until_it_is_the_service_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify");
        let systemd = played_systemd(UnixDatagram::bind(&path));
        let notifier = Notifier::from_socket(Some(path.into_os_string()));

        notifier.give_way(42);
        notifier.stopping("not the service any more");
        notifier.watchdog();
        notifier.take_back(7);
        notifier.watchdog();

        assert_eq!(received(&systemd), "MAINPID=42");
        assert_eq!(received(&systemd), "MAINPID=7");
        assert_eq!(received(&systemd), "WATCHDOG=1");
    }

    #[test]
    fn without_a_socket_nothing_is_said() {
        let notifier = Notifier::from_socket(None);

        notifier.ready("alone");

        assert!(!notifier.complained.load(Ordering::Relaxed));
    }

    #[test]
    fn a_socket_that_is_gone_stops_nothing_and_a_new_one_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify");
        let notifier = Notifier::from_socket(Some(path.clone().into_os_string()));

        notifier.ready("nobody hears it");
        assert!(notifier.complained.load(Ordering::Relaxed));

        let systemd = played_systemd(UnixDatagram::bind(&path));
        notifier.ready("heard");
        assert_eq!(received(&systemd), "READY=1\nSTATUS=heard");
    }

    #[test]
    fn an_address_of_another_kind_is_complained_about() {
        for value in ["vsock:2:1234", "relative/path", "@", ""] {
            let notifier = Notifier::from_socket(Some(value.into()));
            assert!(notifier.complained.load(Ordering::Relaxed), "{value}");
        }
    }

    /// A datagram that does not come fails the test instead of hanging it.
    fn played_systemd(socket: io::Result<UnixDatagram>) -> UnixDatagram {
        let socket = socket.unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        socket
    }

    fn received(systemd: &UnixDatagram) -> String {
        let mut datagram = [0; 4096];
        let length = systemd.recv(&mut datagram).unwrap();
        String::from_utf8(datagram[..length].to_vec()).unwrap()
    }
}
