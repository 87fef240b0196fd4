//! A proxy in this process.

use std::net::SocketAddr;

use tokio::io::{AsyncRead, AsyncWrite};
use windlass::app::{Loaded, ReloadError, Reloaded, Running};
use windlass::metrics::{Exposition, Gauges};

use super::{Config, Endpoint, Handshake, Wire, until};

/// A proxy that runs.
#[derive(Debug)]
pub(crate) struct Proxy {
    /// The proxy itself.
    pub(crate) running: Running,
    /// The places it has at least while nobody is there: each listener holds one for who comes next.
    places: usize,
}

impl Proxy {
    /// Serves a configuration.
    pub(crate) fn serving(config: &Config) -> Self {
        let running = Running::start(config.settings()).unwrap_or_else(|error| panic!("{error}"));
        let proxy = running.proxy();
        let places = proxy.permits.available_permits() - proxy.snapshot().listeners().len();
        Self { running, places }
    }

    /// Where a listener can be reached.
    pub(crate) fn address(&self, listener: &str) -> SocketAddr {
        self.running.address(listener).unwrap_or_else(|| panic!("no listener {listener}"))
    }

    /// A new connection with the listener `public`.
    pub(crate) async fn connect(&self) -> Wire {
        self.connect_to("public").await
    }

    /// A new connection with a listener.
    pub(crate) async fn connect_to(&self, listener: &str) -> Wire {
        Wire::connect(self.address(listener)).await
    }

    /// A tunnel to this endpoint, which must be the one that it is placed on: its two ends.
    pub(crate) async fn tunnel(&self, endpoint: &Endpoint) -> (Wire, Wire) {
        self.tunnel_with(&Handshake::new(), endpoint).await
    }

    /// The same, asked for in this way.
    pub(crate) async fn tunnel_with(&self, handshake: &Handshake, endpoint: &Endpoint) -> (Wire, Wire) {
        Self::tunnel_over(self.connect().await, handshake, endpoint).await
    }

    /// A tunnel through a listener to this endpoint.
    pub(crate) async fn tunnel_at(&self, listener: &str, endpoint: &Endpoint) -> (Wire, Wire) {
        Self::tunnel_over(self.connect_to(listener).await, &Handshake::new(), endpoint).await
    }

    /// A tunnel over this connection to this endpoint.
    pub(crate) async fn tunnel_over<S: AsyncRead + AsyncWrite + Unpin>(
        mut client: Wire<S>,
        handshake: &Handshake,
        endpoint: &Endpoint,
    ) -> (Wire<S>, Wire) {
        client.send(handshake.bytes()).await;
        let at_endpoint = endpoint.grant().await;
        let head = client.head().await;
        assert_eq!(head.status(), 101, "{head:?}");
        (client, at_endpoint)
    }

    /// How many tunnels are open.
    pub(crate) fn open(&self) -> usize {
        self.running.proxy().registry.len()
    }

    /// Serves another configuration.
    pub(crate) fn reload(&mut self, config: &Config) -> Result<Reloaded, ReloadError> {
        self.running.reload(Loaded::read(config.settings())?)
    }

    /// Waits until nothing is left of anybody who came: no tunnel, no lease, no place taken.
    pub(crate) async fn is_empty(&self) {
        until("no tunnel is registered", || self.open() == 0).await;
        until("no endpoint counts a tunnel", || self.leases() == 0).await;
        let proxy = self.running.proxy();
        until("every place is free", || proxy.open_places() == 0 && proxy.permits.available_permits() >= self.places)
            .await;
    }

    /// How many requests were refused for this reason so far.
    pub(crate) fn refusals(&self, reason: &str) -> u32 {
        self.count(&format!("refusals_total{{reason=\"{reason}\"}}"))
    }

    /// What this counter is at, such as `reloads_total{result="changed"}`.
    pub(crate) fn count(&self, series: &str) -> u32 {
        let text = self.running.proxy().metrics.encode(&Gauges::default(), Exposition::Prometheus).unwrap();
        let value =
            text.lines().find_map(|line| line.strip_prefix("windlass_")?.strip_prefix(series)?.strip_prefix(' '));
        value.unwrap_or_else(|| panic!("no counter {series}: {text}")).parse().unwrap()
    }

    /// How many tunnels the endpoints count.
    pub(crate) fn leases(&self) -> usize {
        let snapshot = self.running.proxy().snapshot();
        let endpoints = snapshot.upstreams().values().flat_map(|upstream| upstream.endpoints());
        endpoints.map(|endpoint| endpoint.tunnels()).sum()
    }
}
