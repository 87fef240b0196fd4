//! Telling what an answer is made of that its connection is needed: an answer that goes on by itself has to end.

use tokio::sync::watch;

/// Tells when it is dropped.
#[derive(Debug)]
pub(in crate::admin) struct Leave {
    _told_by_going: watch::Sender<()>,
}

/// Is told.
#[derive(Clone, Debug)]
pub(in crate::admin) struct Leaving(watch::Receiver<()>);

/// Both ends.
pub(in crate::admin) fn leave() -> (Leave, Leaving) {
    let (sender, receiver) = watch::channel(());
    (Leave { _told_by_going: sender }, Leaving(receiver))
}

impl Leaving {
    /// Resolves once the connection is needed.
    pub(in crate::admin) async fn is_told(&mut self) {
        // Nothing is ever sent: it fails once the sender is dropped.
        while self.0.changed().await.is_ok() {}
    }
}
