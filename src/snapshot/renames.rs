//! What looks like a new name for an old thing. A name is an identity, so it is another thing, and its tunnels are drained:
//! an operator should hear of that before it happens.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use super::assemble::Snapshot;
use super::change::{Change, Subject};
use super::diff::Diff;
use super::in_order::in_order;
use super::upstream::Upstream;
use crate::config::{EndpointAddress, EndpointName, UpstreamName};

/// Something that is gone, and something new that is the same but for its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rename {
    /// What is gone.
    pub from: Subject,
    /// What is new.
    pub to: Subject,
}

impl Rename {
    /// Every one between two snapshots.
    pub fn between<'a>(old: &'a Snapshot, new: &'a Snapshot) -> Vec<Self> {
        let mut renames = Vec::new();
        renames.extend(pairs(
            old.listeners().iter().filter(|(name, _)| !new.listeners().contains_key(*name)),
            new.listeners().iter().filter(|(name, _)| !old.listeners().contains_key(*name)),
            |(_, old), (_, new)| {
                let is_any_port = old.settings.bind.address().is_some_and(|address| address.port() == 0);
                old.settings.bind == new.settings.bind && !is_any_port
            },
            |(name, _)| Subject::Listener(name.clone()),
        ));
        renames.extend(pairs(
            old.routes().iter().filter(|(name, _)| !new.routes().contains_key(*name)),
            new.routes().iter().filter(|(name, _)| !old.routes().contains_key(*name)),
            |(_, old), (_, new)| {
                let (old, new) = (&old.settings, &new.settings);
                (&old.hosts, &old.listeners, &old.path) == (&new.hosts, &new.listeners, &new.path)
            },
            |(name, _)| Subject::Route(name.clone()),
        ));
        renames.extend(pairs(
            old.upstreams().iter().filter(|(name, _)| !new.upstreams().contains_key(*name)),
            new.upstreams().iter().filter(|(name, _)| !old.upstreams().contains_key(*name)),
            |(_, old), (_, new)| {
                let addresses = |it: &Upstream| -> Vec<String> {
                    it.endpoints().iter().map(|endpoint| endpoint.address.to_string()).collect()
                };
                addresses(old) == addresses(new)
            },
            |(name, _)| Subject::Upstream(name.clone()),
        ));
        for (name, old) in old.upstreams() {
            let Some(new) = new.upstreams().get(name) else { continue };
            if Arc::ptr_eq(old, new) {
                continue;
            }
            let names = |of: &'a Upstream, other: &'a Upstream| {
                let mut find = in_order(other.endpoints(), |endpoint| &endpoint.name);
                let missing = of.endpoints().iter().filter(move |endpoint| find(&endpoint.name).is_none());
                missing.map(|endpoint| (&endpoint.address, &endpoint.name))
            };
            renames.extend(at_one_address(name, names(old, new), names(new, old)));
        }
        renames
    }

    /// Those of endpoints of `now` by the word of their source, which `diff` has led to. Who had no tunnels is not there any more, and
    /// nobody has to hear of it.
    pub fn of_endpoints(diff: &Diff, now: &Upstream) -> Vec<Self> {
        let endpoints = &now.settings.endpoints;
        let address_of = |name: &EndpointName| -> Option<&EndpointAddress> {
            let at = endpoints.binary_search_by(|endpoint| endpoint.name.cmp(name)).ok()?;
            endpoints.get(at).map(|endpoint| &endpoint.address)
        };
        let added = diff.changes.iter().filter_map(|change| match change {
            Change::Added(Subject::Endpoint(_, name)) => Some((address_of(name)?, name)),
            _ => None,
        });
        let leaving = diff.changes.iter().filter_map(|change| match change {
            Change::Leaving(Subject::Endpoint(_, name)) => Some((address_of(name)?, name)),
            _ => None,
        });
        at_one_address(&now.settings.name, leaving, added)
    }
}

/// Each endpoint of `gone` with the one of `come` that is at its address, in one pass: there may be thousands.
fn at_one_address<'a>(
    upstream: &UpstreamName,
    gone: impl Iterator<Item = (&'a EndpointAddress, &'a EndpointName)>,
    come: impl Iterator<Item = (&'a EndpointAddress, &'a EndpointName)>,
) -> Vec<Rename> {
    let mut come: HashMap<_, _> = come.collect();
    let subject = |name: &EndpointName| Subject::Endpoint(upstream.clone(), name.clone());
    gone.filter_map(|(at, from)| Some(Rename { from: subject(from), to: subject(come.remove(at)?) })).collect()
}

