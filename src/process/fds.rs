//! What only the descriptor itself can tell; the one file where `unsafe` is allowed.
//!
//! Each unsafe block is a single system call on values that live in its own frame.
#![expect(
    unsafe_code,
    reason = "TCP_INFO, SO_PEEK_OFF, the reactor's registration and inheriting have no safe wrapper in the crates we use"
)]

use std::io;
use std::mem::offset_of;
use std::net::TcpListener;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// Has SIGUSR1 ignored until somebody listens to it: by default it ends the process, and who rotates logs does not ask how old that is.
/// Programs that are started by this one begin with that, too.
pub fn ignore_reopen_signal() {
    // SAFETY: no handler is given, and what was there before is none of ours: nothing of the process is touched.
    let _ = unsafe { libc::signal(libc::SIGUSR1, libc::SIG_IGN) };
}

/// How far what we wrote to a TCP connection has got.
///
/// "Taken by our socket buffer" is not "received": megabytes fit there while the peer's kernel has not answered for
/// minutes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// Bytes that the peer's kernel acknowledged since the connection was made. Only ever grows, but for that of a unix socket.
    pub acked: u64,
    /// Whether anything is still on its way: sent and not acknowledged, or not sent yet.
    pub outstanding: bool,
    /// How long ago the last acknowledgement came, in whole milliseconds. It need not have acknowledged anything new: every
    /// segment carries one, and a peer whose window is closed answers probes. Progress is `acked`, not this.
    pub since_ack: Duration,
}

/// Asks the kernel how far what we wrote to `socket` has got.
///
/// Fails if `socket` is not a TCP socket, or if the kernel is older than Linux 4.6 and cannot say.
pub fn delivery(socket: BorrowedFd<'_>) -> io::Result<Delivery> {
    let info = tcp_info(socket)?;
    Ok(Delivery {
        acked: info.bytes_acked,
        outstanding: info.unacked > 0 || info.notsent_bytes > 0,
        since_ack: Duration::from_millis(info.last_ack_recv.into()),
    })
}

/// The same of a unix socket, where whatever was written has reached the peer's end: nothing is ever on its way. How much of it
/// the peer has read is known by what still takes up memory: `taken_up` is how much all that was ever written took at the least,
/// [`LEAST_OF_A_WRITE`] and its bytes for each write. So `acked` never grows unless something was read, however much is written
/// meanwhile; it may become less by what a write takes beyond that.
///
/// It tells nothing of sense of any other socket.
pub fn unix_delivery(socket: BorrowedFd<'_>, taken_up: u64) -> io::Result<Delivery> {
    let mut unread: libc::c_int = 0;
    // SAFETY: the descriptor is open for as long as `socket` is borrowed; the kernel writes one `c_int`.
    let result = unsafe { libc::ioctl(socket.as_raw_fd(), libc::TIOCOUTQ, &raw mut unread) };
    if result != 0 {
        return Err(io::Error::last_os_error());
    }
    let unread = u64::try_from(unread).unwrap_or_default();
    let acked = (ALL_READ + taken_up).saturating_sub(unread);
    Ok(Delivery { acked, outstanding: false, since_ack: Duration::ZERO })
}

/// What a unix socket has `acked` to which nothing was written: more than ever waits.
const ALL_READ: u64 = 1 << 32;
/// How much memory each write to a unix socket takes beyond its bytes, at the least: the kernel's `sk_buff` and `skb_shared_info`
/// are of more than 512 bytes on every machine of 64 bits.
pub const LEAST_OF_A_WRITE: u64 = 512;

/// Whether the peer has said that it sends no more, whatever of it is still unread.
///
/// Fails if `socket` is not a TCP socket.
pub fn has_fin(socket: BorrowedFd<'_>) -> io::Result<bool> {
    let [state, ..] = tcp_info(socket)?.state_to_scales;
    Ok(state == CLOSE_WAIT)
}

/// `TCP_CLOSE_WAIT` of linux/tcp_states.h: its FIN has come, and ours has not gone.
const CLOSE_WAIT: u8 = 8;

/// Takes a descriptor that this process was started with, and keeps it from children.
///
/// Fails for the three standard ones, for one that is not open, and for one that was opened or taken here.
pub fn inherit(number: RawFd) -> io::Result<OwnedFd> {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _guard = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let refused = |why: &str| Err(io::Error::new(io::ErrorKind::InvalidInput, format!("descriptor {number} {why}")));
    if number <= libc::STDERR_FILENO {
        return refused("is not one that can be inherited");
    }
    // SAFETY: asks for a flag of a number; no memory is involved.
    let flags = unsafe { libc::fcntl(number, libc::F_GETFD) };
    if flags < 0 {
        return refused("is not open");
    }
    if flags & libc::FD_CLOEXEC != 0 {
        return refused("was not inherited");
    }
    // SAFETY: all that std, tokio, rustix and socket2 open is closed on exec. This one is not, so it came through exec and
    // nobody here owns it; from now on it is closed on exec too, so that no second call can take it.
    unsafe {
        if libc::fcntl(number, libc::F_SETFD, flags | libc::FD_CLOEXEC) < 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(OwnedFd::from_raw_fd(number))
    }
}

