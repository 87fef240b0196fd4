//! What a reload would do, without doing it.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::loaded::Loaded;
use super::running::Running;
use crate::config::{EndpointName, OnReload, RouteName, UpstreamName, Warnings};
use crate::drain::{Drain, DrainPolicy, Pace};
use crate::snapshot::{Diff, Rename, Snapshot};

/// What a reload would do.
#[derive(Clone, Debug)]
pub struct Plan {
    /// What it would change.
    pub diff: Diff,
    /// What looks renamed.
    pub renames: Vec<Rename>,
    /// The tunnels that lose what they stand on, by where they belong.
    pub losing: BTreeMap<(RouteName, UpstreamName, EndpointName), usize>,
    /// How many tunnels lose nothing.
    pub staying: usize,
    /// Whether those that lose something would be drained, and how.
    pub on_reload: OnReload,
    /// What their drain would keep to.
    pub policy: DrainPolicy,
    /// How it would be paced.
    pub pace: Pace,
    /// What is served now.
    pub served: Arc<Snapshot>,
    /// What would be served.
    pub planned: Arc<Snapshot>,
    /// What is odd about the configuration.
    pub warnings: Warnings,
}

impl Plan {
    /// How many tunnels would be closed.
    pub fn closing(&self) -> usize {
        match self.on_reload {
            OnReload::Drain => self.losing(),
            OnReload::Keep => 0,
        }
    }

    /// How many tunnels lose what they stand on.
    pub fn losing(&self) -> usize {
        self.losing.values().sum()
    }
}

impl Running {
    /// What [`reload`](Self::reload) would do with `loaded` now. Nothing is bound, published or drained.
    pub fn plan(&self, loaded: Loaded) -> Plan {
        let old = self.proxy.snapshot();
        let warnings = loaded.warnings().clone();
        let (settings, contents) = loaded.into_parts();
        let new = Arc::new(Snapshot::assemble(Arc::new(settings), contents, &self.tickets, Some(&old)));
        let diff = Diff::between(&old, &new);
        let (mut losing, mut staying) = (BTreeMap::new(), 0);
        self.proxy.registry.each(|handle| {
            let member = &handle.member;
            if diff.vanished.iter().any(|vanished| vanished.scope.contains(member)) {
                let place = (member.route.0.clone(), member.upstream.0.clone(), member.endpoint.0.clone());
                *losing.entry(place).or_insert(0) += 1;
            } else {
                staying += 1;
            }
        });
        let drain = new.settings.drain;
        let policy = DrainPolicy::new(&drain, drain.reload);
        let pace = Drain::plan(losing.values().sum(), &policy, 0);
        let renames = Rename::between(&old, &new);
        Plan {
            diff,
            renames,
            losing,
            staying,
            on_reload: drain.on_reload,
            policy,
            pace,
            served: old,
            planned: new,
            warnings,
        }
    }
}
