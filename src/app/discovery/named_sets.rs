//! The last good set of each source, by the upstream that is served with it.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::merge::merged;
use crate::config::{Settings, SourceSettings, UpstreamName};
use crate::discovery::EndpointSet;
use crate::snapshot::Snapshot;

/// The last good set of each source.
#[derive(Clone, Debug, Default)]
pub(in crate::app) struct NamedSets(BTreeMap<UpstreamName, NamedSet>);

#[derive(Clone, Debug)]
struct NamedSet {
    source: SourceSettings,
    set: EndpointSet,
}

impl NamedSets {
    /// `source` names this set for `upstream` from now on.
    pub(in crate::app) fn note(&mut self, upstream: UpstreamName, source: SourceSettings, set: EndpointSet) {
        self.0.insert(upstream, NamedSet { source, set });
    }

    /// What `source` has named for `upstream`, if it was that one.
    pub(in crate::app) fn get(&self, upstream: &UpstreamName, source: &SourceSettings) -> Option<&EndpointSet> {
        self.0.get(upstream).filter(|named| is_same(&named.source, source)).map(|named| &named.set)
    }

    /// Each with its upstream and its source.
    pub(in crate::app) fn iter(&self) -> impl Iterator<Item = (&UpstreamName, &SourceSettings, &EndpointSet)> {
        self.0.iter().map(|(upstream, NamedSet { source, set })| (upstream, source, set))
    }

    /// These, where `newer` has no other.
    pub(in crate::app) fn with(mut self, newer: Self) -> Self {
        self.0.extend(newer.0);
        self
    }

    /// Forgets what is not of a source of `settings`.
    pub(in crate::app) fn keep_to(&mut self, settings: &Settings) {
        self.0.retain(|upstream, named| {
            let source = settings.upstreams.get(upstream).and_then(|upstream| upstream.source.as_ref());
            source.is_some_and(|source| is_same(source, &named.source))
        });
    }

    /// Gives each upstream of `settings` that has a source its endpoints; one whose source has named none yet keeps those that it
    /// has in `served`.
    pub(in crate::app) fn fill(&self, settings: &mut Settings, served: Option<&Snapshot>) {
        for (name, upstream) in &mut settings.upstreams {
            let Some(source) = &upstream.source else { continue };
            let served = served.and_then(|served| served.upstreams().get(name));
            let endpoints = match (self.get(name, source), served) {
                (Some(set), Some(served)) if served.settings.source.as_ref().is_some_and(|it| is_same(it, source)) => {
                    merged(set, served)
                }
                // Who is missing there is missing because of a reload, and drains as one does.
                (Some(set), _) => set.endpoints().to_vec(),
                (None, Some(served)) => served.settings.endpoints.clone(),
                (None, None) => Vec::new(),
            };
            Arc::make_mut(upstream).endpoints = endpoints;
        }
    }
}

/// Whether the two ask the same; how few endpoints are too few does not matter.
pub(super) fn is_same(one: &SourceSettings, other: &SourceSettings) -> bool {
    one.from == other.from && one.servers == other.servers
}
