//! What became of the last reloads: kept by the process, so that whoever comes later reads it too.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use crate::process::unix_seconds;

/// How many are kept.
const KEPT: usize = 8;
/// How many changes of one are kept, in words.
const CHANGES_KEPT: usize = 8;
/// How much is kept of a text, in characters.
const CHARACTERS_KEPT: usize = 2000;

/// What became of a reload.
#[derive(Clone, Debug)]
pub enum ReloadOutcome {
    /// This generation is served since; there are no changes where the configuration was the same.
    Taken {
        /// The generation.
        generation: u64,
        /// What is different, in words.
        changes: Vec<String>,
    },
    /// What was served before is served still.
    Refused {
        /// Why.
        why: String,
    },
}

/// One reload, as it is told of later.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ReloadNote {
    /// Which reload of the process it was.
    pub number: u64,
    /// When it was over, in seconds since 1970.
    pub at: u64,
    /// `changed`, `unchanged` or `refused`.
    pub result: String,
    /// The generation that is served since; `None` where it was refused.
    pub generation: Option<u64>,
    /// What it changed, in words: the first few.
    pub changes: Vec<String>,
    /// How many changes more there were.
    pub more_changes: usize,
    /// Why it was refused.
    pub why: Option<String>,
}

/// The last ones, the oldest first.
#[derive(Debug, Default)]
pub(in crate::admin) struct ReloadNotes {
    last: VecDeque<ReloadNote>,
    count: u64,
}

impl ReloadNotes {
    pub(in crate::admin) fn note(&mut self, outcome: ReloadOutcome) {
        self.count += 1;
        if self.last.len() == KEPT {
            self.last.pop_front();
        }
        let (number, at) = (self.count, unix_seconds());
        self.last.push_back(match outcome {
            ReloadOutcome::Taken { generation, changes } => ReloadNote {
                number,
                at,
                result: if changes.is_empty() { "unchanged" } else { "changed" }.to_owned(),
                generation: Some(generation),
                more_changes: changes.len().saturating_sub(CHANGES_KEPT),
                changes: changes.into_iter().take(CHANGES_KEPT).map(|it| shortened(&it)).collect(),
                why: None,
            },
            ReloadOutcome::Refused { why } => ReloadNote {
                number,
                at,
                result: "refused".to_owned(),
                generation: None,
                changes: Vec::new(),
                more_changes: 0,
                why: Some(shortened(&why)),
            },
        });
    }

    pub(in crate::admin) fn all(&self) -> Vec<ReloadNote> {
        self.last.iter().cloned().collect()
    }

    /// Why the last one was refused; `None` where it was not.
    pub(in crate::admin) fn last_refusal(&self) -> Option<String> {
        self.last.back()?.why.clone()
    }
}

fn shortened(text: &str) -> String {
    if text.chars().nth(CHARACTERS_KEPT).is_none() {
        return text.to_owned();
    }
    text.chars().take(CHARACTERS_KEPT).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_ones_are_kept_and_only_so_much_of_each() {
        let mut notes = ReloadNotes::default();
        for generation in 0..20 {
            let changes = (0..generation).map(|it| format!("change {it}")).collect();
            notes.note(ReloadOutcome::Taken { generation, changes });
        }
        notes.note(ReloadOutcome::Refused { why: "é".repeat(5000) });
        let all = notes.all();
        assert_eq!((all.len(), all[0].number, all[7].number), (KEPT, 14, 21));
        assert_eq!((all[6].changes.len(), all[6].more_changes, all[6].generation), (CHANGES_KEPT, 11, Some(19)));
        assert_eq!(notes.last_refusal().unwrap().chars().count(), CHARACTERS_KEPT + 1);
    }

    #[test]
    fn a_reload_that_was_taken_ends_what_is_said_of_a_refusal() {
        let mut notes = ReloadNotes::default();
        notes.note(ReloadOutcome::Refused { why: "no such upstream".into() });
        assert_eq!(notes.last_refusal().as_deref(), Some("no such upstream"));
        notes.note(ReloadOutcome::Taken { generation: 3, changes: Vec::new() });
        assert_eq!(notes.last_refusal(), None);
        assert_eq!(notes.all()[1].result, "unchanged");
    }
}
