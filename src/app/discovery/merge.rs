//! From a set and what is served to what is served next.

use crate::config::{EndpointRole, EndpointSettings};
use crate::discovery::EndpointSet;
use crate::snapshot::{Upstream, in_order};

/// The endpoints of an upstream whose source names `set` now, in the order of their names: those of the set, and of those that are
/// `served` whoever is missing and has tunnels or is leaving already, as leaving. One that moved is gone from its old address.
pub(super) fn merged(set: &EndpointSet, served: &Upstream) -> Vec<EndpointSettings> {
    let mut endpoints = set.endpoints().to_vec();
    let all = served.endpoints().iter().zip(&served.settings.endpoints);
    let is_leaving = |settings: &EndpointSettings| settings.role == EndpointRole::Leaving;
    let mut find = in_order(set.endpoints(), |endpoint| &endpoint.name);
    let missing = all.filter(|(endpoint, settings)| {
        find(&settings.name).is_none() && (endpoint.tunnels() > 0 || is_leaving(settings))
    });
    endpoints.extend(missing.map(|(_, settings)| EndpointSettings { role: EndpointRole::Leaving, ..settings.clone() }));
    // Two sorted runs: it takes one pass.
    endpoints.sort_by(|one, other| one.name.cmp(&other.name));
    endpoints
}