/// Each of `gone` with the first of `come` that is like it and not taken yet.
fn pairs<T: Copy>(
    gone: impl Iterator<Item = T>,
    come: impl Iterator<Item = T>,
    is_like: impl Fn(T, T) -> bool,
    subject: impl Fn(T) -> Subject,
) -> Vec<Rename> {
    let mut come: Vec<T> = come.collect();
    let mut found = Vec::new();
    for old in gone {
        if let Some(at) = come.iter().position(|new| is_like(old, *new)) {
            found.push(Rename { from: subject(old), to: subject(come.remove(at)) });
        }
    }
    found
}

impl fmt::Display for Rename {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { from, to } = self;
        write!(f, "{from} looks renamed to {to}: a name is an identity, so the tunnels of the old one end")
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::FileContents;
    use super::*;
    use crate::config::{EndpointRole, parse, parse_endpoint};
    use crate::tls::TicketKeys;

    const BEFORE: &str = r#"
[listener.public]
bind = "127.0.0.1:8080"
[route.chat]
path = "/chat"
upstream = "chat"
[route.rest]
upstream = "other"
[upstream.chat]
endpoints = [{ name = "a", address = "127.0.0.1:1" }, { name = "b", address = "127.0.0.1:2" }]
[upstream.other]
endpoints = ["127.0.0.1:3"]
"#;

    fn renames(after: &str) -> Vec<String> {
        let tickets = TicketKeys::generate().unwrap();
        let snapshot = |text: &str, previous: Option<&Snapshot>| {
            let settings = parse(text, Path::new("test.toml")).unwrap_or_else(|problems| panic!("{problems}"));
            Snapshot::assemble(settings.into(), FileContents::default(), &tickets, previous)
        };
        let old = snapshot(BEFORE, None);
        let new = snapshot(after, Some(&old));
        let names = |it: Rename| format!("{} > {}", it.from, it.to);
        Rename::between(&old, &new).into_iter().map(names).collect()
    }

    #[test]
    fn a_new_name_for_an_old_thing_is_noticed() {
        let after = |from: &str, to: &str| renames(&BEFORE.replace(from, to));
        assert_eq!(after("[listener.public]", "[listener.edge]"), ["listener public > listener edge"]);
        assert_eq!(after("[route.chat]", "[route.talk]"), ["route chat > route talk"]);
        assert_eq!(
            after("name = \"a\"", "name = \"c\""),
            ["endpoint a of upstream chat > endpoint c of upstream chat"]
        );
        let moved = BEFORE.replace("[upstream.other]", "[upstream.new]").replace("\"other\"", "\"new\"");
        assert_eq!(renames(&moved), ["upstream other > upstream new"]);
    }

    #[test]
    fn a_source_that_calls_an_address_otherwise_is_noticed() {
        let listed =
            "endpoints = [{ name = \"a\", address = \"127.0.0.1:1\" }, { name = \"b\", address = \"127.0.0.1:2\" }]";
        let text = BEFORE.replace(listed, "endpoints = { file = \"set.json\" }");
        let settings = parse(&text, Path::new("test.toml")).unwrap();
        let tickets = TicketKeys::generate().unwrap();
        let empty = Snapshot::assemble(settings.into(), FileContents::default(), &tickets, None);
        let with = |before: &Snapshot, all: &[(&str, u16, EndpointRole)]| {
            let endpoint = |(name, port, role): &(&str, u16, EndpointRole)| {
                parse_endpoint(&format!("127.0.0.1:{port}"), Some(name), None, *role).unwrap()
            };
            before.with_endpoints(&"chat".into(), all.iter().map(endpoint).collect()).unwrap()
        };
        let (ready, leaving) = (EndpointRole::Ready, EndpointRole::Leaving);
        let old = with(&empty, &[("a", 1, ready), ("b", 2, ready), ("c", 3, ready)]);
        let new =
            with(&old, &[("a", 1, leaving), ("b", 2, leaving), ("c", 3, ready), ("d", 4, ready), ("e", 2, ready)]);
        let renames = Rename::of_endpoints(&Diff::between(&old, &new), &new.upstreams()["chat"]);
        let names: Vec<_> = renames.iter().map(|it| format!("{} > {}", it.from, it.to)).collect();
        assert_eq!(names, ["endpoint b of upstream chat > endpoint e of upstream chat"]);
    }

    #[test]
    fn what_is_new_in_more_than_its_name_is_no_rename() {
        assert!(renames(BEFORE).is_empty());
        assert!(
            renames(
                &BEFORE.replace(
                    "[listener.public]\nbind = \"127.0.0.1:8080\"",
                    "[listener.edge]\nbind = \"127.0.0.1:8081\""
                )
            )
            .is_empty()
        );
        assert!(
            renames(
                &BEFORE.replace("name = \"a\", address = \"127.0.0.1:1\"", "name = \"c\", address = \"127.0.0.1:9\"")
            )
            .is_empty()
        );
        assert!(renames(&BEFORE.replace("address = \"127.0.0.1:1\"", "address = \"127.0.0.1:9\"")).is_empty());
    }
}
