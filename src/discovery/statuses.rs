//! How each source is: for operators who look.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::source_error::SourceError;
use crate::config::UpstreamName;

/// How the source of each upstream is that has one.
#[derive(Debug, Default)]
pub struct SourceStatuses(Mutex<BTreeMap<UpstreamName, SourceState>>);

/// How a source is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceStatus {
    /// What is asked.
    pub source: String,
    /// How long ago it named the set that is served, or the same set again; `None` where it has named none yet.
    pub age: Option<Duration>,
    /// How often it has failed.
    pub failures: u64,
    /// How many sets of it were refused.
    pub refused: u64,
    /// Why it has no set now, where that is so.
    pub problem: Option<String>,
}

#[derive(Debug)]
struct SourceState {
    source: String,
    /// When it named a good set, and how long ago that was then.
    answered: Option<(Instant, Duration)>,
    failures: u64,
    refused: u64,
    problem: Option<SourceError>,
}

impl SourceStatuses {
    /// The sources are these from now on, each with what it asks: what was known of another one is forgotten.
    pub fn keep(&self, sources: impl IntoIterator<Item = (UpstreamName, String)>) {
        let mut states = self.states();
        let mut before = std::mem::take(&mut *states);
        let state = |(upstream, source): (UpstreamName, String)| {
            let same = before.remove(&upstream).filter(|state| state.source == source);
            (upstream, same.unwrap_or_else(|| SourceState::new(source)))
        };
        *states = sources.into_iter().map(state).collect();
    }

    /// The source of `upstream` names a good set.
    pub fn note_good(&self, upstream: &UpstreamName) {
        if let Some(state) = self.states().get_mut(upstream) {
            state.answered = Some((Instant::now(), Duration::ZERO));
            state.problem = None;
        }
    }

    /// It is served with a set that its source has named so long ago.
    pub fn note_kept(&self, upstream: &UpstreamName, age: Duration) {
        if let Some(state) = self.states().get_mut(upstream) {
            state.answered = Some((Instant::now(), age));
        }
    }

    /// It has no set, or none that is used.
    pub fn note_failure(&self, upstream: &UpstreamName, error: &SourceError) {
        if let Some(state) = self.states().get_mut(upstream) {
            match error {
                SourceError::NoAnswer(_) => state.failures += 1,
                // The same set, looked at again, is refused once.
                SourceError::BadSet(_) if state.problem.as_ref() == Some(error) => {}
                SourceError::BadSet(_) => state.refused += 1,
            }
            state.problem = Some(error.clone());
        }
    }

    /// How the source of `upstream` is, if it has one.
    pub fn of(&self, upstream: &UpstreamName) -> Option<SourceStatus> {
        self.states().get(upstream).map(SourceState::status)
    }

    /// How every source is.
    pub fn all(&self) -> Vec<(UpstreamName, SourceStatus)> {
        self.states().iter().map(|(upstream, state)| (upstream.clone(), state.status())).collect()
    }

    fn states(&self) -> MutexGuard<'_, BTreeMap<UpstreamName, SourceState>> {
        // Each change leaves it whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl SourceState {
    fn new(source: String) -> Self {
        Self { source, answered: None, failures: 0, refused: 0, problem: None }
    }

    fn status(&self) -> SourceStatus {
        SourceStatus {
            source: self.source.clone(),
            age: self.answered.map(|(at, age)| at.elapsed() + age),
            failures: self.failures,
            refused: self.refused,
            problem: self.problem.as_ref().map(SourceError::to_string),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_source_ages_until_it_answers_again() {
        let statuses = SourceStatuses::default();
        let chat: UpstreamName = "chat".into();
        let of_chat = || statuses.of(&chat).unwrap();
        statuses.keep([(chat.clone(), "dns a:1".into())]);
        assert_eq!(of_chat().age, None);
        statuses.note_kept(&chat, Duration::from_secs(60));
        tokio::time::advance(Duration::from_secs(5)).await;
        statuses.note_failure(&chat, &SourceError::NoAnswer("SERVFAIL".into()));
        statuses.note_failure(&chat, &SourceError::BadSet("nonsense".into()));
        let SourceStatus { age, failures, refused, problem, .. } = of_chat();
        assert_eq!((age, failures, refused), (Some(Duration::from_secs(65)), 1, 1));
        assert_eq!(problem.as_deref(), Some("nonsense"));
        statuses.note_good(&chat);
        assert_eq!((of_chat().age, of_chat().problem, of_chat().failures), (Some(Duration::ZERO), None, 1));
    }

    #[test]
    fn a_set_that_is_refused_again_and_again_is_one_set() {
        let statuses = SourceStatuses::default();
        let chat: UpstreamName = "chat".into();
        statuses.keep([(chat.clone(), "dns a:1".into())]);
        let (one, other) = (SourceError::BadSet("none".into()), SourceError::BadSet("too many".into()));
        let no_answer = SourceError::NoAnswer("SERVFAIL".into());
        for error in [&one, &one, &one, &other, &other, &no_answer, &no_answer, &one] {
            statuses.note_failure(&chat, error);
        }
        let counts = || statuses.of(&chat).map(|it| (it.refused, it.failures));
        assert_eq!(counts(), Some((3, 2)));
        statuses.note_good(&chat);
        statuses.note_failure(&chat, &one);
        assert_eq!(counts(), Some((4, 2)));
    }

    #[test]
    fn another_source_is_another_story() {
        let statuses = SourceStatuses::default();
        let name = |upstream: &str| UpstreamName::from(upstream);
        statuses.keep([(name("a"), "dns a:1".into()), (name("b"), "dns b:1".into())]);
        statuses.note_failure(&name("a"), &SourceError::NoAnswer("no".into()));
        statuses.note_failure(&name("b"), &SourceError::NoAnswer("no".into()));
        statuses.keep([(name("a"), "dns a:1".into()), (name("b"), "srv b".into())]);
        let failures: Vec<_> = statuses.all().into_iter().map(|(_, status)| status.failures).collect();
        assert_eq!(failures, [1, 0]);
        assert_eq!(statuses.of(&name("c")), None);
    }
}
