//! The endpoints of sources in a handoff: a source that does not answer just then is no reason to serve nobody.

use std::collections::BTreeMap;

use super::super::discovery::NamedSets;
use crate::config::{SourceSettings, UpstreamName};
use crate::discovery::{KeptSet, SourceStatuses};
use crate::handoff::HandoffMessage;

/// What is to be said of what sources have named.
pub(super) fn said(sets: &NamedSets, statuses: &SourceStatuses) -> Vec<HandoffMessage> {
    let mut said = Vec::new();
    for (upstream, source, set) in sets.iter() {
        let age = statuses.of(upstream).and_then(|status| status.age).unwrap_or_default();
        let text = KeptSet { set: set.clone(), age }.text(upstream, source);
        let mut left = text.as_str();
        while !left.is_empty() {
            let (part, rest) = left.split_at(left.floor_char_boundary(LONGEST_PART));
            said.push(HandoffMessage::EndpointSet { upstream: upstream.to_string(), part: part.to_owned() });
            left = rest;
        }
    }
    said
}

/// What the process before has said of what sources have named.
#[derive(Debug, Default)]
pub(in crate::app) struct InheritedSets(BTreeMap<String, String>);

impl InheritedSets {
    /// Takes another part.
    pub(super) fn take(&mut self, upstream: String, part: &str) {
        let text = self.0.entry(upstream).or_default();
        // What is longer is no set, and is not whole then.
        if text.len() <= LONGEST {
            text.push_str(part);
        }
    }

    /// What this source has named there; what makes no sense here is nothing.
    pub(in crate::app) fn get(&self, upstream: &UpstreamName, source: &SourceSettings) -> Option<KeptSet> {
        KeptSet::parse(self.0.get(upstream.as_str())?.as_bytes(), upstream, source).ok().flatten()
    }
}

/// In bytes: a message has room for it, were each of them written as two.
const LONGEST_PART: usize = 7 * 1024;
/// In bytes.
const LONGEST: usize = 16 * 1024 * 1024;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{EndpointRole, SourceKind, parse_endpoint};
    use crate::discovery::EndpointSet;

    #[test]
    fn a_set_of_many_parts_is_whole_again_for_its_source_alone() {
        let source = |host: &str| SourceSettings {
            from: SourceKind::Dns { host: host.into(), port: 80 },
            servers: Vec::new(),
            no_unix: None,
            min_endpoints: 1,
        };
        let endpoint = |at| parse_endpoint(&format!("a{at}:80"), None, None, EndpointRole::Ready).unwrap();
        let set = EndpointSet::new((0..1000).map(endpoint).collect()).unwrap();
        let text =
            KeptSet { set: set.clone(), age: std::time::Duration::from_secs(60) }.text(&"chat".into(), &source("a"));
        let mut inherited = InheritedSets::default();
        for part in text.as_bytes().chunks(1000) {
            inherited.take("chat".into(), str::from_utf8(part).unwrap());
        }
        let KeptSet { set: same, age } = inherited.get(&"chat".into(), &source("a")).unwrap();
        assert_eq!(same, set);
        assert!((60..63).contains(&age.as_secs()), "{age:?}");
        assert_eq!(inherited.get(&"chat".into(), &source("b")), None);
        assert_eq!(inherited.get(&"games".into(), &source("a")), None);
        inherited.take("chat".into(), "}");
        assert_eq!(inherited.get(&"chat".into(), &source("a")), None, "it makes no sense any more");
    }
}
