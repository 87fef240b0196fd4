//! A proxy before two endpoints that it probes.

use windlass::snapshot::EndpointState;

use super::probed::ProbedEndpoint;
use crate::rig::{Config, Handshake, Proxy, Wire, until};

/// How its endpoints are probed: often, for tests have no time.
pub(crate) const PROBED: &str =
    "{ probe = \"http\", path = \"/healthz\", every = \"2s\", timeout = \"2s\", rise = 1, fall = 2 }";

/// A proxy before two endpoints, `a` and `b`; `k` in the query decides who is placed where.
pub(crate) struct Site {
    pub(crate) proxy: Proxy,
    pub(crate) config: Config,
    pub(crate) a: ProbedEndpoint,
    pub(crate) b: ProbedEndpoint,
}

impl Site {
    pub(crate) async fn probed() -> Self {
        Self::with(&[]).await
    }

    /// One with these keys of its upstream, too.
    pub(crate) async fn with(keys: &[(&str, &str)]) -> Self {
        let (a, b) = (ProbedEndpoint::start().await, ProbedEndpoint::start().await);
        let config = Config::chat([a.address(), b.address()])
            .with("upstream.chat.sticky_on", "[\"query:k\"]")
            .with("upstream.chat.health", PROBED);
        let config = keys.iter().fold(config, |config, (key, value)| match key.contains('.') {
            true => config.with(key, value),
            false => config.with(&format!("upstream.chat.{key}"), value),
        });
        Self { proxy: Proxy::serving(&config), config, a, b }
    }

    /// Asks for a tunnel as the user `key`.
    pub(crate) async fn asks(&self, key: usize) -> Wire {
        let mut client = self.proxy.connect().await;
        client.send(Handshake::new().request(&format!("GET /chat?k={key} HTTP/1.1")).bytes()).await;
        client
    }

    /// Opens a tunnel as the user `key`, to whichever endpoint: its two ends, and which it was.
    pub(crate) async fn tunnel(&mut self, key: usize) -> (Wire, Wire, &'static str) {
        let mut client = self.asks(key).await;
        let (endpoint, name) = tokio::select! {
            endpoint = self.a.grant() => (endpoint, "a"),
            endpoint = self.b.grant() => (endpoint, "b"),
        };
        assert_eq!(client.head().await.status(), 101);
        (client, endpoint, name)
    }

    /// So many tunnels on this endpoint, of whichever users are placed there; those on the other one are over.
    pub(crate) async fn tunnels_on(&mut self, name: &str, count: usize) -> Vec<(Wire, Wire)> {
        let mut tunnels = Vec::new();
        for key in 0.. {
            let (client, endpoint, at) = self.tunnel(key).await;
            if at == name {
                tunnels.push((client, endpoint));
            }
            if tunnels.len() == count {
                break;
            }
        }
        tunnels
    }

    /// The state of an endpoint.
    pub(crate) fn state(&self, name: &str) -> EndpointState {
        let snapshot = self.proxy.running.proxy().snapshot();
        let endpoints = snapshot.upstreams()["chat"].endpoints();
        endpoints.iter().find(|endpoint| endpoint.name.as_str() == name).unwrap().state()
    }

    pub(crate) async fn is_down(&self, name: &str) {
        until("the endpoint is down", || self.state(name).is_down()).await;
    }

    pub(crate) async fn is_up(&self, name: &str) {
        until("the endpoint is up", || self.state(name).is_eligible()).await;
    }
}
