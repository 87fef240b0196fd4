//! The processes that handed over and drain still, as they tell it themselves.

use std::collections::HashMap;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::FutureExt;
use thiserror::Error;
use tokio::sync::{oneshot, watch};
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::channel::{Channel, Received};
use super::intake::Intake;
use super::message::HandoffMessage;

/// The processes that handed over and drain still.
#[derive(Debug, Default)]
pub struct Predecessors {
    known: Mutex<Known>,
    /// This process stops, or hands over itself: it takes in nothing more.
    is_leaving: Arc<AtomicBool>,
}

/// Nothing is taken in as long as this lives.
#[derive(Debug)]
pub struct Held(Arc<AtomicBool>);

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
    state: watch::Sender<State>,
    /// Its tunnels are on their way here.
    is_moving: watch::Sender<bool>,
    /// The questions that wait for their answer, by number.
    asked: Mutex<HashMap<u64, PendingQuestion>>,
}

/// What it said last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Nothing yet.
    Silent,
    /// It drains.
    Draining { tunnels: usize, answers: bool },
    /// It has ended.
    Gone,
}

#[derive(Debug)]
struct PendingQuestion {
    so_far: String,
    reply: oneshot::Sender<Result<String, NoAnswer>>,
}

/// Takes a question back when nobody waits for its answer any more.
struct Waiting<'c> {
    conversation: &'c Conversation,
    number: u64,
}

/// Why a question was not answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum NoAnswer {
    /// The process has ended.
    #[error("it has ended")]
    Gone,
    /// It is of a version that takes no questions.
    #[error("it is of a version that cannot be asked; signal it")]
    Older,
    /// It said nothing for [`ANSWER_WITHIN`].
    #[error("it does not answer within {} s", ANSWER_WITHIN.as_secs())]
    Late,
    /// It says more than anybody wants to hear.
    #[error("what is to be said is too long")]
    TooLong,
}

impl Predecessors {
    /// Hears what a predecessor says from now on, and has `intake` take in its tunnels; it may have said that these come at once: it
    /// `is_moving`. Needs a tokio runtime.
    pub fn hear(&self, (pid, is_moving): (u32, bool), channel: Channel, intake: Box<dyn Intake>) {
        let (state, is_moving) = (watch::Sender::new(State::Silent), watch::Sender::new(is_moving));
        let conversation = Arc::new(Conversation { pid, channel, state, is_moving, asked: Mutex::default() });
        let mut known = self.known();
        known.all.push(Arc::clone(&conversation));
        let is_leaving = Arc::clone(&self.is_leaving);
        known.hearing.spawn(async move {
            // Also where a panic ends it: nobody is to wait for what is heard no more.
            let _ = AssertUnwindSafe(conversation.hear(intake, &is_leaving)).catch_unwind().await;
            conversation.note_over();
        });
    }

    /// Takes in nothing more, as long as what is returned lives; before that, waits for the tunnels that are on their way here: what one
    /// of them has given away would be lost with us.
    ///
    /// Cancel safe.
    pub async fn hold(&self) -> Held {
        self.settled().await;
        let held = self.turn_away();
        // Some may have set off in between.
        self.settled().await;
        held
    }

    /// Takes in nothing more, as long as what is returned lives; but for what [is on its way](Self::settled).
    pub fn turn_away(&self) -> Held {
        self.is_leaving.store(true, Ordering::Release);
        Held(Arc::clone(&self.is_leaving))
    }

    /// Waits until no tunnels are on their way here.
    pub async fn settled(&self) {
        for conversation in self.living() {
            // Its sender lives as long as it does.
            let _ = conversation.is_moving.subscribe().wait_for(|is_moving| !is_moving).await;
        }
    }

    /// Those that drain still.
    pub fn list(&self) -> Vec<Predecessor> {
        self.living().iter().map(|it| it.predecessor()).collect()
    }

    /// The conversations with those that drain still: to ask them, and for the next process to go on with.
    pub fn living(&self) -> Vec<Arc<Conversation>> {
        self.known().all.iter().filter(|it| *it.state.borrow() != State::Gone).cloned().collect()
    }

