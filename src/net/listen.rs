//! Listening sockets.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::net::{SocketFlags, acceptfrom_with};
use socket2::{Domain, Protocol, SockRef, Socket, Type};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use super::options::{KEEPALIVE, set_options};
#[cfg(test)]
use super::simulated::SimulatedListener;
use super::socket::Accepted;
use crate::process::watch;

/// How many connections the kernel keeps for us while we are busy; it takes the less of this and `net.core.somaxconn`.
const BACKLOG: i32 = 4096;

/// A bound listening socket, non-blocking and not inherited by children.
#[derive(Debug)]
pub struct ListeningSocket {
    socket: Bound,
    address: SocketAddr,
}

#[derive(Debug)]
enum Bound {
    System(TcpListener),
    #[cfg(test)]
    Simulated(SimulatedListener),
}

impl ListeningSocket {
    /// Binds `address`. Two processes cannot share it: a second one gets "address in use".
    pub fn bind(address: SocketAddr) -> io::Result<Self> {
        Self::bind_with(address, Port::Ours)
    }

    /// Binds `address` on a port that `others`, sockets of ours, hold in other words: every address and one of them, or IPv4 and
    /// both families. They take each other (SO_REUSEPORT) for the moment of the binding only: a second windlass, which asks for
    /// the port without that, gets "address in use" at any time.
    ///
    /// The two never share one queue: the kernel prefers the more specific address, and IPv4 alone to both families. A program
    /// of the same user that sets SO_REUSEPORT itself could share the port from then on; it could do worse to us.
    pub fn bind_beside(address: SocketAddr, others: &[&Self]) -> io::Result<Self> {
        let _sharing = others.iter().map(|other| Sharing::begin(other.system())).collect::<io::Result<Vec<_>>>()?;
        let new = Self::bind_with(address, Port::Shared)?;
        SockRef::from(new.system()).set_reuse_port(false)?;
        Ok(new)
    }

    /// Whether the system refuses to have both, one beside the other.
    pub fn is_in_the_way_of(&self, address: SocketAddr) -> bool {
        let (ours, theirs) = (self.address.ip(), address.ip());
        let meet = match (ours.is_ipv4(), theirs.is_ipv4()) {
            (true, true) | (false, false) => ours == theirs || ours.is_unspecified() || theirs.is_unspecified(),
            // Every address of IPv6 is one of IPv4 too, unless the system says otherwise.
            (true, false) => theirs.is_unspecified(),
            (false, true) => ours.is_unspecified(),
        };
        meet && self.address.port() == address.port()
    }

    fn bind_with(address: SocketAddr, port: Port) -> io::Result<Self> {
        let socket = Socket::new(Domain::for_address(address), Type::STREAM.nonblocking(), Some(Protocol::TCP))?;
        socket.set_reuse_address(true)?;
        socket.set_reuse_port(port == Port::Shared)?;
        // Every accepted socket inherits them.
        set_options(&socket, Some(KEEPALIVE))?;
        socket.bind(&address.into())?;
        socket.listen(BACKLOG)?;
        let socket = TcpListener::from(socket);
        let address = socket.local_addr()?;
        Ok(Self { socket: Bound::System(socket), address })
    }

    /// Takes a socket that somebody else has bound, who may keep a handle on it: systemd, or the process before.
    ///
    /// Fails if it is not a listening TCP socket.
    pub fn adopt(socket: OwnedFd) -> io::Result<Self> {
        let socket = Socket::from(socket);
        let is_tcp = socket.r#type()? == Type::STREAM && socket.protocol()? == Some(Protocol::TCP);
        if !is_tcp || !socket.is_listener()? {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a listening TCP socket"));
        }
        socket.set_nonblocking(true)?;
        socket.set_cloexec(true)?;
        set_options(&socket, Some(KEEPALIVE))?;
        let socket = TcpListener::from(socket);
        let address = socket.local_addr()?;
        Ok(Self { socket: Bound::System(socket), address })
    }

