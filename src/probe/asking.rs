//! One probe: what is asked of whom, and what comes of it.

use std::sync::Arc;

use http::header::{HOST, USER_AGENT};
use http::request::Builder;
use http::{HeaderValue, Method, Request};
use tokio::time::Instant;

use super::failure::ProbeFailure;
use super::{http as over_http, websocket};
use crate::config::{EndpointAddress, HealthSettings, ProbeSettings, UpstreamSettings};
use crate::net::{self, Network};
use crate::snapshot::Endpoint;

/// What is probed, and how.
#[derive(Debug)]
pub(super) struct Subject {
    pub(super) endpoint: Arc<Endpoint>,
    pub(super) upstream: Arc<UpstreamSettings>,
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
        let address = self.address();
        let socket = net::dial(&self.network, &address, self.health.timeout).await?;
        match &self.health.probe {
            ProbeSettings::Tcp => Ok(()),
            ProbeSettings::Http { method, path, host, expect } => {
                let request = request(method, path, host.as_deref(), &address);
                over_http::ask(socket, request, expect, deadline).await
            }
            ProbeSettings::Websocket { path, host } => {
                let request = request(&Method::GET, path, host.as_deref(), &address);
                websocket::ask(socket, request, &self.upstream, deadline).await
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
            }
        }
        address
    }
}

/// What every request of a probe says.
fn request(method: &Method, path: &str, host: Option<&str>, address: &EndpointAddress) -> Builder {
    let host = host.map_or_else(|| address.to_string(), str::to_owned);
    Request::builder().method(method).uri(path).header(HOST, host).header(USER_AGENT, AGENT)
}

const AGENT: HeaderValue = HeaderValue::from_static(concat!("windlass-probe/", env!("CARGO_PKG_VERSION")));

#[cfg(test)]
mod tests;
