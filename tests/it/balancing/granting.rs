//! An endpoint that grants every upgrade and says who it is.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::rig::{Handshake, Wire};

/// Where a 101 says whose it is.
pub(super) const WHO: &str = "x-endpoint";

/// An endpoint that grants every upgrade, says its name in the 101, and takes all that its clients send.
#[derive(Debug)]
pub(super) struct GrantingEndpoint {
    pub(super) name: &'static str,
    address: SocketAddr,
    is_sick: Arc<AtomicBool>,
    /// Listens, where it is not gone, and has its connections.
    serving: JoinSet<()>,
}

impl GrantingEndpoint {
    /// One on this machine.
    pub(super) async fn start(name: &'static str) -> Self {
        Self::listening(name, TcpListener::bind("127.0.0.1:0").await.unwrap())
    }

    /// One that listens with this.
    pub(super) fn listening(name: &'static str, listener: TcpListener) -> Self {
        let address = listener.local_addr().unwrap();
        let mut endpoint = Self { name, address, is_sick: Arc::default(), serving: JoinSet::new() };
        endpoint.serve(listener);
        endpoint
    }

    /// Where.
    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// It refuses every upgrade with a 503 from now on.
    pub(super) fn falls_ill(&self) {
        self.is_sick.store(true, Ordering::Relaxed);
    }

    /// It is gone with its connections: the next one is refused.
    pub(super) async fn goes(&mut self) {
        self.serving.shutdown().await;
    }

    /// It is there again, where it was.
    pub(super) async fn comes_back(&mut self) {
        let listener = TcpListener::bind(self.address).await.unwrap();
        self.serve(listener);
    }

    fn serve(&mut self, listener: TcpListener) {
        let (name, is_sick) = (self.name, Arc::clone(&self.is_sick));
        self.serving.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                connections.spawn(answer(Wire::of(stream), name, Arc::clone(&is_sick)));
            }
        });
    }
}

async fn answer(mut wire: Wire, name: &'static str, is_sick: Arc<AtomicBool>) {
    if wire.stream.peek(&mut [0]).await.unwrap_or(0) == 0 {
        // A probe that only connects.
        return;
    }
    let head = wire.head().await;
    if is_sick.load(Ordering::Relaxed) {
        return wire.try_send("HTTP/1.1 503 Sick\r\ncontent-length: 0\r\n\r\n").await;
    }
    let granted = Handshake::grant(&head);
    let head = granted.strip_suffix("\r\n").expect("a head ends with an empty line");
    wire.try_send(format!("{head}{WHO}: {name}\r\n\r\n")).await;
    // Until the tunnel is over, politely or not.
    let _ = tokio::io::copy(&mut wire.stream, &mut tokio::io::sink()).await;
}
