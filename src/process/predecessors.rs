//! The processes that handed over and drain still, as they tell it themselves.

use std::os::fd::{AsFd, BorrowedFd};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::task::JoinSet;

use super::handoff::{Channel, Message};

/// The processes that handed over and drain still.
#[derive(Debug, Default)]
pub struct Predecessors {
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    all: Vec<Arc<Conversation>>,
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

/// What one of them has to say, as far as it was heard.
#[derive(Debug)]
pub struct Conversation {
    /// Its process.
    pub pid: u32,
    channel: Channel,
    tunnels: AtomicUsize,
    is_gone: AtomicBool,
}

impl Predecessors {
    /// Hears what a predecessor says from now on. Needs a tokio runtime.
    pub fn hear(&self, pid: u32, channel: Channel) {
        let conversation =
            Conversation { pid, channel, tunnels: AtomicUsize::new(UNKNOWN), is_gone: AtomicBool::new(false) };
        let conversation = Arc::new(conversation);
        let mut known = self.known();
        known.all.push(Arc::clone(&conversation));
        known.hearing.spawn(async move { conversation.hear().await });
    }

    /// Those that drain still.
    pub fn list(&self) -> Vec<Predecessor> {
        let status = |it: &Arc<Conversation>| {
            let tunnels = it.tunnels.load(Ordering::Relaxed);
            Predecessor { pid: it.pid, tunnels: (tunnels != UNKNOWN).then_some(tunnels) }
        };
        self.living().iter().map(status).collect()
    }

    /// The conversations with those that drain still, for the next process to go on with.
    pub fn living(&self) -> Vec<Arc<Conversation>> {
        self.known().all.iter().filter(|it| !it.is_gone.load(Ordering::Acquire)).cloned().collect()
    }

    /// Leaves the conversations to the next process.
    pub fn let_go(&self) {
        *self.known() = Known::default();
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        // Each change leaves the list whole.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl AsFd for Conversation {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.channel.as_fd()
    }
}

impl Conversation {
    /// Until it is gone: the kernel closes its end with its last breath.
    async fn hear(&self) {
        while let Ok(Some((message, _))) = self.channel.receive().await {
            if let Message::Remaining { tunnels } = message {
                self.tunnels.store(tunnels, Ordering::Relaxed);
            }
        }
        self.is_gone.store(true, Ordering::Release);
        tracing::info!(predecessor = self.pid, "a process that had handed over is gone");
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
        let predecessors = Predecessors::default();
        predecessors.hear(70, Channel::adopt(ours).unwrap());
        assert_eq!(predecessors.list(), [Predecessor { pid: 70, tunnels: None }]);

        theirs.send(&Message::Remaining { tunnels: 3 }, None).await.unwrap();
        until(|| predecessors.list() == [Predecessor { pid: 70, tunnels: Some(3) }]).await;
        assert_eq!(predecessors.living().len(), 1);

        drop(theirs);
        until(|| predecessors.list().is_empty()).await;
        assert_eq!(predecessors.living().len(), 0);
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
