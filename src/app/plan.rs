//! What a reload would do, without doing it.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use super::loaded::Loaded;
use super::running::Running;
use crate::config::{EndpointName, OnReload, RouteName, UpstreamName, Warnings};
use crate::drain::{Drain, DrainPolicy, Pace, Scope};
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
    /// Those whose endpoint leaves, by the word of its source, by where they belong: they drain whatever `on_reload` says.
    pub leaving: BTreeMap<(RouteName, UpstreamName, EndpointName), usize>,
    /// How many tunnels lose nothing.
    pub staying: usize,
    /// Whether those that lose something would be drained, and how.
    pub on_reload: OnReload,
    /// What their drain would keep to.
    pub policy: DrainPolicy,
    /// How it would be paced.
    pub pace: Pace,
    /// What the drain of those would keep to whose endpoint leaves.
    pub leaving_policy: DrainPolicy,
    /// How it would be paced.
    pub leaving_pace: Pace,
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
        self.leaving() + self.losing() - self.kept()
    }

    /// How many tunnels lose what they stand on, and would stay nevertheless.
    pub fn kept(&self) -> usize {
        match self.on_reload {
            OnReload::Drain => 0,
            OnReload::Keep => self.losing(),
        }
    }

    /// How many tunnels are with endpoints that leave.
    pub fn leaving(&self) -> usize {
        self.leaving.values().sum()
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
        let (mut settings, contents, found) = loaded.into_parts();
        self.sets.clone().with(found).fill(&mut settings, Some(&old));
        let new = Arc::new(Snapshot::assemble(Arc::new(settings), contents, &self.tickets, Some(&old)));
        let diff = Diff::between(&old, &new);
        let vanished: HashSet<_> = diff.vanished.iter().map(|vanished| vanished.scope).collect();
        let told: HashSet<_> = diff.leaving.iter().map(|leaving| leaving.scope).collect();
        let (mut losing, mut leaving, mut staying) = (BTreeMap::new(), BTreeMap::new(), 0);
        self.proxy.registry.each(|handle| {
            let member = &handle.member;
            let is_in = |scopes: &HashSet<Scope>| member.scopes().iter().any(|scope| scopes.contains(scope));
            let by_place = match () {
                () if is_in(&vanished) => &mut losing,
                () if is_in(&told) => &mut leaving,
                () => {
                    staying += 1;
                    return;
                }
            };
            let place = (member.route.0.clone(), member.upstream.0.clone(), member.endpoint.0.clone());
            *by_place.entry(place).or_insert(0) += 1;
        });
        let drain = new.settings.drain;
        let policy = DrainPolicy::new(&drain, drain.reload);
        let pace = Drain::plan(losing.values().sum(), &policy, 0);
        let leaving_policy = DrainPolicy::new(&drain, drain.discovery);
        let leaving_pace = Drain::plan(leaving.values().sum(), &leaving_policy, 0);
        let renames = Rename::between(&old, &new);
        Plan {
            diff,
            renames,
            losing,
            leaving,
            staying,
            on_reload: drain.on_reload,
            policy,
            pace,
            leaving_policy,
            leaving_pace,
            served: old,
            planned: new,
            warnings,
        }
    }
}
