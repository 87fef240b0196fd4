//! What operators ask a proxy for: to drain something, and to take an endpoint's drain back. One that has handed over does
//! it too, for the process that serves.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;

use super::drains::Drains;
use super::running::Running;
use crate::drain::{
    BadDrainPolicy, Cause, Drain, DrainPolicy, DrainTarget, EndpointTarget, Overrides, Scope, StandingOrder,
};
use crate::session::Proxy;
use crate::snapshot::{Endpoint, EndpointEvent};

/// A drain that has begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DrainStarted {
    /// Its number among the statuses.
    pub id: u64,
    /// How many tunnels it is about.
    pub tunnels: usize,
    /// Over how long they are told.
    pub over: Duration,
    /// When what is left is cut.
    pub deadline: Duration,
    /// The rate a second that the deadline forces, where it is above the cap.
    pub raised_to: Option<u32>,
}

/// There is no drain: neither the configuration nor any open tunnel knows what was named.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub struct UnknownTarget(pub DrainTarget);

impl Running {
    /// What a drain keeps to that an operator asks for: `[drain]` and `[drain.reload]`, but for what is asked otherwise.
    pub fn operator_policy(&self, overrides: &Overrides) -> Result<DrainPolicy, BadDrainPolicy> {
        let settings = self.proxy.snapshot().settings.drain;
        DrainPolicy::new(&settings, settings.reload).with(overrides)
    }

    /// Drains what an operator named. An endpoint takes no new tunnels until [`undrain`](Self::undrain); everything else
    /// is open to newcomers as before: there is nowhere else for them.
    pub fn drain(&self, target: &DrainTarget, policy: &DrainPolicy) -> Result<DrainStarted, UnknownTarget> {
        drain(&self.proxy, &self.drains, target, policy)
    }

    /// Lets an endpoint take new tunnels again. Tunnels of its drain that were not told yet stay. Says whether it was
    /// draining; `None` where there is no such endpoint.
    pub fn undrain(&self, target: &EndpointTarget) -> Option<bool> {
        undrain(&self.proxy, &self.drains, target)
    }
}

/// Drains what an operator named, among the tunnels of `proxy`.
pub(super) fn drain(
    proxy: &Proxy,
    drains: &Drains,
    target: &DrainTarget,
    policy: &DrainPolicy,
) -> Result<DrainStarted, UnknownTarget> {
    let order = policy.order(Cause::Operator);
    let endpoint = endpoint_of(proxy, target);
    if let Some(endpoint) = &endpoint {
        endpoint.transition(EndpointEvent::Drained);
        // A request that was placed before can still register.
        let standing = standing(endpoint, order.clone());
        proxy.registry.begin([standing]);
    }
    let handles = proxy.registry.tunnels(|handle| target.is_about(handle));
    if handles.is_empty() && endpoint.is_none() && !is_configured(proxy, target) {
        return Err(UnknownTarget(target.clone()));
    }
    let drain = Drain::of(handles, order, policy);
    let (tunnels, pace) = (drain.len(), *drain.pace());
    let id = match endpoint {
        Some(endpoint) => {
            drains.run_of_endpoints(Cause::Operator, [scope(&endpoint)].into(), target.to_string(), drain)
        }
        None => drains.run(Cause::Operator, target.to_string(), drain),
    };
    Ok(DrainStarted {
        id,
        tunnels,
        over: pace.duration(),
        deadline: policy.window.deadline,
        raised_to: pace.raised_to(),
    })
}

/// Lets an endpoint of `proxy` take new tunnels again; see [`Running::undrain`].
pub(super) fn undrain(proxy: &Proxy, drains: &Drains, target: &EndpointTarget) -> Option<bool> {
    let endpoint = endpoint_of(proxy, &DrainTarget::Endpoint(target.clone()))?;
    drains.take_back(Cause::Operator, scope(&endpoint));
    proxy.registry.forget(Cause::Operator, scope(&endpoint));
    Some(endpoint.transition(EndpointEvent::TakenBack).is_some())
}

fn endpoint_of(proxy: &Proxy, target: &DrainTarget) -> Option<Arc<Endpoint>> {
    let DrainTarget::Endpoint(EndpointTarget { upstream, endpoint: name }) = target else { return None };
    let snapshot = proxy.snapshot();
    let upstream = snapshot.upstreams().get(upstream)?;
    upstream.endpoints().iter().find(|endpoint| endpoint.name == *name).cloned()
}

fn is_configured(proxy: &Proxy, target: &DrainTarget) -> bool {
    let snapshot = proxy.snapshot();
    match target {
        DrainTarget::All => true,
        DrainTarget::Listener(name) => snapshot.listeners().contains_key(name),
        DrainTarget::Route(name) => snapshot.routes().contains_key(name),
        DrainTarget::Upstream(name) => snapshot.upstreams().contains_key(name),
        DrainTarget::Endpoint(_) | DrainTarget::Tunnel(_) => false,
    }
}

fn scope(endpoint: &Endpoint) -> Scope {
    Scope::Endpoint(endpoint.life.incarnation)
}

fn standing(endpoint: &Endpoint, order: crate::drain::StopOrder) -> StandingOrder {
    StandingOrder { scope: scope(endpoint), order, while_alive: Some(endpoint.life.alive()) }
}

impl fmt::Display for UnknownTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(target) = self;
        match target {
            DrainTarget::Tunnel(_) => {
                write!(f, "there is no {target}: `windlass tunnels` lists what is open")
            }
            _ => write!(f, "there is no {target}: `windlass status` names what there is"),
        }
    }
}
