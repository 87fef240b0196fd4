//! What a pin cookie means in an upstream, and what the next one says.

use std::sync::Arc;

use super::endpoint::Endpoint;
use super::upstream::Upstream;
use crate::balance::{Affinity, AffinityKey, Pin, Stay};
use crate::config::EndpointRole;

impl Upstream {
    /// Whether the secrets that its cookies are made with are those of the other.
    pub(super) fn has_same_secrets(&self, other: &Self) -> bool {
        self.tokens.have_same_secrets(&other.tokens)
    }

    /// The endpoint that the pin of a cookie stands for, if it was made for one that there is, with a secret that is known.
    pub fn pinned(&self, pin: Pin) -> Option<&Arc<Endpoint>> {
        self.endpoints().get(self.tokens.index_of(pin.endpoint)?)
    }

    /// What the cookie of a client holds that is placed at `endpoint`, with what it has said of where it belongs; `None` where
    /// cookies are not set.
    pub fn pin(&self, endpoint: &Arc<Endpoint>, affinity: &Affinity) -> Option<Pin> {
        let is_there = |place: &usize| self.endpoints().get(*place).is_some_and(|one| Arc::ptr_eq(one, endpoint));
        let pinned =
            affinity.pin.and_then(|pin| Some((pin.stay, self.tokens.index_of(pin.endpoint).filter(is_there)?)));
        let (place, stay) = match pinned {
            // Who is at home stays so, also where the cookie has to be written anew for a secret that is.
            Some((Stay::Home, place)) => (place, Stay::Home),
            Some((Stay::Refuge, place)) => (place, self.stay_at(endpoint, affinity.key)),
            None => {
                let place = self.index_of(endpoint.name.as_str()).filter(is_there)?;
                (place, self.stay_at(endpoint, affinity.key))
            }
        };
        Some(Pin { endpoint: self.tokens.of(place)?, stay })
    }

    /// For how long a client with this key is at `endpoint`, where no pin says so: only what the key means, whether or not that
    /// is eligible or can be reached, is its home. Where no key places it, it is at home wherever it is, but for a backup.
    pub fn stay_at(&self, endpoint: &Arc<Endpoint>, key: Option<AffinityKey>) -> Stay {
        let is_home = self.is_home(endpoint, key).unwrap_or_else(|| !self.is_backup(endpoint));
        if is_home { Stay::Home } else { Stay::Refuge }
    }

    /// Whether this endpoint is what the key means; `None` where the policy goes by none.
    pub fn is_home(&self, endpoint: &Arc<Endpoint>, key: Option<AffinityKey>) -> Option<bool> {
        let home = self.endpoints().get(self.home(key)?)?;
        Some(Arc::ptr_eq(home, endpoint))
    }

    fn is_backup(&self, endpoint: &Arc<Endpoint>) -> bool {
        let settings = self.index_of(endpoint.name.as_str()).and_then(|index| self.settings.endpoints.get(index));
        settings.is_some_and(|settings| settings.role == EndpointRole::Backup)
    }
}
