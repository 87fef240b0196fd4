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

use super::super::drains::DrainRest;
use super::batch::Batch;
use super::drain_rests::{Parted, parted, said};
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
    /// Why nothing moves, or nothing more.
    is_over: Option<Stays>,
}

/// What has become of tunnels that were to move.
#[derive(Debug)]
pub(super) struct MovedOut {
    pub(super) moved: Moved,
    /// Those that go on here.
    pub(super) left: Vec<Arc<TunnelHandle>>,
    /// What is left here of the drains that were under way.
    pub(super) drains: Vec<DrainRest>,
}

/// What the new process says of a batch: which of it it refuses, by why.
pub(super) type Taken = (u32, BTreeMap<String, Vec<usize>>);

impl Mover {
    /// Moves tunnels of `proxy` over `channel`, on which `taken` is heard.
    pub(super) fn new(proxy: &Proxy, channel: Arc<Channel>, taken: UnboundedReceiver<Taken>) -> Self {
        Self { channel, freezer: Freezer::new(proxy), taken, last_batch: 0, is_over: None }
    }

    /// Nothing moves, since the two processes did not agree on it.
    pub(super) fn note_not_agreed(&mut self) {
        self.is_over = Some(Stays::NotAgreed);
    }

    /// Moves these, as many as can, and tells the new process when that is done, and which drains go on there.
    ///
    /// Cancel safe: what has not moved goes on here.
    pub(super) async fn move_out(&mut self, tunnels: &[Arc<TunnelHandle>], drains: Vec<DrainRest>) -> MovedOut {
        let (mut moved, mut left) = (Moved::default(), Vec::new());
        let mut waiting = tunnels.to_vec();
        for patience in PATIENCE {
            let mut late = Vec::new();
            for some in waiting.chunks(AT_ONCE) {
                for (handle, why) in self.move_some(some, patience, &mut moved).await {
                    match why {
                        Stays::Late if patience < LONGEST_PATIENCE => late.push(handle),
                        why => {
                            moved.note_stays(why);
                            left.push(handle);
                        }
                    }
                }
            }
            waiting = late;
        }
        let parted: Vec<_> = drains.into_iter().map(parted).collect();
        // Also where a batch has failed: those that have moved have drains, and the new process waits for the word.
        // One that is gone has no need of it.
        let _ = self.conclude(&moved, &parted).await;
        MovedOut { moved, left, drains: parted.into_iter().map(|drain| drain.here).collect() }
    }

    /// Says which drains go on there, and that this was all.
    async fn conclude(&self, moved: &Moved, drains: &[Parted]) -> io::Result<()> {
        for (drain, number) in drains.iter().zip(1..) {
            for message in said(&drain.there, number) {
                self.send(&message, &[]).await?;
            }
        }
        self.send(&moved.message(), &[]).await
    }

    /// Moves some at once; those that stay are returned.
    async fn move_some(&mut self, some: &[Arc<TunnelHandle>], patience: Duration, moved: &mut Moved) -> Staying {
        if let Some(why) = self.is_over {
            return some.iter().map(|handle| (Arc::clone(handle), why)).collect();
        }
        let begun = Instant::now();
        let (mut standing, mut staying) = self.freezer.freeze(some, patience).await;
        if standing.handles.is_empty() {
            return staying;
        }
        let stays = self.pass_on(&mut standing).await.unwrap_or_else(|error| {
            tracing::warn!(%error, "no more open tunnels move to the new process: those that are here drain");
            self.is_over = Some(Stays::Failed);
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

/// How long a tunnel may take to stand still, while those that do wait for it: at first, and when it is asked again since it was late.
const PATIENCE: [Duration; 3] = [Duration::from_millis(50), Duration::from_millis(250), LONGEST_PATIENCE];

/// Whose worker is held up for longer drains.
const LONGEST_PATIENCE: Duration = Duration::from_secs(1);

/// How long the new process may take for what it is told and asked: while it does, nothing goes through the tunnels of one batch.
const ANSWER_WITHIN: Duration = Duration::from_secs(2);
