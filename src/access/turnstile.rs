//! What a route knows of those who come to it, in one life of its name: a reload that keeps the route keeps it.

use std::net::IpAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use http::HeaderMap;

use super::client_key::{ClientKey, ClientKeys};
use super::rate_table::RateTable;
use super::tunnel_counts::{Crowd, TunnelCounts, TunnelPlace};
use crate::config::AdmissionLimits;

/// Who is in, and how fast who comes.
#[derive(Debug, Default)]
pub struct Turnstile {
    keys: ClientKeys,
    tunnels: Arc<TunnelCounts>,
    /// None until somebody asks for it: it takes [`RateTable::BYTES`].
    rates: OnceLock<RateTable>,
}

impl Turnstile {
    /// Whether another handshake of whoever sent these headers from this address is within its rate.
    pub fn is_within_rate(&self, limits: &AdmissionLimits, headers: &HeaderMap, client: IpAddr, now: Duration) -> bool {
        let Some(rate) = limits.handshakes else { return true };
        let rates = self.rates.get_or_init(RateTable::new);
        rates.take(self.client(limits, headers, client), rate, now)
    }

    /// A place for a tunnel of whoever sent these headers from this address; `None` where tunnels are not limited, for then they are
    /// not counted.
    ///
    /// # Errors
    /// There is none.
    pub fn enter(
        &self,
        limits: &AdmissionLimits,
        headers: &HeaderMap,
        client: IpAddr,
    ) -> Result<Option<TunnelPlace>, Crowd> {
        if limits.tunnels.is_none() && limits.tunnels_per_client.is_none() {
            return Ok(None);
        }
        let client = limits.tunnels_per_client.map(|most| (self.client(limits, headers, client), most));
        self.tunnels.enter(limits.tunnels, client).map(Some)
    }

    /// How many tunnels there are, those included that an endpoint is only being asked for.
    pub fn open(&self) -> usize {
        self.tunnels.open()
    }

    fn client(&self, limits: &AdmissionLimits, headers: &HeaderMap, client: IpAddr) -> ClientKey {
        self.keys.of(&limits.per, headers, client)
    }
}
