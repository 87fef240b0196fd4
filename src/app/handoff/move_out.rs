//! ★ How open tunnels move to the new process: batch by batch, each tunnel either here or there.
//!
//! A tunnel stands still from when its batch is asked until the new process has it, or has it not. It is ours until [`TunnelsYours`] has
//! been sent; whatever goes wrong before that, it goes on here as if nobody had asked. Drains that are under way tell nobody meanwhile.
//!
//! [`TunnelsYours`]: HandoffMessage::TunnelsYours

use std::collections::BTreeMap;
use std::io;
use std::os::fd::BorrowedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::{Instant, timeout};

use super::super::drains::{DrainRest, Drains};
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
pub(super) struct Mover<'s> {
    /// This process is told to stop: those that are on their way arrive, and no others leave.
    is_stopped: &'s AtomicBool,
    channel: Arc<Channel>,
    freezer: Freezer,
    /// What the new process says of those that it was sent.
    taken: UnboundedReceiver<Taken>,
    last_batch: u32,
    /// Why nothing moves, or nothing more.
    is_over: Option<Stays>,
}

/// What has become of tunnels that were to move.
#[derive(Debug, Default)]
pub(in crate::app) struct MovedOut {
    pub(in crate::app) moved: Moved,
    /// Those that go on here.
    pub(in crate::app) left: Vec<Arc<TunnelHandle>>,
}

/// What the new process says of a batch: which of it it refuses, by why.
pub(super) type Taken = (u32, BTreeMap<String, Vec<usize>>);

impl<'s> Mover<'s> {
    /// Moves what `freezer` has stand still over `channel`, on which `taken` is heard, until this process `is_stopped`.
    pub(super) fn new(
        freezer: Freezer,
        channel: Arc<Channel>,
        taken: UnboundedReceiver<Taken>,
        is_stopped: &'s AtomicBool,
    ) -> Self {
        Self { is_stopped, channel, freezer, taken, last_batch: 0, is_over: None }
    }

    /// Nothing moves, since the two processes did not agree on it.
    pub(super) fn note_not_agreed(&mut self) {
        self.is_over = Some(Stays::NotAgreed);
    }

    /// Moves all tunnels of `proxy` that can, and tells the new process when that is done, and which of these `drains` go on there.
    ///
    /// Given up, it leaves what has not moved here, but for the drains: whoever gives it up ends all that is here.
    pub(super) async fn move_out(&mut self, proxy: &Proxy, drains: &Drains) -> MovedOut {
        let mut rests = self.drains_to_hand_on(drains).await;
        let out = self.move_all(proxy.registry.tunnels_by_worker()).await;
        // And those that have begun meanwhile.
        rests.extend(self.drains_to_hand_on(drains).await);
        let parted: Vec<_> = rests.into_iter().map(parted).collect();
        // Also where a batch has failed: those that have moved have drains, and the new process waits for the word.
        // One that is gone has no need of it.
        let _ = self.conclude(&out.moved, &parted).await;
        let snapshot = proxy.snapshot();
        parted.into_iter().for_each(|drain| drains.go_on(drain.here, &snapshot));
        out
    }

    /// What is left of the drains that are under way, which tell nobody any more; of none where none of their tunnels can leave.
    async fn drains_to_hand_on(&self, drains: &Drains) -> Vec<DrainRest> {
        match self.is_over {
            Some(Stays::NotAgreed) => Vec::new(),
            _ => drains.hand_on().await,
        }
    }

    /// Moves these, those of each worker by themselves, as many as can.
    async fn move_all(&mut self, tunnels: Vec<Vec<Arc<TunnelHandle>>>) -> MovedOut {
        let (mut out, mut waiting) = (MovedOut::default(), tunnels);
        // Those whose two streams are not joined yet have no task that could answer: they open later, and drain.
        waiting.iter_mut().for_each(|of_worker| of_worker.retain(|handle| handle.settings().is_some()));
        for patience in PATIENCE {
            let mut late = Vec::new();
            for of_worker in &waiting {
                late.push(self.move_those_of(of_worker, patience, &mut out).await);
            }
            waiting = late;
        }
        let late = waiting.into_iter().flatten().filter(|handle| !handle.is_ended());
        late.for_each(|handle| out.note_stays(handle, Stays::Late));
        out
    }

    /// Moves tunnels of one worker. Those that are late are returned. Where all are that were asked together it is the worker that is held
    /// up, and the others would be waited for in vain: they are returned too, and come first.
    async fn move_those_of(
        &mut self,
        worker: &[Arc<TunnelHandle>],
        patience: Duration,
        out: &mut MovedOut,
    ) -> Vec<Arc<TunnelHandle>> {
        let (mut late, mut is_held_up) = (Vec::new(), false);
        let mut chunks = worker.chunks(AT_ONCE);
        while !is_held_up && let Some(some) = chunks.next() {
            let moved_before = out.moved.moved;
            let staying = self.move_some(some, patience, &mut out.moved).await;
            let has_answered = |(_, why): &(_, Stays)| *why != Stays::Late;
            is_held_up = !staying.is_empty() && out.moved.moved == moved_before && !staying.iter().any(has_answered);
            for (handle, why) in staying {
                match why {
                    Stays::Late => late.push(handle),
                    why => out.note_stays(handle, why),
                }
            }
        }
        chunks.flatten().cloned().chain(late).collect()
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
        let is_stopped = self.is_stopped.load(Ordering::Relaxed).then_some(Stays::Ending);
        if let Some(why) = self.is_over.or(is_stopped) {
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
                // It was prolonged meanwhile: it is asked again.
                stays.entry(place).or_insert(Stays::Late);
            }
        }
        let kept = stays.keys().copied().collect();
        self.send(&HandoffMessage::TunnelsYours { batch: number, kept }, &[]).await?;
        // From here on they are the new process's: nothing waits before they are given up.
        let handles = standing.handles.iter().enumerate();
        for (_, handle) in handles.filter(|(place, _)| !stays.contains_key(place)) {
            if handle.has_order() {
                tracing::warn!(tunnel = %handle.id, "a tunnel was told to close in the moment in which it moved: it goes on");
            }
            handle.note_left();
        }
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

impl MovedOut {
    fn note_stays(&mut self, handle: Arc<TunnelHandle>, why: Stays) {
        self.moved.note_stays(why);
        self.left.push(handle);
    }
}

fn silence() -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, "the new process says nothing")
}

/// How many stand still together: few enough that none does for long, and many enough that the two processes wait little for each other.
const AT_ONCE: usize = 64;

/// How long a tunnel may take to stand still, while those that do wait for it: at first, and when it is asked again since its worker was
/// held up. In all, that is how long a worker may be: no key, for nobody wants its tunnels to drain who waits a little.
const PATIENCE: [Duration; 4] =
    [Duration::from_millis(50), Duration::from_millis(250), Duration::from_secs(1), Duration::from_secs(2)];

/// How long the new process may take for what it is told and asked: while it does, nothing goes through the tunnels of one batch. No
/// key: it has nothing else to do for it than to read them.
const ANSWER_WITHIN: Duration = Duration::from_secs(2);

#[cfg(test)]
mod tests;
