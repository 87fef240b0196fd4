//! What a route knows of those who come to it, in one life of its name: a reload that keeps the route keeps it.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use super::client_key::{Asker, ClientKey, ClientKeys};
use super::client_secret::ClientSecret;
use super::rate_table::RateTable;
use super::tunnel_counts::{Crowd, TunnelCounts, TunnelPlace};
use crate::config::AdmissionLimits;

/// Who is in, and how fast who comes.
#[derive(Debug, Default)]
pub struct Turnstile {
    /// None until somebody is to be told apart.
    keys: OnceLock<Box<ClientKeys>>,
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

    /// The place of a tunnel that was open before in another process, which may exceed the limits; `None` where tunnels are not limited
    /// now. `client` is [for whom it counted](TunnelPlace::client) there, by [the same key](Self::adopt_key).
    pub fn re_enter(&self, client: Option<ClientKey>, limits: &AdmissionLimits) -> Option<TunnelPlace> {
        if limits.tunnels.is_none() && limits.tunnels_per_client.is_none() {
            return None;
        }
        Some(self.tunnels.re_enter(client.filter(|_| limits.tunnels_per_client.is_some())))
    }

    /// What clients are told apart by: where `limits` want that, or where somebody was.
    pub fn reveal_key(&self, limits: &AdmissionLimits) -> Option<&ClientSecret> {
        let keys =
            if limits.tunnels_per_client.is_some() { Some(self.keys()) } else { self.keys.get().map(|keys| &**keys) };
        keys.map(ClientKeys::secret)
    }

    /// Tells clients apart as another process does. Whether that is so: not where somebody was told apart by another key already.
    pub fn adopt_key(&self, secret: ClientSecret) -> bool {
        let adopted = self.keys.get_or_init(|| Box::new(ClientKeys::new(secret.clone())));
        *adopted.secret() == secret
    }

    /// How many tunnels there are, those included that an endpoint is only being asked for.
    pub fn open(&self) -> usize {
        self.tunnels.open()
    }

    fn client(&self, limits: &AdmissionLimits, asker: &Asker<'_>) -> ClientKey {
        self.keys().of(&limits.per, asker)
    }

    fn keys(&self) -> &ClientKeys {
        self.keys.get_or_init(Box::default)
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroUsize;

    use http::HeaderMap;

    use super::*;

    const ONE_EACH: AdmissionLimits = AdmissionLimits {
        tunnels: None,
        tunnels_per_client: Some(NonZeroUsize::MIN),
        handshakes: None,
        per: crate::config::ClientKeySource::ClientIp,
    };

    fn enter(turnstile: &Turnstile, last: u8) -> Result<Option<TunnelPlace>, Crowd> {
        let asker = Asker { address: [192, 0, 2, last].into(), headers: &HeaderMap::new(), permission: None };
        turnstile.enter(&ONE_EACH, &asker)
    }

    #[test]
    fn who_has_moved_counts_as_the_same_client_in_the_next_process() {
        let (old, new) = (Turnstile::default(), Turnstile::default());
        let place = enter(&old, 1).unwrap().unwrap();
        assert!(new.adopt_key(old.reveal_key(&ONE_EACH).unwrap().clone()));
        let sent = postcard::to_allocvec(&place.client()).unwrap();
        let moved = new.re_enter(postcard::from_bytes(&sent).unwrap(), &ONE_EACH).unwrap();
        assert_eq!(enter(&new, 1).unwrap_err(), Crowd::Client);
        drop(moved);
        let _place = enter(&new, 1).unwrap();
        assert!(new.re_enter(place.client(), &ONE_EACH).is_some(), "it is in already");
    }

    #[test]
    fn what_is_not_limited_now_is_not_counted() {
        let (turnstile, client) = (Turnstile::default(), enter(&Turnstile::default(), 1).unwrap().unwrap().client());
        assert!(turnstile.re_enter(client, &AdmissionLimits::default()).is_none());
        let of_route = AdmissionLimits { tunnels: Some(NonZeroUsize::MIN), ..AdmissionLimits::default() };
        assert_eq!(turnstile.re_enter(client, &of_route).unwrap().client(), None);
        assert!(turnstile.re_enter(None, &ONE_EACH).is_some());
    }

    #[test]
    fn a_key_is_adopted_before_somebody_is_told_apart_and_not_after() {
        let turnstile = Turnstile::default();
        assert_eq!(turnstile.reveal_key(&AdmissionLimits::default()), None, "nobody is told apart");
        assert!(turnstile.adopt_key(ClientSecret::from_bytes(&[1; 32]).unwrap()));
        assert!(!turnstile.adopt_key(ClientSecret::draw()));
        assert_eq!(turnstile.reveal_key(&AdmissionLimits::default()).unwrap().as_bytes(), [1; 32]);
    }
}
