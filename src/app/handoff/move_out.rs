//! ★ How open tunnels move to the new process: batch by batch, each tunnel either here or there.
//!
//! A tunnel stands still from when its batch is asked until the new process has it, or has it not. It is ours until [`TunnelsYours`] has
//! been sent; whatever goes wrong before that, it goes on here as if nobody had asked.
//!
//! [`TunnelsYours`]: HandoffMessage::TunnelsYours

use std::collections::BTreeMap;
use std::io;
use std::os::fd::BorrowedFd;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::{Instant, timeout};

use super::batch::Batch;
use super::freezer::{Freezer, Standing, Staying};
use super::moved::Moved;
use crate::access::Permit;
use crate::drain::{Stays, TunnelHandle};
use crate::handoff::{Channel, HandoffMessage};
use crate::session::{FORMAT, Proxy};

/// Moves open tunnels to the process that has taken over.
#[derive(Debug)]
pub(super) struct Mover {
    channel: Arc<Channel>,
    freezer: Freezer,
    /// What the new process says of those that it was sent.
    taken: UnboundedReceiver<Taken>,
    last_batch: u32,
    /// The conversation is over: nothing more moves.
    is_over: bool,
}

/// What the new process says of a batch: which of it it refuses, by why.
pub(super) type Taken = (u32, BTreeMap<String, Vec<usize>>);

impl Mover {
    /// Moves tunnels of `proxy` over `channel`, on which `taken` is heard.
    pub(super) fn new(proxy: &Proxy, channel: Arc<Channel>, taken: UnboundedReceiver<Taken>) -> Self {
        Self { channel, freezer: Freezer::new(proxy), taken, last_batch: 0, is_over: false }
    }

    /// Moves these, as many as can, and tells the new process when that is done. Those that stay are returned.
    ///
    /// Cancel safe: what has not moved goes on here.
    pub(super) async fn move_out(&mut self, tunnels: &[Arc<TunnelHandle>]) -> (Moved, Vec<Arc<TunnelHandle>>) {
        let (mut moved, mut stay) = (Moved::default(), Vec::new());
        for some in tunnels.chunks(AT_ONCE) {
            for (handle, why) in self.move_some(some, &mut moved).await {
                moved.note_stays(why);
                stay.push(handle);
            }
        }
        if !self.is_over {
            self.is_over = self.send(&moved.message(), &[]).await.is_err();
        }
        (moved, stay)
    }

    /// Moves some at once; those that stay are returned.
    async fn move_some(&mut self, some: &[Arc<TunnelHandle>], moved: &mut Moved) -> Staying {
        if self.is_over {
            return some.iter().map(|handle| (Arc::clone(handle), Stays::Failed)).collect();
        }
        let begun = Instant::now();
        let (mut standing, mut staying) = self.freezer.freeze(some).await;
        if standing.handles.is_empty() {
            return staying;
        }
        let stays = self.pass_on(&mut standing).await.unwrap_or_else(|error| {
            tracing::warn!(%error, "no more open tunnels move to the new process: those that are here drain");
            self.is_over = true;
            (0..standing.handles.len()).map(|index| (index, Stays::Failed)).collect()
        });
        if stays.len() < standing.handles.len() {
            moved.note_moved(standing.handles.len() - stays.len(), begun.elapsed());
        }
        let handle = |(index, why)| Some((Arc::clone(standing.handles.get(index)?), why));
        staying.extend(stays.into_iter().filter_map(handle));
        staying
    }

    /// Passes on those that stand still. Says which stay, by their places, and why; the others have left.
    ///
    /// # Errors
    /// All of them stay, and so will others: the new process is gone, or says nothing, or there is no memory or descriptor left.
    async fn pass_on(&mut self, standing: &mut Standing) -> io::Result<BTreeMap<usize, Stays>> {
        self.last_batch = self.last_batch.wrapping_add(1);
        let number = self.last_batch;
        let batch = Batch::seal(&standing.known)?;
        self.send(&HandoffMessage::Tunnels { batch: number, format: FORMAT }, &batch.descriptors()).await?;
        // The new process has descriptors of its own now.
        drop(batch);
        standing.known.clear();
        let refused = self.taken(number).await?;
        let mut stays: BTreeMap<usize, Stays> = BTreeMap::new();
        for (word, places) in refused {
            let why = Stays::of_word(&word).unwrap_or(Stays::Failed);
            stays.extend(places.into_iter().filter(|place| *place < standing.handles.len()).map(|place| (place, why)));
        }
        // What they were told or given meanwhile the new process does not know.
        for (place, handle) in standing.handles.iter().enumerate() {
            if handle.has_order() {
                stays.entry(place).or_insert(Stays::Ending);
            } else if handle.permit().is_some_and(Permit::has_moved) {
                stays.entry(place).or_insert(Stays::Failed);
            }
        }
        let kept = stays.keys().copied().collect();
        self.send(&HandoffMessage::TunnelsYours { batch: number, kept }, &[]).await?;
        // From here on they are the new process's: nothing waits before they are given up.
        let handles = standing.handles.iter().enumerate();
        handles.filter(|(place, _)| !stays.contains_key(place)).for_each(|(_, handle)| handle.note_left());
        Ok(stays)
    }

    /// What the new process says of this batch.
    async fn taken(&mut self, batch: u32) -> io::Result<BTreeMap<String, Vec<usize>>> {
        let heard = async {
            loop {
                match self.taken.recv().await {
                    Some((of, refused)) if of == batch => return Ok(refused),
                    Some(_) => {}
                    None => return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the new process is gone")),
                }
            }
        };
        timeout(ANSWER_WITHIN, heard).await.unwrap_or_else(|_| Err(silence()))
    }

    async fn send(&self, message: &HandoffMessage, descriptors: &[BorrowedFd<'_>]) -> io::Result<()> {
        let sent = self.channel.send_with(message, descriptors);
        timeout(ANSWER_WITHIN, sent).await.unwrap_or_else(|_| Err(silence()))
    }
}

fn silence() -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, "the new process says nothing")
}

/// How many stand still together: few enough that none does for long, and many enough that the two processes wait little for each other.
const AT_ONCE: usize = 64;

/// How long the new process may take for what it is told and asked: while it does, nothing goes through the tunnels of one batch.
const ANSWER_WITHIN: Duration = Duration::from_secs(2);
