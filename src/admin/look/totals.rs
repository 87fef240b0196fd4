//! The open tunnels of this process, counted in one look at the registry.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::drain::{Incarnation, Member};
use crate::session::Proxy;
use crate::snapshot::Snapshot;

/// The open tunnels, by what they stand on.
pub(in crate::admin) struct Tunnels {
    /// By the lives of listener, route and endpoint; the upstream is that of the endpoint. Each with one of its tunnels' member.
    by_place: BTreeMap<[Incarnation; 3], (Arc<Member>, usize)>,
    /// By the life of each route and each endpoint.
    by_life: BTreeMap<Incarnation, usize>,
}

impl Tunnels {
    pub(in crate::admin) fn count(proxy: &Proxy) -> Self {
        let mut by_place = BTreeMap::new();
        proxy.registry.each(|handle| {
            let member = &handle.member;
            let place = [member.listener.1, member.route.1, member.endpoint.1];
            by_place.entry(place).or_insert_with(|| (Arc::clone(member), 0)).1 += 1;
        });
        let mut by_life = BTreeMap::new();
        for ([_, route, endpoint], (_, count)) in &by_place {
            for life in [route, endpoint] {
                *by_life.entry(*life).or_insert(0) += count;
            }
        }
        Self { by_place, by_life }
    }

    /// A member of each place, and how many tunnels there are.
    pub(in crate::admin) fn places(&self) -> impl Iterator<Item = (&Member, usize)> {
        self.by_place.values().map(|(member, count)| (&**member, *count))
    }

    /// All of them.
    pub(in crate::admin) fn all(&self) -> usize {
        self.places().map(|(_, count)| count).sum()
    }

    /// Those of a route or an endpoint.
    pub(in crate::admin) fn of(&self, life: Incarnation) -> usize {
        self.by_life.get(&life).copied().unwrap_or(0)
    }

    /// Those that stand on something that `snapshot` does not have.
    pub(in crate::admin) fn of_what_is_gone(&self, snapshot: &Snapshot) -> usize {
        self.places().filter(|(member, _)| !is_there(snapshot, member)).map(|(_, count)| count).sum()
    }
}

/// Whether what a tunnel stands on is still configured.
fn is_there(snapshot: &Snapshot, member: &Member) -> bool {
    let listener = snapshot.listeners().get(&member.listener.0).map(|it| it.life.incarnation);
    let route = snapshot.routes().get(&member.route.0);
    let branch = route.and_then(|route| route.target.to(&member.upstream.0));
    let endpoint = branch.and_then(|branch| branch.upstream.endpoints().iter().find(|it| it.name == member.endpoint.0));
    listener == Some(member.listener.1)
        && branch.is_some_and(|branch| branch.life.incarnation == member.route.1)
        && endpoint.is_some_and(|endpoint| endpoint.life.incarnation == member.endpoint.1)
}
