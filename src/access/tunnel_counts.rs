//! How many tunnels a route has, and each client of it: counted before an endpoint is asked, and for as long as the tunnel lives.

use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::client_key::ClientKey;

/// The counts of a route in one life of its name.
#[derive(Debug, Default)]
pub struct TunnelCounts {
    route: AtomicUsize,
    /// Nobody stands here who has no tunnel, so it is never larger than what is open.
    clients: [Mutex<HashMap<ClientKey, usize>>; SHARDS],
}

/// Why there is no place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Crowd {
    /// The client has as many as it may.
    Client,
    /// The route has as many as it may.
    Route,
}

/// The place of a tunnel, which goes with it.
#[derive(Debug)]
pub struct TunnelPlace {
    counts: Arc<TunnelCounts>,
    /// `None` where clients are not limited.
    client: Option<ClientKey>,
}

impl TunnelCounts {
    /// Takes a place. Never are there more than `most` on the route, nor more than the number behind it of one `client`, however
    /// many ask at once.
    ///
    /// # Errors
    /// There is none.
    pub fn enter(
        self: &Arc<Self>,
        most: Option<NonZeroUsize>,
        client: Option<(ClientKey, NonZeroUsize)>,
    ) -> Result<TunnelPlace, Crowd> {
        if let Some((client, most)) = client {
            let mut counts = self.clients_like(client);
            let count = counts.get(&client).copied().unwrap_or(0);
            if count >= most.get() {
                return Err(Crowd::Client);
            }
            counts.insert(client, count + 1);
        }
        let client = client.map(|(client, _)| client);
        let one_more = |count: usize| most.is_none_or(|most| count < most.get()).then_some(count + 1);
        if self.route.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more).is_err() {
            client.iter().for_each(|client| self.leave(*client));
            return Err(Crowd::Route);
        }
        Ok(TunnelPlace { counts: Arc::clone(self), client })
    }

    /// The place of one who has been in all along, whatever the limits are.
    pub fn re_enter(self: &Arc<Self>, client: Option<ClientKey>) -> TunnelPlace {
        client.iter().for_each(|client| *self.clients_like(*client).entry(*client).or_default() += 1);
        self.route.fetch_add(1, Ordering::Relaxed);
        TunnelPlace { counts: Arc::clone(self), client }
    }

    /// How many there are.
    pub fn open(&self) -> usize {
        self.route.load(Ordering::Relaxed)
    }

    fn leave(&self, client: ClientKey) {
        let mut counts = self.clients_like(client);
        if let Some(count) = counts.get_mut(&client) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                counts.remove(&client);
            }
        }
    }

    fn clients_like(&self, client: ClientKey) -> MutexGuard<'_, HashMap<ClientKey, usize>> {
        #[expect(clippy::cast_possible_truncation, reason = "only the last bits count")]
        let shard = client.number().get() as usize % SHARDS;
        let [first, ..] = &self.clients;
        self.clients.get(shard).unwrap_or(first).lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl TunnelPlace {
    /// For whom it counts; `None` where clients were not limited when the tunnel opened.
    pub fn client(&self) -> Option<ClientKey> {
        self.client
    }
}

impl Drop for TunnelPlace {
    fn drop(&mut self) {
        self.counts.route.fetch_sub(1, Ordering::Relaxed);
        self.client.iter().for_each(|client| self.counts.leave(*client));
    }
}

const SHARDS: usize = 16;

#[cfg(test)]
mod tests {
    use std::thread;

    use http::HeaderMap;
    use proptest::prelude::*;

    use super::super::client_key::{Asker, ClientKeys};
    use super::*;
    use crate::config::ClientKeySource;

    fn client(keys: &ClientKeys, last: u8) -> ClientKey {
        let address = [192, 0, 2, last].into();
        keys.of(&ClientKeySource::ClientIp, &Asker { address, headers: &HeaderMap::new(), permission: None })
    }

    fn remembered(counts: &TunnelCounts) -> usize {
        counts.clients.iter().map(|clients| clients.lock().unwrap().len()).sum()
    }

