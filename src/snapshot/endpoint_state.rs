//! What speaks against placing anybody on an endpoint: one value, and one function that changes it.
//!
//! ```text
//!            Drained
//!  eligible ─────────▶ drained        Inherited(state) leads from any state to that one:
//!           ◀─────────                it is what the process before knew of the endpoint.
//!           TakenBack
//! ```
//! It is a set of causes, for several may speak against an endpoint at once and each ends by itself. Invariant: an endpoint is
//! eligible if, and only if, its set is empty.

use std::sync::atomic::{AtomicU8, Ordering};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// What speaks against an endpoint, if anything does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EndpointState(u8);

/// What happens to an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndpointEvent {
    /// An operator drains it.
    Drained,
    /// An operator takes that back.
    TakenBack,
    /// A process has taken over from one where it was in this state.
    Inherited(EndpointState),
}

/// The state of one endpoint, which every worker reads.
#[derive(Debug, Default)]
pub(super) struct StateCell(AtomicU8);

/// Every cause and its word; where several speak against an endpoint, the first is what people read.
const CAUSES: [(EndpointState, &str); 1] = [(EndpointState::DRAINED, "drained")];

impl EndpointState {
    /// Nothing speaks against it.
    pub const ELIGIBLE: Self = Self(0);
    /// An operator drains it.
    pub const DRAINED: Self = Self(1);

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

    /// The state after `event`.
    fn after(self, event: EndpointEvent) -> Self {
        match event {
            EndpointEvent::Drained => Self(self.0 | Self::DRAINED.0),
            EndpointEvent::TakenBack => Self(self.0 & !Self::DRAINED.0),
            EndpointEvent::Inherited(state) => state,
        }
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
        EndpointState(self.0.load(Ordering::Relaxed))
    }

    /// The only way from one state to another. Returns the new one where it is another.
    pub(super) fn transition(&self, event: EndpointEvent) -> Option<EndpointState> {
        let after = |state| Some(EndpointState(state).after(event)).filter(|next| next.0 != state);
        let changed = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |state| Some(after(state)?.0));
        changed.ok().and_then(after)
    }
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
        Ok(Self(known.fold(0, |causes, (cause, _)| causes | cause.0)))
    }
}

const ELIGIBLE_WORD: &str = "eligible";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_told_once() {
        let state = StateCell::default();
        assert!(state.get().is_eligible());
        assert_eq!(state.transition(EndpointEvent::TakenBack), None);
        assert_eq!(state.transition(EndpointEvent::Drained), Some(EndpointState::DRAINED));
        assert_eq!(state.transition(EndpointEvent::Drained), None);
        assert!(!state.get().is_eligible() && state.get().is_drained());
        assert_eq!(state.transition(EndpointEvent::TakenBack), Some(EndpointState::ELIGIBLE));
        assert_eq!(state.transition(EndpointEvent::Inherited(EndpointState::DRAINED)), Some(EndpointState::DRAINED));
    }

    #[test]
    fn each_state_has_a_word() {
        assert_eq!(EndpointState::words().collect::<Vec<_>>(), ["eligible", "drained"]);
        assert_eq!(
            [EndpointState::ELIGIBLE, EndpointState::DRAINED].map(EndpointState::as_str),
            ["eligible", "drained"]
        );
    }

    #[test]
    fn each_cause_is_one_bit_and_no_two_are_the_same() {
        let all = CAUSES.iter().fold(0_u8, |all, (cause, _)| all | cause.0);
        assert!(CAUSES.iter().all(|(cause, _)| cause.0.is_power_of_two()));
        assert_eq!(all.count_ones() as usize, CAUSES.len());
    }

    #[test]
    fn it_goes_to_another_process_and_comes_back_as_it_was() {
        for (state, text) in [(EndpointState::ELIGIBLE, "[]"), (EndpointState::DRAINED, r#"["drained"]"#)] {
            assert_eq!(serde_json::to_string(&state).unwrap(), text);
            assert_eq!(serde_json::from_str::<EndpointState>(text).unwrap(), state);
        }
        let later = serde_json::from_str::<EndpointState>(r#"["melancholic", "drained"]"#);
        assert_eq!(later.unwrap(), EndpointState::DRAINED);
    }
}
