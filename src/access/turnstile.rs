//! What a route knows of those who come to it, in one life of its name: a reload that keeps the route keeps it.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use super::client_key::{Asker, ClientKey, ClientKeys};
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
    /// Whether another handshake of whoever asks is within its rate.
    pub fn is_within_rate(&self, limits: &AdmissionLimits, asker: &Asker<'_>, now: Duration) -> bool {
        let Some(rate) = limits.handshakes else { return true };
        let rates = self.rates.get_or_init(RateTable::new);
        rates.take(self.client(limits, asker), rate, now)
    }

    /// A place for a tunnel of whoever asks; `None` where tunnels are not limited, for then they are not counted.
    ///
    /// # Errors
    /// There is none.
    pub fn enter(&self, limits: &AdmissionLimits, asker: &Asker<'_>) -> Result<Option<TunnelPlace>, Crowd> {
        if limits.tunnels.is_none() && limits.tunnels_per_client.is_none() {
            return Ok(None);
        }
        let client = limits.tunnels_per_client.map(|most| (self.client(limits, asker), most));
        self.tunnels.enter(limits.tunnels, client).map(Some)
    }

    /// How many tunnels there are, those included that an endpoint is only being asked for.
    pub fn open(&self) -> usize {
        self.tunnels.open()
    }

    fn client(&self, limits: &AdmissionLimits, asker: &Asker<'_>) -> ClientKey {
        self.keys.of(&limits.per, asker)
    }
}
