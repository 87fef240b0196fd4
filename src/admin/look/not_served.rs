//! Whom an upstream does not serve, and why: what its endpoints say one by one, said for all of them.

use std::sync::Arc;
use std::time::Instant;

use crate::admin::wire::FailingStatus;
use crate::config::WhenAllDown;
use crate::health::Asked;
use crate::snapshot::{Endpoint, Upstream};

/// What has failed at an endpoint since the last time that it went well.
pub(super) fn failing(endpoint: &Endpoint) -> Vec<FailingStatus> {
    let failures = endpoint.recent_failures();
    let of_kind = |asked: Asked| {
        failures.of(asked).map(|it| FailingStatus {
            asked: asked.to_string(),
            in_a_row: it.count,
            for_seconds: Instant::now().saturating_duration_since(it.since).as_secs(),
            why: it.why.clone(),
        })
    };
    [Asked::Upgrade, Asked::Exchange].into_iter().filter_map(of_kind).collect()
}

/// Whom an upstream does not serve now, and why; `None` where it serves everybody, as far as anybody has tried.
pub(super) fn not_served(upstream: &Upstream) -> Option<String> {
    let endpoints = upstream.endpoints();
    if endpoints.is_empty() {
        return Some("nobody: it has no endpoints".into());
    }
    if endpoints.iter().all(|endpoint| endpoint.state().is_closed()) {
        return Some(format!(
            "nobody: {} drained, or to leave; `windlass undrain` takes a drain back",
            whose(endpoints)
        ));
    }
    let refused: Vec<_> =
        [Asked::Upgrade, Asked::Exchange].into_iter().filter(|asked| has_nowhere_to_go(*asked, endpoints)).collect();
    let whom = match &*refused {
        [] => return None,
        [one] => format!("no {one}"),
        _ => "nobody".into(),
    };
    let asked_all_the_same = match upstream.settings.when_all_down {
        WhenAllDown::Try => "; it is asked all the same, since nothing else is left",
        WhenAllDown::Refuse if endpoints.iter().all(|it| it.state().is_eligible()) => "; it is asked all the same",
        WhenAllDown::Refuse => "; what it is asked for is refused at once (`when_all_down`)",
    };
    Some(match endpoints {
        [only] => format!("{whom}: its only endpoint {}{asked_all_the_same}", trouble_of(only, &refused)),
        all => format!("{whom}: each of its {} endpoints is kept away or has failed, as they say below", all.len()),
    })
}

/// Whether no endpoint takes requests of this kind, or has served the last of them.
fn has_nowhere_to_go(asked: Asked, endpoints: &[Arc<Endpoint>]) -> bool {
    endpoints.iter().all(|it| !it.is_open_to(asked) || it.recent_failures().of(asked).is_some())
}

fn trouble_of(endpoint: &Endpoint, refused: &[Asked]) -> String {
    let state = endpoint.state();
    let failing = failing(endpoint);
    match failing.iter().find(|it| refused.iter().any(|asked| asked.to_string() == it.asked)) {
        Some(failing) if state.is_eligible() => format!("has failed {}: {}", failing.which(), failing.why),
        _ => format!("is {}", state.as_str()),
    }
}

fn whose(endpoints: &[Arc<Endpoint>]) -> String {
    match endpoints {
        [_] => "its only endpoint is".into(),
        all => format!("each of its {} endpoints is", all.len()),
    }
}
