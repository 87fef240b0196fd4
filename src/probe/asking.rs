//! One probe: what is asked of whom, and what comes of it.

use std::sync::Arc;

use arc_swap::ArcSwap;
use http::header::{HOST, USER_AGENT};
use http::request::Builder;
use http::{HeaderValue, Method, Request};
use tokio::time::Instant;

use super::failure::ProbeFailure;
use super::{http as over_http, websocket};
use crate::config::{EndpointAddress, EndpointProtocol, HealthSettings, ProbeSettings};
use crate::endpoint::{FirstWords, open};
use crate::http::endpoint_host::host_of_ours;
use crate::net::{Network, proxy_header};
use crate::snapshot::{Endpoint, Upstream};

/// What is probed, and how.
#[derive(Debug)]
pub(super) struct Subject {
    pub(super) endpoint: Arc<Endpoint>,
    /// As it is served now: each publishing puts its own in here.
    pub(super) upstream: Arc<ArcSwap<Upstream>>,
    pub(super) health: HealthSettings,
    pub(super) network: Network,
}

impl Subject {
    /// Probes it once; all of that is over within `timeout`.
    ///
    /// # Errors
    /// Why it did not pass.
    pub(super) async fn probe(&self) -> Result<(), ProbeFailure> {
        let deadline = Instant::now() + self.health.timeout;
        let (upstream, address) = (self.upstream.load_full(), self.address());
        // It speaks for no client.
        let header = upstream.settings.proxy_protocol.map(|version| proxy_header(version, None));
        let limit = self.health.timeout;
        let protocol = match self.health.probe {
            // It says no more than that exchanges find a connection.
            ProbeSettings::Tcp => upstream.settings.protocol,
            ProbeSettings::Http { .. } | ProbeSettings::Websocket { .. } => EndpointProtocol::Http1,
        };
        let first = FirstWords { header, protocol };
        let stream = open((&self.endpoint, &address), &upstream, &self.network, first, limit).await?;
        let own_host = host_of_ours(&upstream.settings, &address);
        match &self.health.probe {
            ProbeSettings::Tcp => Ok(()),
            ProbeSettings::Http { method, path, host, expect } => {
                let request = request(method, path, host.as_deref().unwrap_or(&own_host));
                over_http::ask(stream, request, expect, deadline).await
            }
            ProbeSettings::Websocket { path, host } => {
                let request = request(&Method::GET, path, host.as_deref().unwrap_or(&own_host));
                websocket::ask(stream, request, &upstream.settings, deadline).await
            }
        }
    }

    /// Where it is probed.
    fn address(&self) -> EndpointAddress {
        let mut address = self.endpoint.address.clone();
        if let Some(port) = self.health.port {
            match &mut address {
                EndpointAddress::Socket(address) => address.set_port(port.get()),
                EndpointAddress::Name(_, of_tunnels) => *of_tunnels = port.get(),
                // Combinations that cannot be meant are refused.
                EndpointAddress::Unix(_) => {}
            }
        }
        address
    }
}

/// What every request of a probe says.
fn request(method: &Method, path: &str, host: &str) -> Builder {
    Request::builder().method(method).uri(path).header(HOST, host).header(USER_AGENT, AGENT)
}

const AGENT: HeaderValue = HeaderValue::from_static(concat!("windlass-probe/", env!("CARGO_PKG_VERSION")));

#[cfg(test)]
mod tests;
