//! Where the pin of a cookie leads, and what the cookie of a client holds that is placed.

use std::sync::Arc;

use super::endpoint::Endpoint;
use super::upstream::Upstream;
use crate::balance::{Affinity, Pin, Stay};

impl Upstream {
    /// The endpoint that a pin stands for, if it was made for one that there is, with a secret that is known.
    pub fn pinned(&self, pin: Pin) -> Option<&Arc<Endpoint>> {
        self.endpoints().get(self.tokens.place(pin.endpoint)?)
    }

    /// What the cookie of a client holds that is placed at `endpoint`, and has said this of where it belongs; `None` where cookies
    /// are not set.
    pub fn pin(&self, endpoint: &Arc<Endpoint>, affinity: &Affinity) -> Option<Pin> {
        let is_there = |place: &usize| self.endpoints().get(*place).is_some_and(|one| Arc::ptr_eq(one, endpoint));
        let pinned = affinity.pin.and_then(|pin| Some((pin.stay, self.tokens.place(pin.endpoint).filter(is_there)?)));
        let (place, stay) = match pinned {
            // Who is at home stays so, also where the cookie has to be written anew for a secret that is.
            Some((Stay::Home, place)) => (place, Stay::Home),
            Some((Stay::Refuge, place)) => (place, self.stay_at(endpoint, affinity.key)),
            None => {
                let place = self.endpoints().iter().position(|one| Arc::ptr_eq(one, endpoint))?;
                (place, self.stay_at(endpoint, affinity.key))
            }
        };
        Some(Pin { endpoint: self.tokens.of(place)?, stay })
    }
}
