//! An endpoint that answers probes as the test likes, and leaves everything else to it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};

use tokio::net::TcpListener;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinSet;

use crate::rig::{Handshake, Head, Wire, within};

/// An endpoint that answers probes as the test likes.
pub(crate) struct ProbedEndpoint {
    address: SocketAddr,
    status: Arc<AtomicU16>,
    asked: UnboundedReceiver<(Wire, Head)>,
    _listening: JoinSet<()>,
}

impl ProbedEndpoint {
    /// One that is well.
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, status) = (listener.local_addr().unwrap(), Arc::new(AtomicU16::new(200)));
        let (sender, asked) = unbounded_channel();
        let mut listening = JoinSet::new();
        listening.spawn(serve(listener, Arc::clone(&status), sender));
        Self { address, status, asked, _listening: listening }
    }

    /// Where.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its probes fail from now on.
    pub(crate) fn falls_ill(&self) {
        self.status.store(503, Ordering::Relaxed);
    }

    /// Its probes pass again.
    pub(crate) fn recovers(&self) {
        self.status.store(200, Ordering::Relaxed);
    }

    /// The next upgrade, granted.
    pub(crate) async fn grant(&mut self) -> Wire {
        let (mut wire, head) = within("an upgrade at the endpoint", self.asked.recv()).await.unwrap();
        wire.send(Handshake::grant(&head)).await;
        wire
    }

    /// Nobody has come but probes.
    pub(crate) fn has_nobody(&mut self) {
        assert!(self.asked.try_recv().is_err());
    }
}

async fn serve(listener: TcpListener, status: Arc<AtomicU16>, asked: UnboundedSender<(Wire, Head)>) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let (status, asked) = (Arc::clone(&status), asked.clone());
        connections.spawn(async move {
            let mut wire = Wire::of(stream);
            let head = wire.head().await;
            if head.value("user-agent").is_some_and(|agent| agent.starts_with("windlass-probe/")) {
                let status = status.load(Ordering::Relaxed);
                wire.try_send(format!("HTTP/1.1 {status} As It Is\r\ncontent-length: 0\r\n\r\n")).await;
            } else {
                // The test may be over.
                let _ = asked.send((wire, head));
            }
        });
    }
}