    /// Whether whoever connects to `wanted` comes in here: it is bound to that address, or to every address of both families.
    pub fn satisfies(&self, wanted: SocketAddr) -> bool {
        let is_dual_stack = || SockRef::from(self.system()).only_v6().is_ok_and(|only| !only);
        let everywhere = |address: SocketAddr| address.ip().is_unspecified();
        self.address == wanted
            || (self.address.port() == wanted.port()
                && self.address.is_ipv6()
                && everywhere(self.address)
                && wanted.is_ipv4()
                && everywhere(wanted)
                && is_dual_stack())
    }

    /// The address it is bound to, with the port that the system chose where 0 was asked for.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Another handle on the same socket.
    pub fn try_clone(&self) -> io::Result<Self> {
        let socket = match &self.socket {
            Bound::System(socket) => Bound::System(socket.try_clone()?),
            #[cfg(test)]
            Bound::Simulated(listener) => Bound::Simulated(listener.clone()),
        };
        Ok(Self { socket, address: self.address })
    }

    /// Prepares for accepting on the current runtime.
    pub fn into_acceptor(self) -> io::Result<Acceptor> {
        match self.socket {
            Bound::System(socket) => Ok(Acceptor::System(watch(socket)?)),
            #[cfg(test)]
            Bound::Simulated(listener) => Ok(Acceptor::Simulated(listener)),
        }
    }

    /// One in a network in memory.
    #[cfg(test)]
    pub(super) fn simulated(listener: SimulatedListener, address: SocketAddr) -> Self {
        Self { socket: Bound::Simulated(listener), address }
    }

    fn system(&self) -> &TcpListener {
        match &self.socket {
            Bound::System(socket) => socket,
            #[cfg(test)]
            Bound::Simulated(_) => unreachable!("nobody asks for the descriptor of a socket in memory"),
        }
    }
}

/// Whether another socket of this user may hold the same port.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Port {
    Ours,
    Shared,
}

/// A socket shares its port as long as this lives.
struct Sharing<'s> {
    socket: SockRef<'s>,
}

impl<'s> Sharing<'s> {
    fn begin(socket: &'s TcpListener) -> io::Result<Self> {
        let socket = SockRef::from(socket);
        socket.set_reuse_port(true)?;
        Ok(Self { socket })
    }
}

impl Drop for Sharing<'_> {
    fn drop(&mut self) {
        // The kernel knows the option, or it would not have been set.
        let _ = self.socket.set_reuse_port(false);
    }
}

impl AsFd for ListeningSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.system().as_fd()
    }
}

/// Accepts connections without tying them to the runtime that accepts: a worker will drive them.
#[derive(Debug)]
pub enum Acceptor {
    /// From a socket of the system.
    System(AsyncFd<TcpListener>),
    /// From one in memory.
    #[cfg(test)]
    Simulated(SimulatedListener),
}

impl Acceptor {
    /// The next connection, non-blocking, and its peer's address.
    pub async fn accept(&self) -> io::Result<(Accepted, SocketAddr)> {
        match self {
            Self::System(socket) => socket.async_io(Interest::READABLE, accept_now).await,
            #[cfg(test)]
            Self::Simulated(listener) => {
                let (socket, peer) = listener.accept().await;
                Ok((Accepted::Simulated(socket), peer))
            }
        }
    }

    /// A connection that waits already; "would block" is that there is none. A listener that goes away takes these first:
    /// closing it would reset them.
    pub fn accept_waiting(&self) -> io::Result<(Accepted, SocketAddr)> {
        match self {
            Self::System(socket) => accept_now(socket.get_ref()),
            #[cfg(test)]
            Self::Simulated(listener) => {
                let (socket, peer) = listener.accept_waiting().ok_or(io::ErrorKind::WouldBlock)?;
                Ok((Accepted::Simulated(socket), peer))
            }
        }
    }
}

