//! What speaks against placing anybody on an endpoint: one value, and one function that changes it.
//!
//! ```text
//!            Drained             Left                ProbesFailed          Ejected
//!  eligible ────────▶ drained   ────────▶ leaving   ────────────▶ down     ────────▶ ejected
//!           ◀────────           ◀────────           ◀────────────          ◀────────
//!           TakenBack            Returned            ProbesPassed           Readmitted
//! ```
//! It is a set of causes, for several may speak against an endpoint at once and each ends by itself; `Inherited` leads from any
//! set to that which the process before knew. Invariants: an endpoint is eligible if, and only if, its set is empty; of each cause
//! in it, and of no other, is it known since when and why.

use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use tokio::time::Instant;

/// What speaks against an endpoint, if anything does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EndpointState(u8);

/// What happens to an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndpointEvent<'a> {
    /// An operator drains it.
    Drained,
    /// An operator takes that back.
    TakenBack,
    /// Its source says that it leaves, or names it no more.
    Left(&'a str),
    /// Its source names it again.
    Returned,
    /// Its probes call it down, and why.
    ProbesFailed(&'a str),
    /// Its probes call it up, or it is probed no more.
    ProbesPassed,
    /// Its requests have failed in a row, or its trial has, and how.
    Ejected(&'a str),
    /// A trial went well, or nobody is ejected any more.
    Readmitted,
    /// A process has taken over from one where it was in this state; since when and why, where that one said it.
    Inherited(EndpointState, &'a [StateCause]),
}

/// One cause that speaks against an endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateCause {
    /// Its word.
    pub cause: String,
    /// For how long it has been so.
    pub lasted: Duration,
    /// Why.
    pub why: String,
}

/// A change of state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateChange {
    /// The new one.
    pub state: EndpointState,
    /// What spoke against the endpoint until now, where that has ended.
    pub ended: Option<EndedCause>,
}

/// A cause that speaks against an endpoint no more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndedCause {
    /// Why it was so.
    pub why: String,
    /// For how long.
    pub lasted: Duration,
}

/// The state of one endpoint, which every worker reads.
#[derive(Debug, Default)]
pub(super) struct StateCell {
    /// The causes in `notes`.
    causes: AtomicU8,
    /// Taken for changes and for the status.
    notes: Mutex<Vec<Note>>,
}

/// Since when and why a cause speaks against an endpoint.
#[derive(Debug)]
struct Note {
    cause: EndpointState,
    since: Instant,
    why: String,
}

/// Every cause and its word; where several speak against an endpoint, the first is what people read.
const CAUSES: [(EndpointState, &str); 4] = [
    (EndpointState::DRAINED, "drained"),
    (EndpointState::LEAVING, "leaving"),
    (EndpointState::DOWN, "down"),
    (EndpointState::EJECTED, "ejected"),
];

impl EndpointState {
    /// Nothing speaks against it.
    pub const ELIGIBLE: Self = Self(0);
    /// An operator drains it.
    pub const DRAINED: Self = Self(1);
    /// Its probes fail.
    pub const DOWN: Self = Self(2);
    /// Requests failed there in a row.
    pub const EJECTED: Self = Self(4);
    /// Its source says that it leaves, or names it no more.
    pub const LEAVING: Self = Self(8);

    /// Every word there is for a state.
    pub fn words() -> impl Iterator<Item = &'static str> {
        [ELIGIBLE_WORD].into_iter().chain(CAUSES.map(|(_, word)| word))
    }

    /// The word for it in the status and in metrics.
    pub fn as_str(self) -> &'static str {
        self.causes().next().unwrap_or(ELIGIBLE_WORD)
    }

    /// Whether newcomers may be placed there.
    pub fn is_eligible(self) -> bool {
        self == Self::ELIGIBLE
    }

    /// Whether an operator drains it.
    pub fn is_drained(self) -> bool {
        self.has(Self::DRAINED)
    }

    /// Whether its source says that it leaves, or names it no more.
    pub fn is_leaving(self) -> bool {
        self.has(Self::LEAVING)
    }

    /// Whether somebody has ordered that nobody is placed there any more, however few others are left.
    pub fn is_closed(self) -> bool {
        self.is_drained() || self.is_leaving()
    }

    /// Whether its probes fail.
    pub fn is_down(self) -> bool {
        self.has(Self::DOWN)
    }

    /// Whether requests failed there in a row.
    pub fn is_ejected(self) -> bool {
        self.has(Self::EJECTED)
    }

    /// The state without this cause.
    pub fn without(self, cause: Self) -> Self {
        Self(self.0 & !cause.0)
    }

    pub(super) fn with(self, cause: Self) -> Self {
        Self(self.0 | cause.0)
    }

    fn has(self, cause: Self) -> bool {
        self.0 & cause.0 != 0
    }

    fn causes(self) -> impl Iterator<Item = &'static str> {
        CAUSES.into_iter().filter(move |(cause, _)| self.has(*cause)).map(|(_, word)| word)
    }
}

