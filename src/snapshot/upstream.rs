//! One upstream as it runs: its endpoints, and which of them a request goes to.

use std::num::NonZeroU32;
use std::sync::{Arc, Mutex};

use smallvec::SmallVec;

use super::endpoint::Endpoint;
use super::pin_tokens::PinTokens;
use crate::balance::{Affinity, AffinityKey, Candidate, Pin, Stay};
use crate::config::UpstreamSettings;
use crate::drain::LifeToken;

/// One upstream.
#[derive(Debug)]
pub struct Upstream {
    /// What is configured.
    pub settings: Arc<UpstreamSettings>,
    /// This life of its name.
    pub life: LifeToken,
    /// Held while one of its endpoints may be ejected; the same in every version of its settings.
    pub(super) ejections: Arc<Mutex<()>>,
    endpoints: Vec<Arc<Endpoint>>,
    /// Those of `endpoints`, in their order.
    weights: Vec<NonZeroU32>,
    /// Theirs too.
    tokens: PinTokens,
}

/// The endpoints of an upstream for one request, best first; each is looked for when it is asked for.
#[derive(Debug)]
pub struct Picks<'a> {
    upstream: &'a Upstream,
    key: Option<AffinityKey>,
    /// What the key means, where that is tried before the pin.
    home: Option<usize>,
    pinned: Option<usize>,
    tried: SmallVec<[usize; 4]>,
}

impl Upstream {
    /// `endpoints` are those of `settings`, in their order; `previous` is what it was before, in the same life.
    pub(super) fn new(
        settings: Arc<UpstreamSettings>,
        life: LifeToken,
        endpoints: Vec<Arc<Endpoint>>,
        tokens: PinTokens,
        previous: Option<&Self>,
    ) -> Self {
        let weights = settings.endpoints.iter().map(|endpoint| endpoint.weight).collect();
        let ejections = previous.map(|previous| Arc::clone(&previous.ejections)).unwrap_or_default();
        Self { settings, life, ejections, endpoints, weights, tokens }
    }

    /// Its endpoints, in the order of the file.
    pub fn endpoints(&self) -> &[Arc<Endpoint>] {
        &self.endpoints
    }

    /// The endpoints for a request: first the one that its cookie pins it to, if that is still there, then as the policy
    /// orders them; where the pin is a refuge that it may leave, what its key means comes before it. Those that are not
    /// eligible are left out.
    pub fn picks(&self, affinity: &Affinity) -> Picks<'_> {
        let takes = |index: &usize| self.endpoints.get(*index).is_some_and(|endpoint| endpoint.state().is_eligible());
        let pinned = affinity.pin.and_then(|pin| self.tokens.place(pin.endpoint)).filter(takes);
        let home = affinity.goes_home().then(|| self.home(affinity.key)).flatten().filter(takes);
        Picks { upstream: self, key: affinity.key, home, pinned, tried: SmallVec::new() }
    }

    /// Whether the secrets that its cookies are made with are those of the other.
    pub(super) fn has_same_secrets(&self, other: &Self) -> bool {
        self.tokens.have_same_secrets(&other.tokens)
    }

    /// The endpoint that the pin of a cookie stands for, if it was made for one that there is, with a secret that is known.
    pub fn pinned(&self, pin: Pin) -> Option<&Arc<Endpoint>> {
        self.endpoints.get(self.tokens.place(pin.endpoint)?)
    }

    /// What the cookie of a client holds that is placed at `endpoint`, with what it has said of where it belongs; `None` where
    /// cookies are not set.
    pub fn pin(&self, endpoint: &Arc<Endpoint>, affinity: &Affinity) -> Option<Pin> {
        let place = self.endpoints.iter().position(|one| Arc::ptr_eq(one, endpoint))?;
        let is_at_home = |pin: Pin| pin.stay == Stay::Home && self.tokens.place(pin.endpoint) == Some(place);
        let stay = if affinity.pin.is_some_and(is_at_home) { Stay::Home } else { self.stay_at(endpoint, affinity.key) };
        Some(Pin { endpoint: self.tokens.of(place)?, stay })
    }

    /// For how long a client with this key is at an endpoint, where no pin says so: only what the key means, whether or not that
    /// is eligible or can be reached, is its home. Without a key every endpoint is.
    pub fn stay_at(&self, endpoint: &Arc<Endpoint>, key: Option<AffinityKey>) -> Stay {
        let home = self.home(key).and_then(|index| self.endpoints.get(index));
        if home.is_none_or(|home| Arc::ptr_eq(home, endpoint)) { Stay::Home } else { Stay::Refuge }
    }

    /// What the key means.
    fn home(&self, key: Option<AffinityKey>) -> Option<usize> {
        self.settings.policy.home(key?, self.candidates(|_, _| true))
    }

    /// Those of its endpoints, with their places among them, that are wanted.
    fn candidates(&self, is_wanted: impl Fn(usize, &Endpoint) -> bool) -> impl Iterator<Item = (usize, Candidate)> {
        let all = self.endpoints.iter().zip(&self.weights).enumerate();
        all.filter(move |(index, (endpoint, _))| is_wanted(*index, endpoint)).map(|(index, (endpoint, &weight))| {
            (index, Candidate { identity: endpoint.identity, weight, load: endpoint.tunnels() })
        })
    }
}