/// Ties a listening socket to the current runtime, so that it tells when a connection waits.
///
/// Unlike tokio's own listener this accepts connections without tying *them* to the same runtime.
pub fn watch(listener: TcpListener) -> io::Result<AsyncFd<TcpListener>> {
    // SAFETY: the listener owns an open descriptor, and `AsyncFd` owns the listener: nobody can close or replace it.
    let watched = unsafe { AsyncFd::register_with_interest(listener, Interest::READABLE) };
    Ok(watched?)
}

/// Ties a socket to the current runtime, so that it tells when it can be read from or written to.
pub fn watch_both(socket: OwnedFd) -> io::Result<AsyncFd<OwnedFd>> {
    // SAFETY: it owns an open descriptor, and `AsyncFd` owns it: nobody can close or replace it.
    let watched = unsafe { AsyncFd::register(socket) };
    Ok(watched?)
}

/// Has a socket that is bound to an address, and to no port, take one only when it is connected: then any will do that leads
/// to no other connection with the same peer (ip(7), `IP_BIND_ADDRESS_NO_PORT`). Call it before `bind`.
///
/// Fails if `socket` is none of the internet's protocols.
pub fn choose_port_when_connecting(socket: BorrowedFd<'_>) -> io::Result<()> {
    let on: libc::c_int = 1;
    // SAFETY: the descriptor is open for as long as `socket` is borrowed; `on` is readable for the length that is given.
    let result = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::IPPROTO_IP,
            libc::IP_BIND_ADDRESS_NO_PORT,
            (&raw const on).cast(),
            size_of_val(&on) as libc::socklen_t,
        )
    };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Has looks at what waits in a unix socket (`MSG_PEEK`) begin with what waits for longest, and each go on behind the one before
/// (socket(7), `SO_PEEK_OFF`). Whoever has the same socket looks on from there, too.
///
/// Fails where the system cannot do that.
pub fn look_from_the_beginning(socket: BorrowedFd<'_>) -> io::Result<()> {
    let offset: libc::c_int = 0;
    // SAFETY: the descriptor is open for as long as `socket` is borrowed; `offset` is readable for the length that is given.
    let result = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_PEEK_OFF,
            (&raw const offset).cast(),
            size_of_val(&offset) as libc::socklen_t,
        )
    };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

fn tcp_info(socket: BorrowedFd<'_>) -> io::Result<TcpInfo> {
    let mut info = TcpInfo::default();
    let mut length = size_of::<TcpInfo>() as libc::socklen_t;
    // SAFETY: the descriptor is open for as long as `socket` is borrowed; `info` is writable for `length` bytes, and every
    // bit pattern is a valid `TcpInfo`, which consists of integers alone; `length` is a valid `socklen_t`.
    let result = unsafe {
        libc::getsockopt(socket.as_raw_fd(), libc::IPPROTO_TCP, libc::TCP_INFO, (&raw mut info).cast(), &raw mut length)
    };
    if result != 0 {
        return Err(io::Error::last_os_error());
    }
    if (length as usize) < TcpInfo::NEEDED {
        return Err(io::Error::new(
            io::ErrorKind::Unsupported,
            "the kernel's TCP_INFO is too old to tell what was delivered",
        ));
    }
    Ok(info)
}

/// The beginning of the kernel's `struct tcp_info` (linux/tcp.h), which only ever grows at its end.
///
/// libc's own stops before the fields that we need.
#[repr(C)]
#[derive(Default)]
struct TcpInfo {
    /// State, retransmits, options, window scales.
    state_to_scales: [u8; 8],
    /// Timeouts and segment sizes.
    _rto_to_rcv_mss: [u32; 4],
    /// Segments sent and not acknowledged.
    unacked: u32,
    /// Losses, and when data last went or came.
    _sacked_to_last_data_recv: [u32; 7],
    /// Milliseconds since the last acknowledgement.
    last_ack_recv: u32,
    /// Windows and round-trip times.
    _pmtu_to_total_retrans: [u32; 11],
    /// Bytes a second.
    _pacing_rates: [u64; 2],
    /// Bytes acknowledged (RFC 4898 tcpEStatsAppHCThruOctetsAcked).
    bytes_acked: u64,
    /// Bytes received.
    _bytes_received: u64,
    /// Segments sent and received.
    _segments: [u32; 2],
    /// Bytes in the send buffer that were never sent (Linux 4.6).
    notsent_bytes: u32,
    /// Microseconds.
    _min_rtt: u32,
}

impl TcpInfo {
    /// How many bytes the kernel must have written for every field that is read here.
    const NEEDED: usize = offset_of!(Self, notsent_bytes) + size_of::<u32>();
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::{TcpListener, TcpStream, UdpSocket};
    use std::os::fd::AsFd;
    use std::os::unix::net::UnixStream;

