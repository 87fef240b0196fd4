//! Endpoints that do what the test says, byte by byte.

use std::net::{Ipv4Addr, SocketAddr, TcpListener as StdTcpListener, TcpStream as StdTcpStream};

use socket2::{Domain, Socket, Type};
use tokio::net::TcpListener;

use super::{Handshake, Head, SWITCH, Wire, within};

/// An endpoint whose connections are taken and played by the test.
#[derive(Debug)]
pub(crate) struct Endpoint {
    listener: TcpListener,
}

impl Endpoint {
    /// Listens.
    pub(crate) async fn listen() -> Self {
        Self { listener: TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap() }
    }

    /// One whose listener was made elsewhere.
    pub(crate) fn at(listener: TcpListener) -> Self {
        Self { listener }
    }

    /// An address that nobody listens on.
    pub(crate) fn nobody() -> SocketAddr {
        // The listener is gone at the end of this line; the system does not give its port out again for a while.
        StdTcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap()
    }

    /// Where.
    pub(crate) fn address(&self) -> SocketAddr {
        self.listener.local_addr().unwrap()
    }

    /// The next connection.
    pub(crate) async fn accept(&self) -> Wire {
        within("a connection at the endpoint", async { Wire::of(self.listener.accept().await.unwrap().0) }).await
    }

    /// The next connection, and the head of its request.
    pub(crate) async fn asked(&self) -> (Wire, Head) {
        let mut wire = self.accept().await;
        let head = wire.head().await;
        (wire, head)
    }

    /// The connection that the proxy opens for this request, which has no body; its head has been read.
    pub(crate) async fn accept_after(&self, client: &mut Wire, request: &str) -> Wire {
        client.send(request).await;
        self.asked().await.0
    }

    /// The next upgrade, granted.
    pub(crate) async fn grant(&self) -> Wire {
        let (mut wire, head) = self.asked().await;
        wire.send(Handshake::grant(&head)).await;
        wire
    }

    /// The next upgrade with the key of [`Handshake::new`], granted with this behind the 101.
    pub(crate) async fn grant_with(&self, early: impl AsRef<[u8]>) -> Wire {
        let (mut wire, _) = self.asked().await;
        wire.send([SWITCH.as_bytes(), early.as_ref()].concat()).await;
        wire
    }

    /// Whether somebody connects, now or until `done`.
    pub(crate) async fn is_untouched_until<T>(&self, done: impl Future<Output = T>) -> T {
        tokio::select! {
            biased;
            touched = self.listener.accept() => panic!("the endpoint has a connection: {touched:?}"),
            done = done => done,
        }
    }
}

/// An address where connecting takes for ever: its queue is full.
#[derive(Debug)]
pub(crate) struct Full {
    socket: Socket,
    _waiting: StdTcpStream,
}

impl Full {
    /// Fills a queue.
    pub(crate) fn listen() -> Self {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        socket.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into()).unwrap();
        socket.listen(0).unwrap();
        let address = socket.local_addr().unwrap().as_socket().unwrap();
        Self { socket, _waiting: StdTcpStream::connect(address).unwrap() }
    }

    /// Where.
    pub(crate) fn address(&self) -> SocketAddr {
        self.socket.local_addr().unwrap().as_socket().unwrap()
    }
}