impl StateCell {
    pub(super) fn get(&self) -> EndpointState {
        EndpointState(self.causes.load(Ordering::Relaxed))
    }

    /// Since when and why each cause speaks against the endpoint, in the order of [`EndpointState::words`].
    pub(super) fn causes(&self) -> Vec<StateCause> {
        let notes = self.notes();
        let of = |(cause, word): (EndpointState, &str)| {
            let note = notes.iter().find(|note| note.cause == cause)?;
            Some(StateCause { cause: word.to_owned(), lasted: note.since.elapsed(), why: note.why.clone() })
        };
        CAUSES.into_iter().filter_map(of).collect()
    }

    /// The only way from one state to another. Returns the change where there is one; what is ejected again has a new reason.
    pub(super) fn transition(&self, event: EndpointEvent<'_>) -> Option<StateChange> {
        let mut notes = self.notes();
        let before = self.get();
        let ended = match event {
            EndpointEvent::Drained => begin(&mut notes, EndpointState::DRAINED, "an operator drains it"),
            EndpointEvent::TakenBack => end(&mut notes, EndpointState::DRAINED),
            EndpointEvent::Left(why) => begin(&mut notes, EndpointState::LEAVING, why),
            EndpointEvent::Returned => end(&mut notes, EndpointState::LEAVING),
            EndpointEvent::ProbesFailed(why) => begin(&mut notes, EndpointState::DOWN, why),
            EndpointEvent::ProbesPassed => end(&mut notes, EndpointState::DOWN),
            EndpointEvent::Ejected(why) => begin(&mut notes, EndpointState::EJECTED, why),
            EndpointEvent::Readmitted => end(&mut notes, EndpointState::EJECTED),
            EndpointEvent::Inherited(state, said) => {
                *notes = CAUSES.iter().filter(|(cause, _)| state.has(*cause)).map(|it| inherited(it, said)).collect();
                None
            }
        };
        let state = notes.iter().fold(EndpointState::ELIGIBLE, |state, note| state.with(note.cause));
        self.causes.store(state.0, Ordering::Relaxed);
        (state != before).then_some(StateChange { state, ended })
    }

    fn notes(&self) -> MutexGuard<'_, Vec<Note>> {
        // Each change leaves it whole.
        self.notes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn begin(notes: &mut Vec<Note>, cause: EndpointState, why: &str) -> Option<EndedCause> {
    let (why, _) = why.split_at(why.floor_char_boundary(LONGEST_WHY));
    match notes.iter_mut().find(|note| note.cause == cause) {
        Some(note) => why.clone_into(&mut note.why),
        None => notes.push(Note { cause, since: Instant::now(), why: why.to_owned() }),
    }
    None
}

fn end(notes: &mut Vec<Note>, cause: EndpointState) -> Option<EndedCause> {
    let at = notes.iter().position(|note| note.cause == cause)?;
    let Note { since, why, .. } = notes.swap_remove(at);
    Some(EndedCause { why, lasted: since.elapsed() })
}

/// What an older process does not say began when it was taken over.
fn inherited((cause, word): &(EndpointState, &str), said: &[StateCause]) -> Note {
    let said = said.iter().find(|said| said.cause == *word);
    let now = Instant::now();
    let since = said.and_then(|said| now.checked_sub(said.lasted)).unwrap_or(now);
    let why = said.map_or_else(|| "it was so in the process before".to_owned(), |said| said.why.clone());
    Note { cause: *cause, since, why }
}

/// For the process that takes over: its causes in words.
impl Serialize for EndpointState {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.causes())
    }
}

impl<'de> Deserialize<'de> for EndpointState {
    /// Causes that only a later version knows are passed over.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let words = Vec::<String>::deserialize(deserializer)?;
        let known = CAUSES.into_iter().filter(|(_, word)| words.iter().any(|it| it == word));
        Ok(known.fold(Self::ELIGIBLE, |state, (cause, _)| state.with(cause)))
    }
}

const ELIGIBLE_WORD: &str = "eligible";

/// In bytes: it is read in a table, and goes to another process in one message with the rest.
const LONGEST_WHY: usize = 200;

#[cfg(test)]
mod tests;