    #[test]
    fn a_place_counts_until_it_is_given_up() {
        let (counts, keys) = (Arc::new(TunnelCounts::default()), ClientKeys::default());
        let (two, one) = (NonZeroUsize::new(2), NonZeroUsize::MIN);
        let enter = |last| counts.enter(two, Some((client(&keys, last), one)));
        let ada = enter(1).unwrap();
        assert_eq!(enter(1).unwrap_err(), Crowd::Client);
        let _bob = enter(2).unwrap();
        assert_eq!(enter(3).unwrap_err(), Crowd::Route);
        assert_eq!((counts.open(), remembered(&counts)), (2, 2), "who was refused left nothing behind");
        drop(ada);
        let _cid = enter(3).unwrap();
        assert_eq!(enter(1).unwrap_err(), Crowd::Route);
    }

    #[test]
    fn who_came_while_clients_were_not_limited_counts_for_the_route_alone() {
        let (counts, keys) = (Arc::new(TunnelCounts::default()), ClientKeys::default());
        let before = counts.enter(None, None).unwrap();
        let one = NonZeroUsize::MIN;
        assert_eq!(counts.enter(Some(one), None).unwrap_err(), Crowd::Route);
        let _after = counts.enter(None, Some((client(&keys, 1), one))).unwrap();
        drop(before);
        assert_eq!(counts.enter(None, Some((client(&keys, 1), one))).unwrap_err(), Crowd::Client);
    }

    #[test]
    fn who_was_in_before_is_in_again_beyond_every_limit_and_counts() {
        let (counts, keys) = (Arc::new(TunnelCounts::default()), ClientKeys::default());
        let (ada, one) = (client(&keys, 1), NonZeroUsize::MIN);
        let moved = [(); 2].map(|()| counts.re_enter(Some(ada)));
        assert_eq!((counts.open(), moved[0].client()), (2, Some(ada)));
        assert_eq!(counts.enter(None, Some((ada, one))).unwrap_err(), Crowd::Client);
        assert_eq!(counts.enter(Some(one), None).unwrap_err(), Crowd::Route);
        let _nobody = counts.re_enter(None);
        drop(moved);
        assert_eq!((counts.open(), remembered(&counts)), (1, 0));
    }

    #[test]
    fn however_many_ask_at_once_no_limit_is_exceeded() {
        let (counts, keys) = (Arc::new(TunnelCounts::default()), ClientKeys::default());
        let (most, per_client) = (NonZeroUsize::new(7), NonZeroUsize::new(3).unwrap());
        thread::scope(|scope| {
            for last in 0..8 {
                let (counts, key) = (&counts, client(&keys, last % 3));
                scope.spawn(move || {
                    for _ in 0..2_000 {
                        let place = counts.enter(most, Some((key, per_client)));
                        assert!(counts.open() <= 7);
                        drop(place);
                    }
                });
            }
        });
        assert_eq!((counts.open(), remembered(&counts)), (0, 0));
    }

    proptest! {
        #[test]
        fn counts_are_those_of_who_is_in(
            steps in prop::collection::vec((any::<bool>(), 0..5_u8), 0..200),
            most in 1..12_usize,
            per_client in 1..5_usize,
        ) {
            let (counts, keys) = (Arc::new(TunnelCounts::default()), ClientKeys::default());
            let mut inside: Vec<(u8, TunnelPlace)> = Vec::new();
            for (enters, last) in steps {
                let own = inside.iter().filter(|(it, _)| *it == last).count();
                if !enters {
                    if let Some(at) = inside.iter().position(|(it, _)| *it == last) {
                        inside.swap_remove(at);
                    }
                } else {
                    let key = (client(&keys, last), NonZeroUsize::new(per_client).unwrap());
                    match counts.enter(NonZeroUsize::new(most), Some(key)) {
                        Ok(place) => {
                            prop_assert!(own < per_client && inside.len() < most);
                            inside.push((last, place));
                        }
                        Err(Crowd::Client) => prop_assert_eq!(own, per_client),
                        Err(Crowd::Route) => prop_assert_eq!(inside.len(), most),
                    }
                }
                prop_assert_eq!(counts.open(), inside.len());
            }
            inside.clear();
            prop_assert_eq!((counts.open(), remembered(&counts)), (0, 0));
        }
    }
}
