//! Listening sockets.

use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;

use rustix::net::{SocketFlags, accept_with};
use socket2::{Domain, Protocol, Socket, Type};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use crate::process::watch;

/// How many connections the kernel keeps for us while we are busy; it takes the less of this and `net.core.somaxconn`.
const BACKLOG: i32 = 4096;

/// A bound listening socket, non-blocking and not inherited by children.
#[derive(Debug)]
pub struct ListeningSocket {
    socket: TcpListener,
    address: SocketAddr,
}

impl ListeningSocket {
    /// Binds `address`. Two processes cannot share it: a second one gets "address in use".
    pub fn bind(address: SocketAddr) -> io::Result<Self> {
        let socket = Socket::new(Domain::for_address(address), Type::STREAM.nonblocking(), Some(Protocol::TCP))?;
        socket.set_reuse_address(true)?;
        // Accepted sockets inherit it: a frame must not wait for the acknowledgement of the one before.
        socket.set_tcp_nodelay(true)?;
        socket.bind(&address.into())?;
        socket.listen(BACKLOG)?;
        let socket = TcpListener::from(socket);
        let address = socket.local_addr()?;
        Ok(Self { socket, address })
    }

    /// The address it is bound to, with the port that the system chose where 0 was asked for.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Another handle on the same socket.
    pub fn try_clone(&self) -> io::Result<Self> {
        Ok(Self { socket: self.socket.try_clone()?, address: self.address })
    }

    /// Prepares for accepting on the current runtime.
    pub fn into_acceptor(self) -> io::Result<Acceptor> {
        Ok(Acceptor { socket: watch(self.socket)? })
    }
}

/// Accepts connections without tying them to the runtime that accepts: a worker will drive them.
#[derive(Debug)]
pub struct Acceptor {
    socket: AsyncFd<TcpListener>,
}

impl Acceptor {
    /// The next connection, non-blocking; its peer's address is asked for where it is needed.
    pub async fn accept(&self) -> io::Result<TcpStream> {
        self.socket.async_io(Interest::READABLE, accept_now).await
    }

    /// A connection that waits already. A listener that goes away takes these first: closing it would reset them.
    pub fn accept_waiting(&self) -> Option<TcpStream> {
        accept_now(self.socket.get_ref()).ok()
    }
}

fn accept_now(socket: &TcpListener) -> io::Result<TcpStream> {
    let accepted: OwnedFd = accept_with(socket, SocketFlags::NONBLOCK | SocketFlags::CLOEXEC)?;
    Ok(TcpStream::from(accepted))
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    fn any_port() -> SocketAddr {
        (Ipv4Addr::LOCALHOST, 0).into()
    }

    #[tokio::test]
    async fn accepts_without_delay_of_small_writes() {
        let socket = ListeningSocket::bind(any_port()).unwrap();
        let client = TcpStream::connect(socket.address()).unwrap();
        let accepted = socket.into_acceptor().unwrap().accept().await.unwrap();
        assert!(accepted.nodelay().unwrap());
        assert_eq!(accepted.peer_addr().unwrap(), client.local_addr().unwrap());
    }

    #[test]
    fn a_second_bind_is_refused() {
        let socket = ListeningSocket::bind(any_port()).unwrap();
        let second = ListeningSocket::bind(socket.address());
        assert_eq!(second.unwrap_err().kind(), io::ErrorKind::AddrInUse);
    }

    #[tokio::test]
    async fn a_waiting_connection_is_found_before_the_socket_closes() {
        let acceptor_of = ListeningSocket::bind(any_port()).unwrap();
        let _client = TcpStream::connect(acceptor_of.address()).unwrap();
        let acceptor = acceptor_of.into_acceptor().unwrap();
        assert!(acceptor.accept_waiting().is_some());
        assert!(acceptor.accept_waiting().is_none());
    }
}