impl<'a> Iterator for Picks<'a> {
    type Item = &'a Arc<Endpoint>;

    fn next(&mut self) -> Option<Self::Item> {
        let first = self.home.take().or_else(|| self.pinned.take().filter(|pinned| !self.tried.contains(pinned)));
        let index = match first {
            Some(index) => index,
            None => self.best_untried()?,
        };
        self.tried.push(index);
        self.upstream.endpoints.get(index)
    }
}

impl Picks<'_> {
    fn best_untried(&self) -> Option<usize> {
        let is_wanted = |index, endpoint: &Endpoint| endpoint.state().is_eligible() && !self.tried.contains(&index);
        self.upstream.settings.policy.best(self.key, self.upstream.candidates(is_wanted))
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::{EndpointEvent, FileContents, Snapshot};
    use super::*;
    use crate::balance::PinToken;
    use crate::config::parse;
    use crate::tls::TicketKeys;

    const TWO: &str = r#"
[listener.public]
bind = "127.0.0.1:0"
[route.chat]
upstream = "chat"
[upstream.chat]
endpoints = [{ name = "a", address = "127.0.0.1:1" }, { name = "b", address = "127.0.0.1:2" }]
pin_cookie = "pin"
"#;

    fn snapshot(text: &str, previous: Option<&Snapshot>) -> Snapshot {
        let settings = parse(text, Path::new("test.toml")).unwrap();
        Snapshot::assemble(settings.into(), FileContents::default(), &TicketKeys::generate().unwrap(), previous)
    }

    fn picks(snapshot: &Snapshot, pin: Option<&str>) -> Vec<String> {
        picks_of(snapshot, pin.map(|name| (name, Stay::Home)), true)
    }

    fn picks_of(snapshot: &Snapshot, pin: Option<(&str, Stay)>, begins_session: bool) -> Vec<String> {
        let pin = pin.map(|(name, stay)| Pin { endpoint: PinToken::of("chat", name), stay });
        let affinity = Affinity { key: Some(key()), pin, begins_session };
        snapshot.upstreams()["chat"].picks(&affinity).map(|endpoint| endpoint.name.to_string()).collect()
    }

    fn key() -> AffinityKey {
        AffinityKey::of_value(b"somebody")
    }

    #[test]
    fn a_refuge_is_left_where_a_session_begins_and_the_home_takes_it_again() {
        let snapshot = snapshot(TWO, None);
        let upstream = &snapshot.upstreams()["chat"];
        let [home, other] = [0, 1].map(|index| picks(&snapshot, None)[index].clone());
        let named = |name: &String| upstream.endpoints().iter().find(|it| it.name.as_str() == name).unwrap();
        let order = |begins| picks_of(&snapshot, Some((&other, Stay::Refuge)), begins);
        assert_eq!(upstream.stay_at(named(&home), Some(key())), Stay::Home);
        assert_eq!(order(true), [home.clone(), other.clone()]);
        assert_eq!(order(false), [other.clone(), home.clone()], "a session goes on where it is");
        assert_eq!(picks(&snapshot, Some(&other)), [other.clone(), home.clone()], "a pin is none");
        let at_home = picks_of(&snapshot, Some((&home, Stay::Refuge)), true);
        assert_eq!(at_home, [home.clone(), other.clone()], "each is tried once");

        named(&home).transition(EndpointEvent::Drained);
        assert_eq!(upstream.stay_at(named(&other), Some(key())), Stay::Refuge);
        assert_eq!(order(true), [other]);
    }

    #[test]
    fn a_draining_endpoint_is_no_choice_and_a_pin_to_it_falls_back_to_the_hash() {
        let snapshot = snapshot(TWO, None);
        assert_eq!(picks(&snapshot, None).len(), 2);
        snapshot.upstreams()["chat"].endpoints()[0].transition(EndpointEvent::Drained);
        assert_eq!(picks(&snapshot, None), ["b"]);
        assert_eq!(picks(&snapshot, Some("a")), ["b"]);
        snapshot.upstreams()["chat"].endpoints()[1].transition(EndpointEvent::Drained);
        assert!(picks(&snapshot, Some("a")).is_empty());
        assert!(snapshot.upstreams()["chat"].endpoints()[0].transition(EndpointEvent::TakenBack).is_some());
        assert_eq!(picks(&snapshot, None), ["a"]);
    }

    #[test]
    fn a_drain_is_carried_over_a_reload_but_not_to_another_address() {
        let first = snapshot(TWO, None);
        first.upstreams()["chat"].endpoints()[0].transition(EndpointEvent::Drained);
        let heavier = TWO.replace("address = \"127.0.0.1:1\"", "address = \"127.0.0.1:1\", weight = 3");
        let second = snapshot(&heavier, Some(&first));
        assert_eq!(picks(&second, None), ["b"]);
        let moved = snapshot(&TWO.replace("127.0.0.1:1\"", "127.0.0.1:9\""), Some(&second));
        assert_eq!(picks(&moved, None).len(), 2);
    }
}
