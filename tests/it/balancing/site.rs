//! A proxy before endpoints that grant every upgrade, and who is placed on which.

use std::collections::BTreeMap;
use std::sync::Arc;

use windlass::snapshot::{Endpoint as Target, EndpointState};

use super::granting::{GrantingEndpoint, WHO};
use crate::rig::{Config, Handshake, Proxy, Wire};

/// A proxy before the endpoints `a`, `b`, `c` and so on of the upstream `chat`.
#[derive(Debug)]
pub(super) struct Site {
    pub(super) proxy: Proxy,
    pub(super) config: Config,
    pub(super) endpoints: Vec<GrantingEndpoint>,
}

/// The client's end of a tunnel, and where the other one is.
#[derive(Debug)]
pub(super) struct Tunnel {
    pub(super) client: Wire,
    pub(super) at: String,
}

/// Users are told apart by a header.
pub(super) const BY_USER: (&str, &str) = ("sticky_on", "[\"header:x-user\"]");

/// How many are on each endpoint that has any.
pub(super) type Counts = BTreeMap<String, usize>;

impl Site {
    /// One with these endpoints, as the file lists them, and these keys of its upstream.
    pub(super) async fn of(names: &[&'static str], keys: &[(&str, &str)]) -> Self {
        let mut endpoints = Vec::new();
        for name in names {
            endpoints.push(GrantingEndpoint::start(name).await);
        }
        Self::before(endpoints, keys, |_| "")
    }

    /// One before these endpoints, with these keys of its upstream and more of each endpoint's table, such as `, weight = 2`.
    pub(super) fn before(
        endpoints: Vec<GrantingEndpoint>,
        keys: &[(&str, &str)],
        more: impl Fn(&str) -> &'static str,
    ) -> Self {
        let addresses = endpoints.iter().map(GrantingEndpoint::address);
        let config = Config::chat(addresses).with("upstream.chat.endpoints", &list(&endpoints, more));
        let config =
            keys.iter().fold(config, |config, (key, value)| config.with(&format!("upstream.chat.{key}"), value));
        Self { proxy: Proxy::serving(&config), config, endpoints }
    }

    /// Reloads with another value of a key of the upstream.
    pub(super) fn change(&mut self, key: &str, value: &str) {
        self.config = self.config.clone().with(&format!("upstream.chat.{key}"), value);
        self.proxy.reload(&self.config).unwrap();
    }

    /// A reload adds an endpoint.
    pub(super) async fn is_joined_by(&mut self, name: &'static str) {
        self.endpoints.push(GrantingEndpoint::start(name).await);
        let all = list(&self.endpoints, |_| "");
        self.change("endpoints", &all);
    }

    /// Opens a tunnel.
    pub(super) async fn opens(&self) -> Tunnel {
        self.opens_with(&Handshake::new()).await
    }

    /// Opens a tunnel as this user.
    pub(super) async fn opens_as(&self, user: usize) -> Tunnel {
        self.opens_with(&named(user)).await
    }

    async fn opens_with(&self, handshake: &Handshake) -> Tunnel {
        let mut client = self.proxy.connect().await;
        client.send(handshake.bytes()).await;
        let head = client.head().await;
        assert_eq!(head.status(), 101, "{head:?}");
        let at = head.value(WHO).expect("each endpoint says who it is").to_owned();
        Tunnel { client, at }
    }

    /// What this user reads.
    pub(super) async fn status_for(&self, user: usize) -> u16 {
        let mut client = self.proxy.connect().await;
        client.send(named(user).bytes()).await;
        client.head().await.status()
    }

    /// Opens so many tunnels, one after the other, which stay open.
    pub(super) async fn opens_many(&self, count: usize) -> Vec<Tunnel> {
        let mut tunnels = Vec::new();
        for _ in 0..count {
            tunnels.push(self.opens().await);
        }
        tunnels
    }

    /// Where each of the users `0..count` is placed, one after the other; none stays.
    pub(super) async fn places(&self, count: usize) -> Vec<String> {
        let mut places = Vec::new();
        for user in 0..count {
            places.push(self.opens_as(user).await.at);
        }
        places
    }

    /// An endpoint, as the proxy knows it.
    pub(super) fn target(&self, name: &str) -> Arc<Target> {
        let snapshot = self.proxy.running.proxy().snapshot();
        let endpoints = snapshot.upstreams()["chat"].endpoints();
        Arc::clone(endpoints.iter().find(|endpoint| endpoint.name.as_str() == name).unwrap())
    }

    /// Those in this state.
    pub(super) fn in_state(&self, state: EndpointState) -> Vec<&'static str> {
        let names = self.endpoints.iter().map(|endpoint| endpoint.name);
        names.filter(|name| self.target(name).state() == state).collect()
    }

    /// The endpoint of this name itself.
    pub(super) fn endpoint(&mut self, name: &str) -> &mut GrantingEndpoint {
        self.endpoints.iter_mut().find(|endpoint| endpoint.name == name).unwrap()
    }
}

/// How many of these are on each endpoint.
pub(super) fn counts<'t>(tunnels: impl IntoIterator<Item = &'t Tunnel>) -> Counts {
    count(tunnels.into_iter().map(|tunnel| &tunnel.at))
}

/// How often each name is among these.
pub(super) fn count<'t>(names: impl IntoIterator<Item = &'t String>) -> Counts {
    let mut counts = Counts::new();
    for name in names {
        *counts.entry(name.clone()).or_default() += 1;
    }
    counts
}

fn named(user: usize) -> Handshake {
    Handshake::new().with("x-user", user.to_string())
}

fn list(endpoints: &[GrantingEndpoint], more: impl Fn(&str) -> &'static str) -> String {
    let entry = |endpoint: &GrantingEndpoint| {
        let (name, address) = (endpoint.name, endpoint.address());
        format!("{{ name = \"{name}\", address = \"{address}\"{} }}", more(name))
    };
    format!("[{}]", endpoints.iter().map(entry).collect::<Vec<_>>().join(", "))
}
