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
    answers: Arc<Answers>,
    asked: UnboundedReceiver<(Wire, Head)>,
    _listening: JoinSet<()>,
}

/// The statuses of its answers.
struct Answers {
    probes: AtomicU16,
    /// Where this is a 101, the test answers.
    upgrades: AtomicU16,
}

impl ProbedEndpoint {
    /// One that is well.
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let answers = Arc::new(Answers { probes: AtomicU16::new(200), upgrades: AtomicU16::new(101) });
        let (sender, asked) = unbounded_channel();
        let mut listening = JoinSet::new();
        listening.spawn(serve(listener, Arc::clone(&answers), sender));
        Self { address, answers, asked, _listening: listening }
    }

    /// Where.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its probes fail from now on.
    pub(crate) fn falls_ill(&self) {
        self.answers.probes.store(503, Ordering::Relaxed);
    }

    /// Its probes pass again.
    pub(crate) fn recovers(&self) {
        self.answers.probes.store(200, Ordering::Relaxed);
    }

    /// It answers every upgrade with this status from now on.
    pub(crate) fn refuses_with(&self, status: u16) {
        self.answers.upgrades.store(status, Ordering::Relaxed);
    }

    /// It leaves upgrades to the test again.
    pub(crate) fn serves(&self) {
        self.refuses_with(101);
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

async fn serve(listener: TcpListener, answers: Arc<Answers>, asked: UnboundedSender<(Wire, Head)>) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let (answers, asked) = (Arc::clone(&answers), asked.clone());
        connections.spawn(async move {
            let mut wire = Wire::of(stream);
            let head = wire.head().await;
            let is_probe = head.value("user-agent").is_some_and(|agent| agent.starts_with("windlass-probe/"));
            let status = if is_probe { &answers.probes } else { &answers.upgrades };
            match status.load(Ordering::Relaxed) {
                // The test may be over.
                101 => drop(asked.send((wire, head))),
                status => wire.try_send(format!("HTTP/1.1 {status} As It Is\r\ncontent-length: 0\r\n\r\n")).await,
            }
        });
    }
}
