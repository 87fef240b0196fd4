//! Publishing what a source names, as a reload publishes a file: a diff, by which whoever leaves drains.

use std::collections::HashSet;
use std::sync::Arc;

use super::super::running::Running;
use super::merge::merged;
use super::named_sets::NamedSets;
use crate::config::{EndpointName, EndpointRole, UpstreamName, counted};
use crate::discovery::EndpointSet;
use crate::drain::{
    Cause, Drain, DrainPolicy, DrainTarget, EndpointTarget, Member, Scope, StandingOrder, TunnelHandle,
};
use crate::snapshot::{Diff, Snapshot, Upstream, Vanished};

impl Running {
    /// Serves `set`, which the source of `upstream` names, from now on: a new endpoint takes newcomers, one that is missing or said
    /// to be leaving takes none and drains, one that is back stays. The first set of a source takes the place of endpoints that were not
    /// its own, as a reload that waits for it would have done it. Returns what that changes; nothing where the upstream has no source.
    pub fn take_endpoints(&mut self, upstream: &UpstreamName, set: EndpointSet) -> Diff {
        let old = self.proxy.snapshot();
        let Some(served) = old.upstreams().get(upstream) else { return Diff::default() };
        let Some(source) = &served.settings.source else { return Diff::default() };
        let before = self.sets.get(upstream, source);
        if before == Some(&set) {
            return Diff::default();
        }
        let is_first = before.is_none();
        let endpoints = if is_first { set.endpoints().to_vec() } else { merged(&set, served) };
        self.sets.note(upstream.clone(), source.clone(), set);
        if endpoints == served.settings.endpoints {
            return Diff::default();
        }
        let Some(new) = old.with_endpoints(upstream, endpoints) else { return Diff::default() };
        let diff = self.publish_endpoints(old, new);
        if is_first {
            self.drain_lost(&diff);
        } else {
            self.drain_leaving(diff.leaving.iter().chain(&diff.vanished));
        }
        diff
    }

    /// Lets go of endpoints that have left: their sources name them no more, and their last tunnel has ended. Returns what that
    /// changes.
    pub fn drop_left(&mut self) -> Vec<(UpstreamName, Diff)> {
        self.retired.sweep();
        let snapshot = self.proxy.snapshot();
        let is_over = |upstream: &&Arc<Upstream>| leaving(upstream, &self.sets).any(|(tunnels, _)| tunnels == 0);
        let over: Vec<_> = snapshot.upstreams().values().filter(is_over).cloned().collect();
        drop(snapshot);
        let mut diffs = Vec::new();
        for upstream in over {
            let left = leaving(&upstream, &self.sets).filter(|(tunnels, _)| *tunnels == 0);
            let left: HashSet<_> = left.map(|(_, name)| name.clone()).collect();
            let endpoints = upstream.settings.endpoints.iter().filter(|it| !left.contains(&it.name)).cloned().collect();
            let old = self.proxy.snapshot();
            let name = upstream.settings.name.clone();
            if let Some(new) = old.with_endpoints(&name, endpoints) {
                let diff = self.publish_endpoints(old, new);
                // Who was placed there before it left may still come.
                self.drain_leaving(diff.vanished.iter());
                diffs.push((name, diff));
            }
        }
        diffs
    }

    /// Whether there are endpoints that are served only until their last tunnel ends.
    pub fn has_leaving(&self) -> bool {
        self.proxy.snapshot().upstreams().values().any(|upstream| leaving(upstream, &self.sets).next().is_some())
    }

    fn publish_endpoints(&mut self, old: Arc<Snapshot>, new: Snapshot) -> Diff {
        let diff = Diff::between(&old, &new);
        // Before anybody is placed there again.
        self.take_back(&diff.returned);
        self.proxy.publish(new);
        self.retired.take(old, &self.proxy.snapshot());
        diff
    }

    /// Ends the drains of endpoints that are back: who was not told yet stays.
    pub(in crate::app) fn take_back(&self, returned: &[Scope]) {
        for scope in returned {
            self.drains.take_back(Cause::Discovery, *scope);
            self.proxy.registry.forget(Cause::Discovery, *scope);
        }
    }

    /// Drains the tunnels of endpoints that leave, in the background: in one drain, so that they keep to one pace however many there
    /// are, and out of which those that return are taken. Returns how many tunnels that are.
    pub(in crate::app) fn drain_leaving<'v>(&self, leaving: impl Iterator<Item = &'v Vanished>) -> usize {
        let settings = self.proxy.snapshot().settings.drain;
        let policy = DrainPolicy::new(&settings, settings.discovery);
        let order = policy.order(Cause::Discovery);
        // Requests that were placed before the publishing can still register.
        let standing = leaving.map(|Vanished { scope, while_alive }| StandingOrder {
            scope: *scope,
            order: order.clone(),
            while_alive: Some(while_alive.clone()),
        });
        let handles = self.proxy.registry.begin(standing);
        let Some(scope) = scope_of(&handles) else { return 0 };
        let endpoints = handles.iter().map(|handle| Scope::Endpoint(handle.member.endpoint.1)).collect();
        let drain = Drain::of(handles, order, &policy);
        let count = drain.len();
        self.drains.run_of_endpoints(Cause::Discovery, endpoints, scope, drain);
        count
    }
}

/// What a drain of these tunnels is about; nothing where there are none.
fn scope_of(handles: &[Arc<TunnelHandle>]) -> Option<String> {
    let Member { upstream: (upstream, _), endpoint: (endpoint, _), .. } = &*handles.first()?.member;
    let endpoints: HashSet<_> = handles.iter().map(|handle| handle.member.endpoint.1).collect();
    if endpoints.len() == 1 {
        let target = EndpointTarget { upstream: upstream.clone(), endpoint: endpoint.clone() };
        return Some(DrainTarget::Endpoint(target).to_string());
    }
    let upstreams: HashSet<_> = handles.iter().map(|handle| handle.member.upstream.1).collect();
    let of = if upstreams.len() == 1 { format!("upstream {upstream}") } else { counted(upstreams.len(), "upstream") };
    Some(format!("{} of {of}", counted(endpoints.len(), "endpoint")))
}

/// The endpoints of an upstream that its source names no more, each with its tunnels.
fn leaving<'a>(upstream: &'a Upstream, sets: &'a NamedSets) -> impl Iterator<Item = (usize, &'a EndpointName)> {
    let Upstream { settings, .. } = upstream;
    let set = settings.source.as_ref().and_then(|source| sets.get(&settings.name, source));
    let all = upstream.endpoints().iter().zip(&settings.endpoints);
    let missing = all.filter(move |(_, settings)| {
        settings.role == EndpointRole::Leaving && set.is_none_or(|set| set.get(&settings.name).is_none())
    });
    missing.map(|(endpoint, settings)| (endpoint.tunnels(), &settings.name))
}
