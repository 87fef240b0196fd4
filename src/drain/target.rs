//! What an operator wants to be drained, as it is written on a command line: by name, whichever life the name is in.

use std::fmt;
use std::num::ParseIntError;
use std::str::FromStr;

use thiserror::Error;

use super::scope::TunnelId;
use super::tunnel_handle::TunnelHandle;
use crate::config::{EndpointName, ListenerName, RouteName, UpstreamName};

/// What an operator wants to be drained.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DrainTarget {
    /// Every tunnel.
    All,
    /// The tunnels that came through a listener.
    Listener(ListenerName),
    /// The tunnels of a route.
    Route(RouteName),
    /// The tunnels placed in an upstream.
    Upstream(UpstreamName),
    /// The tunnels placed on an endpoint, which then takes no new ones.
    Endpoint(EndpointTarget),
    /// One tunnel.
    Tunnel(TunnelId),
}

/// An endpoint, as it is written on a command line: `UPSTREAM/NAME`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndpointTarget {
    /// Its upstream.
    pub upstream: UpstreamName,
    /// Its name there.
    pub endpoint: EndpointName,
}

/// Why a text names no target: each with that text.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum BadDrainTarget {
    /// It is of no form that a target has.
    #[error("{0:?} is no scope; write {SYNTAX}")]
    NoScope(String),
    /// It stands where the number of a tunnel should.
    #[error("{0:?} is not the number of a tunnel")]
    NoNumber(String, #[source] ParseIntError),
    /// It stands where an endpoint should.
    #[error("{0:?} is no endpoint; write UPSTREAM/NAME")]
    NoEndpoint(String),
}

impl DrainTarget {
    /// Whether this open tunnel is meant.
    pub fn is_about(&self, handle: &TunnelHandle) -> bool {
        let member = &handle.member;
        match self {
            Self::All => true,
            Self::Listener(name) => member.listener.0 == *name,
            Self::Route(name) => member.route.0 == *name,
            Self::Upstream(name) => member.upstream.0 == *name,
            Self::Endpoint(EndpointTarget { upstream, endpoint }) => {
                member.upstream.0 == *upstream && member.endpoint.0 == *endpoint
            }
            Self::Tunnel(id) => handle.id == *id,
        }
    }
}

impl FromStr for DrainTarget {
    type Err = BadDrainTarget;

    fn from_str(text: &str) -> Result<Self, BadDrainTarget> {
        let unknown = || BadDrainTarget::NoScope(text.to_owned());
        match text.split_once('/') {
            None if text == "all" => Ok(Self::All),
            None | Some((_, "")) => Err(unknown()),
            Some(("listener", name)) => Ok(Self::Listener(name.into())),
            Some(("route", name)) => Ok(Self::Route(name.into())),
            Some(("upstream", name)) => Ok(Self::Upstream(name.into())),
            Some(("endpoint", rest)) => rest.parse().map(Self::Endpoint),
            Some(("tunnel", id)) => {
                let id = id.parse().map_err(|error| BadDrainTarget::NoNumber(id.to_owned(), error))?;
                Ok(Self::Tunnel(TunnelId(id)))
            }
            Some(_) => Err(unknown()),
        }
    }
}

impl fmt::Display for DrainTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("all"),
            Self::Listener(name) => write!(f, "listener/{name}"),
            Self::Route(name) => write!(f, "route/{name}"),
            Self::Upstream(name) => write!(f, "upstream/{name}"),
            Self::Endpoint(endpoint) => write!(f, "endpoint/{endpoint}"),
            Self::Tunnel(id) => write!(f, "tunnel/{id}"),
        }
    }
}

impl FromStr for EndpointTarget {
    type Err = BadDrainTarget;

    fn from_str(text: &str) -> Result<Self, BadDrainTarget> {
        match text.strip_prefix("endpoint/").unwrap_or(text).split_once('/') {
            Some((upstream, endpoint)) if !upstream.is_empty() && !endpoint.is_empty() => {
                Ok(Self { upstream: upstream.into(), endpoint: endpoint.into() })
            }
            _ => Err(BadDrainTarget::NoEndpoint(text.to_owned())),
        }
    }
}

impl fmt::Display for EndpointTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.upstream, self.endpoint)
    }
}

const SYNTAX: &str = "all, listener/NAME, route/NAME, upstream/NAME, endpoint/UPSTREAM/NAME or tunnel/ID";

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::{Incarnation, LOCAL_CLIENT, Member, Registry};
    use super::*;

    #[test]
    fn every_target_reads_what_it_writes() {
        for text in [
            "all",
            "listener/public",
            "route/chat",
            "upstream/chat",
            "endpoint/chat/10.0.0.1:80",
            "endpoint/chat/[::1]:80",
            "endpoint/chat/unix:/run/app.sock",
            "endpoint/chat/unix:@app",
            "tunnel/17",
        ] {
            assert_eq!(text.parse::<DrainTarget>().unwrap().to_string(), text);
        }
        assert_eq!("chat/a".parse::<EndpointTarget>(), "endpoint/chat/a".parse());
    }

    #[test]
    fn what_is_no_target_is_told_what_is() {
        for text in ["", "al", "all/x", "route", "route/", "endpoint/chat", "endpoint//a", "tunnel/x", "host/a"] {
            let problem = text.parse::<DrainTarget>().unwrap_err().to_string();
            assert!(problem.contains("write ") || problem.contains("number"), "{problem}");
        }
    }

    #[tokio::test]
    async fn names_count_and_not_the_lives_behind_them() {
        let registry = Registry::new(1);
        let of = |route: &str, endpoint: &str, life| {
            let member = Member {
                listener: ("public".into(), Incarnation(life)),
                route: (route.into(), Incarnation(life)),
                upstream: ("chat".into(), Incarnation(life)),
                endpoint: (endpoint.into(), Incarnation(life)),
            };
            registry.register(0, member, LOCAL_CLIENT)
        };
        let all = [of("a", "x", 1), of("a", "y", 2), of("b", "x", 3)];
        let meant = |text: &str| -> Vec<bool> {
            let target: DrainTarget = text.parse().unwrap();
            all.iter().map(|registration| target.is_about(Arc::as_ref(registration.handle()))).collect()
        };
        assert_eq!(meant("all"), [true; 3]);
        assert_eq!(meant("listener/public"), [true; 3]);
        assert_eq!(meant("route/a"), [true, true, false]);
        assert_eq!(meant("upstream/other"), [false; 3]);
        assert_eq!(meant("endpoint/chat/x"), [true, false, true]);
        assert_eq!(meant("tunnel/2"), [false, true, false]);
    }
}