    /// Leaves the conversations to the next process.
    pub fn release(&self) {
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
    /// What it said last.
    pub fn predecessor(&self) -> Predecessor {
        let tunnels = match *self.state.borrow() {
            State::Draining { tunnels, .. } => Some(tunnels),
            State::Silent | State::Gone => None,
        };
        Predecessor { pid: self.pid, tunnels }
    }

    /// Asks it, and waits for the answer, [`ANSWER_WITHIN`] at the most.
    pub async fn ask(&self, question: &str) -> Result<String, NoAnswer> {
        timeout(ANSWER_WITHIN, self.ask_at_leisure(question)).await.unwrap_or(Err(NoAnswer::Late))
    }

    async fn ask_at_leisure(&self, question: &str) -> Result<String, NoAnswer> {
        self.until_it_answers().await?;
        let (reply, answer) = oneshot::channel();
        // Not counted up: the process that hands over to us may ask on the same channel to its last moment.
        let number = fastrand::u64(..);
        self.asked().insert(number, PendingQuestion { so_far: String::new(), reply });
        let _waiting = Waiting { conversation: self, number };
        self.channel.ask(number, question).await.map_err(|error| match error.kind() {
            io::ErrorKind::InvalidInput => NoAnswer::TooLong,
            _ => NoAnswer::Gone,
        })?;
        answer.await.unwrap_or(Err(NoAnswer::Gone))
    }

    async fn until_it_answers(&self) -> Result<(), NoAnswer> {
        let mut states = self.state.subscribe();
        let state = states.wait_for(|state| *state != State::Silent).await.map_or(State::Gone, |state| *state);
        match state {
            State::Draining { answers: true, .. } => Ok(()),
            State::Draining { answers: false, .. } => Err(NoAnswer::Older),
            State::Silent | State::Gone => Err(NoAnswer::Gone),
        }
    }

    /// Until it is gone: the kernel closes its end when it ends.
    async fn hear(&self, mut intake: Box<dyn Intake>, is_leaving: &AtomicBool) {
        while let Ok(Some(said)) = self.channel.receive_with().await {
            let answered = match said.message {
                HandoffMessage::Remaining { tunnels, answers } => {
                    self.state.send_replace(State::Draining { tunnels, answers });
                    Ok(())
                }
                HandoffMessage::Answer { number, part, is_last } => {
                    self.take_part(number, &part, is_last);
                    Ok(())
                }
                HandoffMessage::Tunnels { .. }
                | HandoffMessage::TunnelsYours { .. }
                | HandoffMessage::DrainRest { .. }
                | HandoffMessage::TunnelsMoved { .. } => self.take_in(said, &mut *intake, is_leaving).await,
                _ => Ok(()),
            };
            if answered.is_err() {
                break;
            }
        }
        tracing::info!(predecessor = self.pid, "a process that had handed over is gone");
    }

    /// It is heard no more; nor is it by the next process, to which it is not left.
    fn note_over(&self) {
        self.state.send_replace(State::Gone);
        self.is_moving.send_replace(false);
        // Whoever waits hears so; the other end too, where it is there still.
        self.asked().clear();
        self.channel.shut_down();
    }

    async fn take_in(&self, said: Received, intake: &mut dyn Intake, is_leaving: &AtomicBool) -> io::Result<()> {
        // Before the look whether this process leaves: whoever has said so waits for those that are on their way.
        let is_moving = !matches!(said.message, HandoffMessage::TunnelsMoved { .. });
        self.is_moving.send_replace(is_moving);
        let answer = match said.message {
            HandoffMessage::Tunnels { batch, .. } if is_leaving.load(Ordering::Acquire) => {
                Some(intake.turn_away(batch))
            }
            _ => intake.hear(said),
        };
        match answer {
            Some(answer) => self.channel.send(&answer, None).await,
            None => Ok(()),
        }
    }

    fn take_part(&self, number: u64, part: &str, is_last: bool) {
        let mut waiting = self.asked();
        // Nobody waits for it any more.
        let Some(mut asked) = waiting.remove(&number) else { return };
        let is_too_long = asked.so_far.len() + part.len() > LONGEST_ANSWER;
        if is_too_long {
            let _ = asked.reply.send(Err(NoAnswer::TooLong));
            return;
        }
        asked.so_far += part;
        if is_last {
            let _ = asked.reply.send(Ok(asked.so_far));
        } else {
            waiting.insert(number, asked);
        }
    }

    fn asked(&self) -> MutexGuard<'_, HashMap<u64, PendingQuestion>> {
        // Each change leaves the map whole.
        self.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Held {
    /// Nothing is taken in any more as long as this process lives.
    pub fn for_good(self) {
        std::mem::forget(self);
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.conversation.asked().remove(&self.number);
    }
}

/// How long a process may take for an answer: it has what it is asked for at hand.
pub const ANSWER_WITHIN: Duration = Duration::from_secs(2);

/// The longest answer, in bytes: that of many thousand endpoints.
const LONGEST_ANSWER: usize = 4 * 1024 * 1024;

#[cfg(test)]
mod tests;
