//! What is said of sources and of what they change: once of each, however long it lasts.

use tokio::time::Instant;

use crate::config::{SourceSettings, UpstreamName};
use crate::discovery::SourceError;
use crate::snapshot::{Diff, Rename, Upstream};

/// That a source has no set, as long as it has none.
#[derive(Debug)]
pub(super) struct Trouble {
    since: Instant,
    failures: u64,
    /// What was said of it: another reason is said too, but only so many.
    said: Vec<String>,
}

impl Default for Trouble {
    fn default() -> Self {
        Self { since: Instant::now(), failures: 0, said: Vec::new() }
    }
}

impl Trouble {
    /// One that begins, and was told of.
    pub(super) fn said(error: &SourceError) -> Self {
        Self { failures: 1, said: vec![error.to_string()], ..Self::default() }
    }

    /// It goes on.
    pub(super) fn note(&mut self, upstream: &UpstreamName, settings: &SourceSettings, error: &SourceError) {
        self.failures += 1;
        let (source, why) = (&settings.from, error.to_string());
        if self.said.len() >= MOST_SAID || self.said.contains(&why) {
            tracing::debug!(%upstream, %source, failures = self.failures, "its source has no endpoints still: {why}");
            return;
        }
        match error {
            SourceError::NoAnswer(_) => {
                tracing::warn!(%upstream, %source, "its source does not answer, and it keeps the endpoints that it has: {why}");
            }
            SourceError::BadSet(_) => {
                tracing::warn!(%upstream, %source, "what its source names is refused, and it keeps the endpoints that it has: {why}");
            }
        }
        self.said.push(why);
    }

    /// It is over.
    pub(super) fn say_over(self, upstream: &UpstreamName, settings: &SourceSettings) {
        let (source, failures, for_seconds) = (&settings.from, self.failures, self.since.elapsed().as_secs());
        tracing::info!(%upstream, %source, failures, for_seconds, "its source answers again");
    }
}

/// Says what has changed by the word of an upstream's source: a line for each change, as of a reload, but only for so many.
pub(super) fn say_changes(diff: &Diff, upstream: &Upstream, open: usize) {
    let Some(SourceSettings { from: source, .. }) = &upstream.settings.source else { return };
    if diff.is_empty() {
        return;
    }
    for change in diff.changes.iter().take(MOST_CHANGES) {
        tracing::info!(%change, %source, "endpoints");
    }
    for rename in Rename::of_endpoints(diff, upstream).iter().take(MOST_CHANGES) {
        tracing::warn!(%source, "endpoints: {rename}");
    }
    let (changes, leaving, returned) = (diff.changes.len(), diff.leaving.len(), diff.returned.len());
    let unlisted = changes.saturating_sub(MOST_CHANGES);
    tracing::info!(%source, changes, unlisted, leaving, returned, open, "endpoints have changed");
}

/// How many reasons of one trouble are said.
const MOST_SAID: usize = 4;
/// How many changes of one set have a line: who runs thousands of endpoints reads sums.
const MOST_CHANGES: usize = 20;
