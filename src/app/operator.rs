//! What operators ask a running proxy for: to drain something, and to take an endpoint's drain back.

use std::sync::Arc;
use std::time::Duration;
use std::{error, fmt};

use super::running::Running;
use crate::drain::{BadPolicy, Cause, Drain, EndpointTarget, Overrides, Policy, Scope, Standing, Target};
use crate::snapshot::Endpoint;

/// A drain that has begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Begun {
    /// Its number on the board.
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

/// Why there is no drain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DrainError {
    /// Neither the configuration nor any open tunnel knows it.
    Unknown(Target),
    /// What was asked for cannot be kept.
    Policy(BadPolicy),
}

impl Running {
    /// Drains what an operator named. An endpoint takes no new tunnels until [`undrain`](Self::undrain); everything else
    /// is open to newcomers as before: there is nowhere else for them.
    pub fn drain(&mut self, target: &Target, overrides: &Overrides) -> Result<Begun, DrainError> {
        let settings = self.proxy.snapshot().settings.drain;
        let policy = Policy::new(&settings, settings.reload).with(overrides).map_err(DrainError::Policy)?;
        let order = policy.order(Cause::Operator);
        let endpoint = self.endpoint_of(target);
        if let Some(endpoint) = &endpoint {
            endpoint.begin_draining();
            // A request that was placed before can still register.
            let standing = standing(endpoint, order.clone());
            self.proxy.registry.begin([standing]);
        }
        let tickets = self.proxy.registry.tunnels(|ticket| target.is_about(ticket));
        if tickets.is_empty() && endpoint.is_none() && !self.is_configured(target) {
            return Err(DrainError::Unknown(target.clone()));
        }
        let drain = Drain::of(tickets, order, &policy);
        let (tunnels, pace) = (drain.len(), *drain.pace());
        let id = match endpoint {
            Some(endpoint) => self.drains.run_of_endpoint(scope(&endpoint), target.to_string(), drain),
            None => self.drains.run(Cause::Operator, target.to_string(), drain),
        };
        let deadline = policy.window.deadline;
        Ok(Begun { id, tunnels, over: pace.duration(), deadline, raised_to: pace.raised_to() })
    }

    /// Lets an endpoint take new tunnels again. Tunnels of its drain that were not told yet stay. Says whether it was
    /// draining; `None` where there is no such endpoint.
    pub fn undrain(&mut self, target: &EndpointTarget) -> Option<bool> {
        let endpoint = self.endpoint_of(&Target::Endpoint(target.clone()))?;
        self.drains.take_back(scope(&endpoint));
        self.proxy.registry.forget(Cause::Operator, scope(&endpoint));
        Some(endpoint.end_draining())
    }

    fn endpoint_of(&self, target: &Target) -> Option<Arc<Endpoint>> {
        let Target::Endpoint(EndpointTarget { upstream, endpoint: name }) = target else { return None };
        let snapshot = self.proxy.snapshot();
        let upstream = snapshot.upstreams().get(upstream)?;
        upstream.endpoints().iter().find(|endpoint| endpoint.name == *name).cloned()
    }

    fn is_configured(&self, target: &Target) -> bool {
        let snapshot = self.proxy.snapshot();
        match target {
            Target::All => true,
            Target::Listener(name) => snapshot.listeners().contains_key(name),
            Target::Route(name) => snapshot.routes().contains_key(name),
            Target::Upstream(name) => snapshot.upstreams().contains_key(name),
            Target::Endpoint(_) | Target::Tunnel(_) => false,
        }
    }
}

fn scope(endpoint: &Endpoint) -> Scope {
    Scope::Endpoint(endpoint.life.incarnation)
}

fn standing(endpoint: &Endpoint, order: crate::drain::StopOrder) -> Standing {
    Standing { scope: scope(endpoint), order, while_alive: Some(endpoint.life.alive()) }
}

impl fmt::Display for DrainError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown(target @ Target::Tunnel(_)) => {
                write!(f, "there is no {target}: the log names each as it opens, at level debug (field `tunnel`)")
            }
            Self::Unknown(target) => write!(f, "there is no {target}: `windlass status` names what there is"),
            Self::Policy(bad) => bad.fmt(f),
        }
    }
}

impl error::Error for DrainError {}