    use super::*;

    #[test]
    fn lays_the_fields_where_the_kernel_has_them() {
        assert_eq!(offset_of!(TcpInfo, unacked), 24);
        assert_eq!(offset_of!(TcpInfo, last_ack_recv), 56);
        assert_eq!(offset_of!(TcpInfo, bytes_acked), 120);
        assert_eq!(offset_of!(TcpInfo, notsent_bytes), 144);
    }

    #[test]
    fn a_fin_is_seen_behind_what_is_unread() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut peer = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (ours, _) = listener.accept().unwrap();
        peer.write_all(b"last words").unwrap();
        let mut first = [0; 1];
        ours.peek(&mut first).unwrap();
        assert!(!has_fin(ours.as_fd()).unwrap());
        peer.shutdown(std::net::Shutdown::Write).unwrap();
        while !has_fin(ours.as_fd()).unwrap() {
            std::thread::yield_now();
        }
        assert_eq!(ours.peek(&mut first).unwrap(), 1);
    }

    #[test]
    fn a_peer_that_does_not_read_leaves_bytes_outstanding() {
        let (mut near, _far) = pair();
        fill(&mut near);

        let stuck = delivery(near.as_fd()).unwrap();

        assert!(stuck.outstanding);
    }

    #[test]
    fn a_peer_that_reads_acknowledges_everything() {
        let (mut near, mut far) = pair();
        let before = delivery(near.as_fd()).unwrap();
        let sent = fill(&mut near);

        near.set_nonblocking(false).unwrap();
        far.read_exact(&mut vec![0; sent]).unwrap();
        // The answer carries the acknowledgement of all that was read before it was sent.
        far.write_all(b"!").unwrap();
        near.read_exact(&mut [0]).unwrap();
        let after = delivery(near.as_fd()).unwrap();

        assert_eq!(after.acked - before.acked, sent as u64);
        assert!(!after.outstanding);
        assert!(after.since_ack < Duration::from_secs(60));
    }

    #[test]
    fn what_a_peer_reads_of_a_unix_socket_is_progress() {
        let (near, mut far) = UnixStream::pair().unwrap();
        near.set_nonblocking(true).unwrap();
        let acked = || unix_delivery(near.as_fd(), 0).unwrap().acked;
        let empty = acked();
        let mut sent = 0;
        while let Ok(count) = (&near).write(&[7; 4096]) {
            sent += count;
        }
        let full = acked();
        assert!(full > 0 && full + sent as u64 <= empty, "{full}, {empty}");
        // The runtime tells of room only once three quarters are read.
        far.read_exact(&mut vec![0; sent / 4]).unwrap();
        let some = acked();
        assert!((full + 1..empty).contains(&some), "{some}");
        far.read_exact(&mut vec![0; sent - sent / 4]).unwrap();
        assert_eq!(acked(), empty);
        assert!(!unix_delivery(near.as_fd(), 0).unwrap().outstanding);
    }

    #[test]
    fn only_what_came_through_exec_is_inherited_and_only_once() {
        use std::os::fd::IntoRawFd;

        let opened_here = UdpSocket::bind("127.0.0.1:0").unwrap();
        assert!(inherit(opened_here.as_raw_fd()).is_err());

        // As it looks to a program that was started with it.
        rustix::io::fcntl_setfd(&opened_here, rustix::io::FdFlags::empty()).unwrap();
        let number = opened_here.into_raw_fd();
        let inherited = inherit(number).unwrap();
        assert!(rustix::io::fcntl_getfd(&inherited).unwrap().contains(rustix::io::FdFlags::CLOEXEC));
        assert!(inherit(number).is_err());
    }

    #[test]
    fn the_standard_descriptors_and_closed_ones_are_not_inherited() {
        for number in [-1, 0, 1, 2, 1 << 30] {
            assert!(inherit(number).is_err(), "{number}");
        }
    }

    #[test]
    fn what_is_not_tcp_is_an_error() {
        let (unix, _other) = UnixStream::pair().unwrap();
        let udp = UdpSocket::bind("127.0.0.1:0").unwrap();

        assert!(delivery(unix.as_fd()).is_err());
        assert!(delivery(udp.as_fd()).is_err());
        assert!(choose_port_when_connecting(unix.as_fd()).is_err());
    }

    fn pair() -> (TcpStream, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let near = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (far, _) = listener.accept().unwrap();
        (near, far)
    }

    /// Writes until both kernels' buffers are full; returns how many bytes went in.
    fn fill(stream: &mut TcpStream) -> usize {
        stream.set_nonblocking(true).unwrap();
        let chunk = [7; 64 * 1024];
        let mut sent = 0;
        loop {
            match stream.write(&chunk) {
                Ok(n) => sent += n,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return sent,
                Err(error) => panic!("{error}"),
            }
        }
    }
}
