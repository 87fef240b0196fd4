//! What becomes of the open tunnels of an endpoint that its probes call down: `on_down`.
//!
//! No order is left behind: who opens a tunnel there all the same was let in by the endpoint itself.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc::UnboundedReceiver;

use super::drains::Drains;
use crate::config::{DrainSettings, DrainWindow, OnDown};
use crate::drain::{Cause, Drain, DrainPolicy, DrainTarget, EndpointTarget, Scope, Spread};
use crate::health::Availability;
use crate::probe::ProbeVerdict;
use crate::session::Proxy;
use crate::snapshot::Endpoint;

/// Acts on what the probes say of endpoints, for as long as they do.
pub(super) async fn act(proxy: Arc<Proxy>, drains: Drains, mut verdicts: UnboundedReceiver<ProbeVerdict>) {
    while let Some(ProbeVerdict { endpoint, availability }) = verdicts.recv().await {
        match availability {
            Availability::Up => drains.take_back(Cause::EndpointDown, scope(&endpoint)),
            Availability::Down => end_tunnels(&proxy, &drains, &endpoint),
        }
    }
}

fn end_tunnels(proxy: &Proxy, drains: &Drains, endpoint: &Endpoint) {
    let snapshot = proxy.snapshot();
    // A reload may have taken it away meanwhile, and sees to its tunnels.
    let Some(upstream) = snapshot.upstreams().get(&endpoint.upstream) else { return };
    let settings = &snapshot.settings.drain;
    let policy = match upstream.settings.on_down {
        OnDown::Keep => return,
        OnDown::Drain => DrainPolicy::new(settings, settings.reload),
        OnDown::Close => at_once(settings),
    };
    let scope = scope(endpoint);
    let handles = proxy.registry.tunnels(|handle| scope.contains(&handle.member));
    if !handles.is_empty() {
        let target = EndpointTarget { upstream: endpoint.upstream.clone(), endpoint: endpoint.name.clone() };
        let drain = Drain::of(handles, policy.order(Cause::EndpointDown), &policy);
        drains.run_of_endpoints(Cause::EndpointDown, [scope].into(), DrainTarget::Endpoint(target).to_string(), drain);
    }
}

/// Everybody is told now, and has a short while: the endpoint is not expected to answer, and its clients are to be elsewhere.
fn at_once(settings: &DrainSettings) -> DrainPolicy {
    let window = DrainWindow { deadline: CLOSED_WITHIN, spread: Duration::ZERO };
    DrainPolicy { max_per_second: NonZeroU32::MAX, spread: Spread::Exact, ..DrainPolicy::new(settings, window) }
}

fn scope(endpoint: &Endpoint) -> Scope {
    Scope::Endpoint(endpoint.life.incarnation)
}

/// How long the tunnels of an endpoint that is down have for their closing handshakes.
const CLOSED_WITHIN: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::parse;

    #[test]
    fn ten_thousand_tunnels_are_told_at_once() {
        let text =
            "[listener.l]\nbind = \"127.0.0.1:0\"\n[route.r]\nupstream = \"u\"\n[upstream.u]\nendpoints = [\"a:1\"]\n";
        let settings = parse(text, Path::new("test.toml")).unwrap();
        let pace = Drain::plan(10_000, &at_once(&settings.drain), 7);
        assert_eq!((pace.duration(), pace.raised_to()), (Duration::ZERO, None));
    }
}
