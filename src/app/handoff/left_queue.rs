//! A conversation with a process that does not run yet: what is said waits in the system until the next start hears it.
//!
//! The far end is one descriptor, and systemd keeps it; whatever is said afterwards waits in the queue between the two, with its
//! descriptors, also when this end is closed. So systemd keeps one for tens of thousands of tunnels: it compares each that it gets
//! with all that it has, and names each in one variable of the next start's environment, which may have 128 KiB.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use tokio::time::timeout;

use crate::handoff::{Channel, HandoffMessage};
use crate::process::Notifier;

/// Our ends of the queues of one name; the last is not full.
#[derive(Debug)]
pub(super) struct LeftQueues<'n> {
    notifier: &'n Notifier,
    name: &'static str,
    most: usize,
    queues: Vec<LeftQueue>,
}

/// Our end of one.
#[derive(Debug)]
struct LeftQueue(Channel);

/// What became of something that was said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Said {
    /// It waits for the next start.
    Waits,
    /// There is no room for it.
    IsFull,
}

impl<'n> LeftQueues<'n> {
    /// Leaves an empty queue with systemd, under this name, and makes it `most` as they fill.
    ///
    /// # Errors
    /// systemd does not keep it.
    pub(super) async fn open(notifier: &'n Notifier, name: &'static str, most: usize) -> io::Result<Self> {
        let queues = vec![LeftQueue::open(notifier, name).await?];
        Ok(Self { notifier, name, most, queues })
    }

    /// Says something to the next start.
    ///
    /// # Errors
    /// It cannot be said, or there is no more room for it.
    pub(super) async fn say(&mut self, message: &HandoffMessage, descriptors: &[BorrowedFd<'_>]) -> io::Result<()> {
        loop {
            let queue = self.queues.last().ok_or(io::ErrorKind::NotFound)?;
            if queue.say(message, descriptors).await? == Said::Waits {
                return Ok(());
            }
            if self.queues.len() >= self.most {
                return Err(io::Error::new(io::ErrorKind::StorageFull, "there is more of it than fits"));
            }
            self.queues.push(LeftQueue::open(self.notifier, self.name).await?);
        }
    }
}

impl LeftQueue {
    async fn open(notifier: &Notifier, name: &str) -> io::Result<Self> {
        let (channel, theirs) = Channel::pair()?;
        notifier.store(name, &[theirs.as_fd()])?;
        drop(theirs);
        notifier.barrier(NOTED_WITHIN).await?;
        // Nobody says anything at the far end: that there is something to hear means that it was closed.
        match timeout(REFUSED_WITHIN, channel.receive()).await {
            Err(_) => Ok(Self(channel)),
            Ok(_) => Err(io::Error::new(
                io::ErrorKind::StorageFull,
                "systemd keeps no descriptors, or no more: set FileDescriptorStoreMax= of the unit, as windlass.service.d/keep.conf does",
            )),
        }
    }

    async fn say(&self, message: &HandoffMessage, descriptors: &[BorrowedFd<'_>]) -> io::Result<Said> {
        match timeout(FULL_AFTER, self.0.send_with(message, descriptors)).await {
            Ok(sent) => sent.map(|()| Said::Waits),
            Err(_) => Ok(Said::IsFull),
        }
    }
}

/// How long systemd may take to take note of what it was given: it is one process for all services.
const NOTED_WITHIN: Duration = Duration::from_secs(5);

/// How long it may take to close what it does not keep, once it has taken note: it leaves that to a thread.
const REFUSED_WITHIN: Duration = Duration::from_millis(200);

/// Nobody makes room in a queue that is full.
const FULL_AFTER: Duration = Duration::from_millis(50);

#[cfg(test)]
impl LeftQueues<'_> {
    /// Says so much that the last of them is full.
    pub(super) async fn fill(&self) {
        let queue = self.queues.last().unwrap();
        while queue.say(&HandoffMessage::Complete, &[]).await.unwrap() == Said::Waits {}
    }
}

#[cfg(test)]
mod tests {
    use super::super::played_systemd::PlayedSystemd;
    use super::*;
    use crate::handoff::seal_parcel;
    use crate::process::KEPT_TUNNELS;

    #[tokio::test]
    async fn what_is_said_waits_until_it_is_heard_though_nobody_who_said_it_is_there() {
        let systemd = PlayedSystemd::keeping(8);
        let notifier = systemd.notifier();
        let mut queues = LeftQueues::open(&notifier, KEPT_TUNNELS, 2).await.unwrap();
        let parcel = seal_parcel(b"a tunnel").unwrap();
        let mut said = 0;
        let error = loop {
            match queues.say(&HandoffMessage::Tunnels { batch: said, format: 1 }, &[parcel.as_fd()]).await {
                Ok(()) => said += 1,
                Err(error) => break error,
            }
        };
        assert_eq!((error.kind(), queues.queues.len()), (io::ErrorKind::StorageFull, 2));
        drop(queues);

        let mut heard = 0;
        for kept in systemd.end() {
            let queue = Channel::adopt(kept.socket).unwrap();
            while let Some(received) = queue.receive_with().await.unwrap() {
                assert_eq!(received.message, HandoffMessage::Tunnels { batch: heard, format: 1 });
                assert_eq!(received.descriptors.len(), 1);
                heard += 1;
            }
        }
        assert!(heard == said && said > 200, "{heard} of {said}");
    }

    #[tokio::test]
    async fn a_store_without_room_is_noticed_before_anything_is_said() {
        let systemd = PlayedSystemd::keeping(0);
        let notifier = systemd.notifier();

        let error = LeftQueues::open(&notifier, KEPT_TUNNELS, 2).await.unwrap_err();

        assert!(error.to_string().contains("FileDescriptorStoreMax="), "{error}");
        assert!(systemd.end().is_empty());
    }
}
