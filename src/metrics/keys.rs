//! How it stands with the keys that routes fetch, as Prometheus reads it.

use prometheus_client::registry::Registry;

use super::rows::Rows;
use crate::config::RouteName;
use crate::snapshot::KeyCounts;

/// Registers what is known of these `keys`; nothing where none are fetched.
pub(super) fn register(keys: &[(RouteName, KeyCounts)], registry: &mut Registry) {
    if keys.is_empty() {
        return;
    }
    let of = |route: &RouteName| ("route", route.to_string());
    let ages = keys.iter().filter_map(|(route, counts)| {
        Some((vec![of(route)], i64::try_from(counts.age?.as_secs()).unwrap_or(i64::MAX)))
    });
    registry.register(
        "keys_age_seconds",
        "How long ago the keys were fetched by which tokens are verified",
        Rows::new(ages),
    );
    let fetches = keys.iter().flat_map(|(route, counts)| {
        let row = |result: &str, count: u64| (vec![of(route), ("result", result.to_owned())], count);
        [row("fetched", counts.fetched), row("failed", counts.failed)]
    });
    registry.register(
        "key_fetches",
        "Fetches of the keys by which tokens are verified, by what came of them",
        Rows::new(fetches),
    );
}
