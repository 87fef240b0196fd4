//! One upstream as it runs: its endpoints, and which of them a request goes to.

use std::sync::Arc;

use super::endpoint::Endpoint;
use crate::balance::{AffinityKey, Candidate, PinToken, best};
use crate::config::UpstreamSettings;
use crate::drain::Life;

/// One upstream.
#[derive(Debug)]
pub struct Upstream {
    /// What is configured.
    pub settings: Arc<UpstreamSettings>,
    /// This life of its name.
    pub life: Life,
    endpoints: Vec<Arc<Endpoint>>,
    candidates: Vec<Candidate>,
}

/// The endpoints of an upstream for one request, best first.
#[derive(Debug)]
pub struct Picks<'a> {
    upstream: &'a Upstream,
    key: AffinityKey,
    pinned: Option<usize>,
    tried: Vec<usize>,
}

impl Upstream {
    /// `endpoints` are those of `settings`, in their order.
    pub(super) fn new(settings: Arc<UpstreamSettings>, life: Life, endpoints: Vec<Arc<Endpoint>>) -> Self {
        let weights = settings.endpoints.iter().map(|endpoint| endpoint.weight);
        let candidates = endpoints
            .iter()
            .zip(weights)
            .map(|(endpoint, weight)| Candidate { identity: endpoint.identity, weight })
            .collect();
        Self { settings, life, endpoints, candidates }
    }

    /// Its endpoints, in the order of the file.
    pub fn endpoints(&self) -> &[Arc<Endpoint>] {
        &self.endpoints
    }

    /// The endpoints for a request: first the one that its cookie pins it to, if that is still there, then as the hash
    /// places its key. Those that an operator drains are left out.
    pub fn picks(&self, key: AffinityKey, pin: Option<PinToken>) -> Picks<'_> {
        let pinned = pin
            .and_then(|pin| self.endpoints.iter().position(|endpoint| endpoint.pin == pin && !endpoint.is_draining()));
        Picks { upstream: self, key, pinned, tried: Vec::new() }
    }
}

impl<'a> Iterator for Picks<'a> {
    type Item = &'a Arc<Endpoint>;

    fn next(&mut self) -> Option<Self::Item> {
        let index = match self.pinned.take() {
            Some(pinned) => pinned,
            None => best(self.key, &self.upstream.candidates, |index| self.skips(index))?,
        };
        self.tried.push(index);
        self.upstream.endpoints.get(index)
    }
}

impl Picks<'_> {
    fn skips(&self, index: usize) -> bool {
        self.tried.contains(&index) || self.upstream.endpoints.get(index).is_some_and(|endpoint| endpoint.is_draining())
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::{Certificates, Snapshot};
    use super::*;
    use crate::config::parse;
    use crate::tls::TicketKeys;

    const TWO: &str = r#"
[listener.public]
bind = "127.0.0.1:0"
[route.chat]
upstream = "chat"
[upstream.chat]
endpoints = [{ name = "a", address = "127.0.0.1:1" }, { name = "b", address = "127.0.0.1:2" }]
"#;

    fn snapshot(text: &str, previous: Option<&Snapshot>) -> Snapshot {
        let settings = parse(text, Path::new("test.toml")).unwrap();
        Snapshot::assemble(settings.into(), Certificates::new(), &TicketKeys::generate().unwrap(), previous)
    }

    fn picks(snapshot: &Snapshot, pin: Option<&str>) -> Vec<String> {
        let key = AffinityKey::of_value(b"somebody");
        let picks = snapshot.upstreams()["chat"].picks(key, pin.map(|name| PinToken::of("chat", name)));
        picks.map(|endpoint| endpoint.name.to_string()).collect()
    }

    #[test]
    fn a_draining_endpoint_is_no_choice_and_a_pin_to_it_falls_back_to_the_hash() {
        let snapshot = snapshot(TWO, None);
        assert_eq!(picks(&snapshot, None).len(), 2);
        snapshot.upstreams()["chat"].endpoints()[0].begin_draining();
        assert_eq!(picks(&snapshot, None), ["b"]);
        assert_eq!(picks(&snapshot, Some("a")), ["b"]);
        snapshot.upstreams()["chat"].endpoints()[1].begin_draining();
        assert!(picks(&snapshot, Some("a")).is_empty());
        assert!(snapshot.upstreams()["chat"].endpoints()[0].end_draining());
        assert_eq!(picks(&snapshot, None), ["a"]);
    }

    #[test]
    fn a_drain_is_carried_over_a_reload_but_not_to_another_address() {
        let first = snapshot(TWO, None);
        first.upstreams()["chat"].endpoints()[0].begin_draining();
        let heavier = TWO.replace("address = \"127.0.0.1:1\"", "address = \"127.0.0.1:1\", weight = 3");
        let second = snapshot(&heavier, Some(&first));
        assert_eq!(picks(&second, None), ["b"]);
        let moved = snapshot(&TWO.replace("127.0.0.1:1\"", "127.0.0.1:9\""), Some(&second));
        assert_eq!(picks(&moved, None).len(), 2);
    }
}