fn accept_now(socket: &TcpListener) -> io::Result<(Accepted, SocketAddr)> {
    let (accepted, peer) = acceptfrom_with(socket, SocketFlags::NONBLOCK | SocketFlags::CLOEXEC)?;
    // TCP always says who; if it did not, this would be the failure of one connection.
    let peer = peer.and_then(|peer| SocketAddr::try_from(peer).ok()).ok_or(io::ErrorKind::ConnectionAborted)?;
    Ok((Accepted::Tcp(accepted.into()), canonical(peer)))
}

/// The same address, of IPv4 where it is one: a socket for both families has those as `::ffff:192.0.2.1`.
pub fn canonical(mut address: SocketAddr) -> SocketAddr {
    address.set_ip(address.ip().to_canonical());
    address
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, Ipv6Addr, TcpStream};

    use super::*;

    fn any_port() -> SocketAddr {
        (Ipv4Addr::LOCALHOST, 0).into()
    }

    fn tcp(accepted: Accepted) -> TcpStream {
        let Accepted::Tcp(stream) = accepted else { panic!("{accepted:?}") };
        stream
    }

    #[tokio::test]
    async fn accepted_sockets_send_at_once_and_notice_vanished_peers() {
        let socket = ListeningSocket::bind(any_port()).unwrap();
        let client = TcpStream::connect(socket.address()).unwrap();
        let (accepted, peer) = socket.into_acceptor().unwrap().accept().await.unwrap();
        let accepted = tcp(accepted);
        assert!(accepted.nodelay().unwrap());
        assert!(SockRef::from(&accepted).keepalive().unwrap());
        assert_eq!(peer, client.local_addr().unwrap());
    }

    #[test]
    fn a_second_bind_is_refused() {
        let socket = ListeningSocket::bind(any_port()).unwrap();
        let second = ListeningSocket::bind(socket.address());
        assert_eq!(second.unwrap_err().kind(), io::ErrorKind::AddrInUse);
    }

    #[tokio::test]
    async fn an_adopted_socket_accepts() {
        let theirs = TcpListener::bind(any_port()).unwrap();
        let socket = ListeningSocket::adopt(theirs.try_clone().unwrap().into()).unwrap();
        assert_eq!(socket.address(), theirs.local_addr().unwrap());

        let _client = TcpStream::connect(socket.address()).unwrap();
        let (accepted, _) = socket.into_acceptor().unwrap().accept().await.unwrap();
        let accepted = tcp(accepted);

        assert!(accepted.nodelay().unwrap());
        assert!(SockRef::from(&accepted).keepalive().unwrap());
    }

    #[test]
    fn only_listening_tcp_sockets_are_adopted() {
        let listener = TcpListener::bind(any_port()).unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let datagrams = std::net::UdpSocket::bind(any_port()).unwrap();
        let unix = std::os::unix::net::UnixStream::pair().unwrap().0;

        for (what, other) in [("client", client.into()), ("UDP", datagrams.into()), ("unix", OwnedFd::from(unix))] {
            assert!(ListeningSocket::adopt(other).is_err(), "{what}");
        }
    }

    #[test]
    fn a_dual_stack_socket_satisfies_every_ipv4_address() {
        let bound = |only_v6| {
            let socket = Socket::new(Domain::IPV6, Type::STREAM, None).unwrap();
            socket.set_only_v6(only_v6).unwrap();
            socket.bind(&SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0)).into()).unwrap();
            socket.listen(1).unwrap();
            ListeningSocket::adopt(socket.into()).unwrap()
        };
        let (dual, only_v6) = (bound(false), bound(true));
        let everywhere = |port| SocketAddr::from((Ipv4Addr::UNSPECIFIED, port));

        assert!(dual.satisfies(everywhere(dual.address().port())));
        assert!(dual.satisfies(dual.address()));
        assert!(!dual.satisfies(everywhere(dual.address().port() ^ 1)));
        assert!(!dual.satisfies((Ipv4Addr::LOCALHOST, dual.address().port()).into()));
        assert!(!only_v6.satisfies(everywhere(only_v6.address().port())));
    }

    #[test]
    fn a_socket_opens_beside_one_of_ours_that_is_in_its_way_and_beside_no_other() {
        let everywhere_4 = |port| SocketAddr::from((Ipv4Addr::UNSPECIFIED, port));
        let everywhere = |port| SocketAddr::from((Ipv6Addr::UNSPECIFIED, port));
        let here = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let here_6 = |port| SocketAddr::from((Ipv6Addr::LOCALHOST, port));
        type At<'a> = &'a dyn Fn(u16) -> SocketAddr;
        let changes: [(At<'_>, At<'_>); 8] = [
            (&everywhere_4, &here),
            (&here, &everywhere_4),
            (&everywhere, &everywhere_4),
            (&everywhere_4, &everywhere),
            (&everywhere, &here),
            (&here, &everywhere),
            (&everywhere, &here_6),
            (&here_6, &everywhere),
        ];
        for (from, to) in changes {
            let old = ListeningSocket::bind(from(0)).unwrap();
            let port = old.address().port();
            let change = format!("{} to {}", old.address(), to(port));
            assert!(old.is_in_the_way_of(to(port)), "{change}");
            assert_in_use(to(port), &change);

            let new =
                ListeningSocket::bind_beside(to(port), &[&old]).unwrap_or_else(|error| panic!("{change}: {error}"));

            assert_in_use(to(port), &change);
            assert_in_use(from(port), &change);
            drop(old);
            assert_in_use(to(port), &change);
            let client = TcpStream::connect(new.address()).unwrap();
            assert!(accept_now(new.system()).is_ok(), "{change}");
            drop(client);
        }
    }

    /// A second windlass does not get it.
    fn assert_in_use(address: SocketAddr, change: &str) {
        match ListeningSocket::bind(address) {
            Err(error) => assert_eq!(error.kind(), io::ErrorKind::AddrInUse, "{change}: {address}"),
            Ok(_) => panic!("{change}: {address} can be bound twice"),
        }
    }

    #[test]
    fn sockets_on_other_ports_and_addresses_are_not_in_the_way() {
        let socket = ListeningSocket::bind(any_port()).unwrap();
        let port = socket.address().port();

        assert!(!socket.is_in_the_way_of(([127, 0, 0, 2], port).into()));
        assert!(!socket.is_in_the_way_of((Ipv6Addr::LOCALHOST, port).into()));
        assert!(!socket.is_in_the_way_of((Ipv4Addr::UNSPECIFIED, port ^ 1).into()));
    }

    #[test]
    fn beside_a_stranger_nothing_opens() {
        let stranger = ListeningSocket::bind((Ipv4Addr::UNSPECIFIED, 0).into()).unwrap();
        let ours = ListeningSocket::bind(any_port()).unwrap();

        let taken = ListeningSocket::bind_beside((Ipv4Addr::LOCALHOST, stranger.address().port()).into(), &[&ours]);

        assert_eq!(taken.unwrap_err().kind(), io::ErrorKind::AddrInUse);
        assert!(!SockRef::from(ours.system()).reuse_port().unwrap(), "it shares for the moment only");
    }

    #[tokio::test]
    async fn a_waiting_connection_is_found_before_the_socket_closes() {
        let acceptor_of = ListeningSocket::bind(any_port()).unwrap();
        let _client = TcpStream::connect(acceptor_of.address()).unwrap();
        let acceptor = acceptor_of.into_acceptor().unwrap();
        assert!(acceptor.accept_waiting().is_ok());
        assert_eq!(acceptor.accept_waiting().unwrap_err().kind(), io::ErrorKind::WouldBlock);
    }
}
