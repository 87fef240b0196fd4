//! Sources that were begun for a configuration that is not served yet, and what they have said at first.

use std::collections::BTreeMap;
use std::time::Duration;

use super::source::Source;
use super::story::Trouble;
use crate::config::{SourceSettings, UpstreamName, counted};
use crate::discovery::Found;

/// Sources that were begun for a configuration that is not served yet; those that are dropped end.
#[derive(Debug, Default)]
pub(in crate::app) struct PreparedSources(pub(super) BTreeMap<UpstreamName, (Source, First)>);

/// What a source has said at first.
#[derive(Debug)]
pub(super) struct First {
    pub(super) found: Found,
    /// How old the set is that was kept of it and is used in place of an answer.
    pub(super) kept: Option<Duration>,
    /// Why what was kept cannot be used.
    pub(super) unusable: Option<String>,
}

impl PreparedSources {
    /// Which of them have no set, a line each.
    pub(in crate::app) fn warnings(&self) -> Vec<String> {
        let failed = self.0.iter().filter_map(|(upstream, (source, first))| {
            let error = first.found.as_ref().err()?;
            Some(format!("{} has no endpoints for upstream {upstream}: {error}", source.settings.from))
        });
        failed.collect()
    }

    pub(super) fn into_parts(self) -> BTreeMap<UpstreamName, (Source, First)> {
        self.0
    }
}

impl First {
    /// Says what an upstream begins with; the trouble of its source, if that is in one.
    pub(super) fn say(&self, upstream: &UpstreamName, settings: &SourceSettings) -> Option<Trouble> {
        let source = &settings.from;
        if let Some(error) = &self.unusable {
            tracing::warn!(%upstream, %source, "the endpoints that were kept of it cannot be used: {error}");
        }
        let error = match &self.found {
            Ok(set) => {
                let endpoints = counted(set.endpoints().len(), "endpoint");
                tracing::info!(%upstream, %source, "its source names {endpoints}");
                return None;
            }
            Err(error) => error,
        };
        match self.kept {
            Some(age) => {
                let age_seconds = age.as_secs();
                tracing::warn!(%upstream, %source, age_seconds, "its source has no endpoints, and it is served with those that were kept: {error}");
            }
            None => tracing::error!(
                %upstream, %source,
                "its source has no endpoints, and none were kept: it has those that were served before, if any, and else is answered 503: {error}"
            ),
        }
        Some(Trouble::said(error))
    }
}
