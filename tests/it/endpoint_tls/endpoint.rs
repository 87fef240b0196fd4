//! An endpoint with TLS whose connections are played by the test.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use rustls::{HandshakeKind, ServerConfig};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::rig::{Handshake, Head, Proxy, Wire, within};

/// An endpoint's end of a connection.
pub(crate) type TlsWire = Wire<TlsStream<TcpStream>>;

/// The endpoint.
pub(crate) struct TlsEndpoint {
    listener: TcpListener,
    acceptor: TlsAcceptor,
}

impl TlsEndpoint {
    pub(crate) async fn listen(config: ServerConfig) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        Self { listener, acceptor: Arc::new(config).into() }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.listener.local_addr().unwrap()
    }

    /// The same address as a name, which is looked up.
    pub(crate) fn at_localhost(&self) -> String {
        format!("[\"localhost:{}\"]", self.address().port())
    }

    /// The next connection, before anything was said over it.
    pub(crate) async fn accept_plain(&self) -> TcpStream {
        within("a connection at the endpoint", self.listener.accept()).await.unwrap().0
    }

    /// The next connection, after its TLS handshake.
    pub(crate) async fn try_accept(&self) -> io::Result<TlsWire> {
        let stream = self.accept_plain().await;
        stream.set_nodelay(true).unwrap();
        Ok(Wire::new(within("a TLS handshake", self.acceptor.accept(stream)).await?))
    }

    /// The next connection, and the head of its request.
    pub(crate) async fn asked(&self) -> (TlsWire, Head) {
        let mut wire = self.try_accept().await.unwrap();
        let head = wire.head().await;
        (wire, head)
    }

    /// The next upgrade, granted.
    pub(crate) async fn grant(&self) -> TlsWire {
        let (mut wire, head) = self.asked().await;
        wire.send(Handshake::grant(&head)).await;
        wire
    }

    /// A tunnel: its two ends.
    pub(crate) async fn tunnel(&self, proxy: &Proxy) -> (Wire, TlsWire) {
        let mut client = proxy.connect().await;
        client.send(Handshake::new().bytes()).await;
        let at_endpoint = self.grant().await;
        assert_eq!(client.head().await.status(), 101);
        (client, at_endpoint)
    }
}

/// How the handshake of a connection went.
pub(crate) fn kind(wire: &TlsWire) -> HandshakeKind {
    wire.stream.get_ref().1.handshake_kind().unwrap()
}

/// The name that was asked for.
pub(crate) fn asked_name(wire: &TlsWire) -> Option<String> {
    wire.stream.get_ref().1.server_name().map(str::to_owned)
}
