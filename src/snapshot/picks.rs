//! Which endpoints of an upstream a request goes to, best first.

use std::sync::Arc;

use smallvec::SmallVec;

use super::eligibility::Eligibility;
use super::endpoint::Endpoint;
use super::health_changes::Trial;
use super::upstream::Upstream;
use crate::balance::{Affinity, AffinityKey, PinToken};
use crate::health::Asked;

/// The endpoints of an upstream for one request, best first; each is looked for when it is asked for.
#[derive(Debug)]
pub struct Picks<'a> {
    upstream: &'a Upstream,
    key: Option<AffinityKey>,
    asked: Asked,
    eligibility: Eligibility,
    /// What the key means, where that is tried before the pin.
    home: Option<usize>,
    pinned: Option<usize>,
    tried: SmallVec<[usize; 4]>,
}

/// An endpoint that a request goes to.
#[derive(Debug)]
pub struct Pick<'a> {
    /// Which one.
    pub endpoint: &'a Arc<Endpoint>,
    /// The trial that the request is, if it is one.
    pub trial: Option<Trial>,
}

impl Upstream {
    /// The endpoints for a request: first the one that its cookie pins it to, if that is still there, then as the policy
    /// orders them; where the pin is a refuge that it may leave, what its key means comes before it. Those that are not
    /// eligible are left out, and for an upgrade those that are full.
    pub fn picks(&self, affinity: &Affinity, asked: Asked) -> Picks<'_> {
        let (upstream, key, eligibility) = (self, affinity.key, self.eligibility(asked));
        let mut picks = Picks { upstream, key, asked, eligibility, home: None, pinned: None, tried: SmallVec::new() };
        picks.pinned = affinity.pin.and_then(|pin| picks.named(pin.endpoint));
        if affinity.goes_home() {
            let home = self.home(affinity.key);
            // Not if that is away, or has more than its share.
            picks.home = home.filter(|_| picks.best_untried() == home);
        }
        picks
    }

    /// Whether there is an endpoint that an upgrade might go to, if only it had a place.
    pub fn is_full(&self) -> bool {
        let (eligibility, max) = (self.eligibility(Asked::Upgrade), self.settings.max_tunnels);
        self.endpoints().iter().any(|endpoint| !endpoint.has_place(max) && eligibility.takes(endpoint))
    }
}

impl<'a> Iterator for Picks<'a> {
    type Item = Pick<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let first = self.home.take().or_else(|| self.pinned.take().filter(|pinned| !self.tried.contains(pinned)));
            let index = match first {
                Some(index) => index,
                None => self.best_untried()?,
            };
            self.tried.push(index);
            let endpoint = self.upstream.endpoints().get(index)?;
            // Another request may have become its trial since it was looked at.
            if let Some(placed_as) = self.eligibility.place(endpoint) {
                return Some(Pick { endpoint, trial: placed_as.into_trial() });
            }
        }
    }
}

impl Picks<'_> {
    fn best_untried(&self) -> Option<usize> {
        self.upstream.best(self.key, |index, endpoint| self.may_try(index, endpoint))
    }

    /// The endpoint that a pin names, if the request may go there.
    fn named(&self, pin: PinToken) -> Option<usize> {
        let index = self.upstream.tokens.place(pin)?;
        self.upstream.endpoints().get(index).filter(|endpoint| self.may_try(index, endpoint)).map(|_| index)
    }

    /// Whether the request may go to an endpoint: whatever speaks against that is looked at here, and nowhere else.
    fn may_try(&self, index: usize, endpoint: &Endpoint) -> bool {
        let has_place = self.asked == Asked::Exchange || endpoint.has_place(self.upstream.settings.max_tunnels);
        self.eligibility.takes(endpoint) && has_place && !self.tried.contains(&index)
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::{EndpointEvent, FileContents, Snapshot};
    use super::*;
    use crate::balance::{Pin, Stay};
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
        snapshot.upstreams()["chat"]
            .picks(&affinity, Asked::Upgrade)
            .map(|pick| pick.endpoint.name.to_string())
            .collect()
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
