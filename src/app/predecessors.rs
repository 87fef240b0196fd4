//! The processes that handed over and drain still, as they tell it themselves.

use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use tokio::task::JoinSet;

use crate::process::{Channel, Message};

/// The processes that handed over and drain still.
#[derive(Debug, Default)]
pub(super) struct Predecessors {
    all: Vec<Arc<Known>>,
    /// Those that hear them; they end with this.
    hearing: JoinSet<()>,
}

/// A process that handed over and drains still.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Predecessor {
    /// Its process.
    pub pid: u32,
    /// Its open tunnels; `None` before it has said so.
    pub tunnels: Option<usize>,
}

#[derive(Debug)]
struct Known {
    pid: u32,
    channel: Channel,
    tunnels: AtomicUsize,
    is_gone: AtomicBool,
}

impl Predecessors {
    /// Hears what a predecessor says from now on.
    pub(super) fn hear(&mut self, pid: u32, channel: Channel) {
        let known =
            Arc::new(Known { pid, channel, tunnels: AtomicUsize::new(UNKNOWN), is_gone: AtomicBool::new(false) });
        self.all.push(Arc::clone(&known));
        self.hearing.spawn(async move { known.hear().await });
    }

    /// Those that drain still.
    pub(super) fn list(&self) -> Vec<Predecessor> {
        let status = |known: &Known| {
            let tunnels = known.tunnels.load(Ordering::Relaxed);
            Predecessor { pid: known.pid, tunnels: (tunnels != UNKNOWN).then_some(tunnels) }
        };
        self.living().map(status).collect()
    }

    /// The conversations with those that drain still, for the next process to go on with.
    pub(super) fn channels(&self) -> impl Iterator<Item = (u32, BorrowedFd<'_>)> {
        self.living().map(|known| (known.pid, known.channel.as_fd()))
    }

    fn living(&self) -> impl Iterator<Item = &Known> {
        self.all.iter().map(Arc::as_ref).filter(|known| !known.is_gone.load(Ordering::Acquire))
    }
}

impl Known {
    /// Until it is gone: the kernel closes its end with its last breath.
    async fn hear(&self) {
        while let Ok(Some((message, _))) = self.channel.receive().await {
            if let Message::Remaining { tunnels } = message {
                self.tunnels.store(tunnels, Ordering::Relaxed);
            }
        }
        self.is_gone.store(true, Ordering::Release);
        tracing::info!(pid = self.pid, "a process that had handed over is gone");
    }
}

/// A number of tunnels that nobody has.
const UNKNOWN: usize = usize::MAX;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::{sleep, timeout};

    use super::*;

    #[tokio::test]
    async fn a_predecessor_is_listed_with_its_tunnels_until_it_is_gone() {
        let (theirs, ours) = Channel::pair().unwrap();
        let mut predecessors = Predecessors::default();
        predecessors.hear(70, Channel::adopt(ours).unwrap());
        assert_eq!(predecessors.list(), [Predecessor { pid: 70, tunnels: None }]);

        theirs.send(&Message::Remaining { tunnels: 3 }, None).await.unwrap();
        until(|| predecessors.list() == [Predecessor { pid: 70, tunnels: Some(3) }]).await;
        assert_eq!(predecessors.channels().count(), 1);

        drop(theirs);
        until(|| predecessors.list().is_empty()).await;
        assert_eq!(predecessors.channels().count(), 0);
    }

    async fn until(is_met: impl Fn() -> bool) {
        let met = async {
            while !is_met() {
                sleep(Duration::from_millis(1)).await;
            }
        };
        timeout(Duration::from_secs(10), met).await.unwrap();
    }
}
