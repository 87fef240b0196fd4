//! What a reload changes: its `change`s for the log, and the tunnels that lose what they stand on.

use std::sync::{Arc, Weak};

use super::assemble::Snapshot;
use super::branch::Branch;
use super::change::{Change, Subject};
use super::collector::Collector;
use super::in_order::in_order;
use super::upstream::Upstream;
use crate::config::{EndpointName, EndpointRole, ListenerName, RouteName, UpstreamName, UpstreamSettings};
use crate::drain::{Incarnation, LifeToken, Scope};

/// The difference between two snapshots, by identity.
#[derive(Clone, Debug, Default)]
pub struct Diff {
    /// Everything that was added, removed or changed, in the order of the file's sections.
    pub changes: Vec<Change>,
    /// The tunnels whose listener, route or endpoint is gone.
    pub vanished: Vec<Vanished>,
    /// Those whose endpoint is there still, and leaves from now on.
    pub leaving: Vec<Vanished>,
    /// Those whose endpoint was leaving, and stays.
    pub returned: Vec<Scope>,
}

/// Tunnels that lost what they stand on.
#[derive(Clone, Debug)]
pub struct Vanished {
    /// Which ones.
    pub scope: Scope,
    /// Gone when no request can register there any more.
    pub while_alive: Weak<()>,
}

impl Diff {
    /// What `new` changes of `old`.
    pub fn between(old: &Snapshot, new: &Snapshot) -> Self {
        let mut diff = Self::default();
        diff.listeners(old, new);
        diff.routes(old, new);
        diff.upstreams(old, new);
        diff.rest(old, new);
        diff
    }

    /// Whether the two mean the same.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    fn listeners(&mut self, old: &Snapshot, new: &Snapshot) {
        let subject = |name: &ListenerName| Subject::Listener(name.clone());
        for (name, listener) in old.listeners() {
            match new.listeners().get(name) {
                None => self.lose(Change::Removed(subject(name)), Scope::Listener, &listener.life),
                Some(kept) if !kept.is_same(listener) => self.change(old, new, subject(name)),
                Some(_) => {}
            }
        }
        let added = new.listeners().keys().filter(|name| !old.listeners().contains_key(*name));
        self.changes.extend(added.map(|name| Change::Added(subject(name))));
    }

    fn routes(&mut self, old: &Snapshot, new: &Snapshot) {
        let subject = |name: &RouteName| Subject::Route(name.clone());
        for (name, route) in old.routes() {
            match new.routes().get(name) {
                None => self.changes.push(Change::Removed(subject(name))),
                Some(kept) if !kept.settings.destination.has_same_upstreams(&route.settings.destination) => {
                    let (from, to) = (route.settings.destination.clone(), kept.settings.destination.clone());
                    self.changes.push(Change::Switched(subject(name), from, to));
                }
                Some(kept) if kept.settings != route.settings => self.change(old, new, subject(name)),
                Some(kept) if !kept.target.has_same_body(&route.target) => {
                    let value = "respond: the file holds another text".to_owned();
                    self.changes.push(Change::Changed(subject(name), vec![value]));
                }
                Some(kept) => {
                    let has_other_pages = kept.error_pages != route.error_pages;
                    let pages = has_other_pages.then_some("error_pages: a file holds another page");
                    let changed = route.doors.changes(&kept.doors).or(pages);
                    self.changes.extend(changed.map(|what| Change::Changed(subject(name), vec![what.into()])));
                }
            }
            let kept = new.routes().get(name);
            let is_lost = |branch: &&Arc<Branch>| {
                kept.is_none_or(|kept| kept.target.to(&branch.upstream.settings.name).is_none())
            };
            for branch in route.target.branches().filter(is_lost) {
                self.vanish(Scope::Route, &branch.life);
            }
        }
        let added = new.routes().keys().filter(|name| !old.routes().contains_key(*name));
        self.changes.extend(added.map(|name| Change::Added(subject(name))));
    }

    fn upstreams(&mut self, old: &Snapshot, new: &Snapshot) {
        let subject = |name: &UpstreamName| Subject::Upstream(name.clone());
        for (name, upstream) in old.upstreams() {
            let Some(kept) = new.upstreams().get(name) else {
                self.lose(Change::Removed(subject(name)), Scope::Upstream, &upstream.life);
                continue;
            };
            if Arc::ptr_eq(kept, upstream) {
                continue;
            }
            let before = self.changes.len();
            let subject_of = |endpoint: &EndpointName| Subject::Endpoint(name.clone(), endpoint.clone());
            let mut find = in_order(kept.endpoints(), |endpoint| &endpoint.name);
            for (endpoint, was) in upstream.endpoints().iter().zip(&upstream.settings.endpoints) {
                let subject = || subject_of(&endpoint.name);
                let named =
                    find(&endpoint.name).and_then(|at| kept.endpoints().get(at).zip(kept.settings.endpoints.get(at)));
                let change = match named {
                    None => Change::Removed(subject()),
                    Some((other, _)) if !Arc::ptr_eq(other, endpoint) => {
                        Change::Moved(subject(), endpoint.address.clone(), other.address.clone())
                    }
                    Some((_, is)) => {
                        self.stay(subject, &endpoint.life, was.role, is.role);
                        continue;
                    }
                };
                self.lose(change, Scope::Endpoint, &endpoint.life);
            }
            let mut find = in_order(upstream.endpoints(), |endpoint| &endpoint.name);
            let added = kept.endpoints().iter().filter(|endpoint| find(&endpoint.name).is_none());
            self.changes.extend(added.map(|endpoint| Change::Added(subject_of(&endpoint.name))));
            let weights = weights(upstream, kept);
            let is_rest_same = without_endpoints(&upstream.settings) == without_endpoints(&kept.settings);
            let is_unsaid = self.changes.len() == before && kept.settings != upstream.settings;
            let has_other_secrets = !kept.has_same_secrets(upstream);
            let has_other_tls = !kept.has_same_tls(upstream);
            if is_unsaid || !weights.is_empty() || !is_rest_same || has_other_secrets || has_other_tls {
                let mut values = weights;
                let has_same_source = source(upstream) == source(kept);
                if !has_same_source {
                    values.push(format!("endpoints: {} → {}", source(upstream), source(kept)));
                }
                let written = written(old, new, &subject(name));
                // Of the source itself, such as its `min_endpoints`.
                let is_unsaid = |change: &String| {
                    has_same_source && kept.settings.source.is_some() || !change.starts_with("endpoints")
                };
                values.extend(written.into_iter().filter(is_unsaid));
                if has_other_secrets && is_rest_same {
                    values.push("pin_secret: the file holds other secrets".into());
                }
                if has_other_tls && is_rest_same {
                    values.push("tls: the files hold other certificates".into());
                }
                self.changes.push(Change::Changed(subject(name), values));
            }
        }
        let added = new.upstreams().keys().filter(|name| !old.upstreams().contains_key(*name));
        self.changes.extend(added.map(|name| Change::Added(subject(name))));
    }

    fn rest(&mut self, old: &Snapshot, new: &Snapshot) {
        let (before, now) = (&old.settings, &new.settings);
        let changed = [
            (before.drain != now.drain, Subject::Drain),
            (before.log != now.log, Subject::Log),
            (before.traces != now.traces, Subject::Traces),
            (before.admin != now.admin, Subject::Admin),
            (before.watch != now.watch, Subject::Watch),
            (before.workers != now.workers, Subject::Workers),
            (before.tls_handshakes_at_once != now.tls_handshakes_at_once, Subject::TlsHandshakesAtOnce),
        ];
        for (_, subject) in changed.into_iter().filter(|(differs, _)| *differs) {
            self.change(old, new, subject);
        }
        if before.admin == now.admin && old.admin != new.admin {
            let value = "a file holds another token, certificate or authority".to_owned();
            self.changes.push(Change::Changed(Subject::Admin, vec![value]));
        }
        if before.traces == now.traces && !Collector::is_same(old.collector.as_ref(), new.collector.as_ref()) {
            self.changes
                .push(Change::Changed(Subject::Traces, vec!["a file holds another header or authority".into()]));
        }
        if before.error_pages != now.error_pages {
            self.change(old, new, Subject::ErrorPages);
        } else if old.error_pages != new.error_pages {
            let value = "a file holds another page".to_owned();
            self.changes.push(Change::Changed(Subject::ErrorPages, vec![value]));
        }
    }

    fn change(&mut self, old: &Snapshot, new: &Snapshot, subject: Subject) {
        let values = written(old, new, &subject);
        self.changes.push(Change::Changed(subject, values));
    }

    /// An endpoint is the same, and may have another role.
    fn stay(&mut self, subject: impl FnOnce() -> Subject, life: &LifeToken, was: EndpointRole, is: EndpointRole) {
        let scope = Scope::Endpoint(life.incarnation);
        match (was, is) {
            (EndpointRole::Leaving, EndpointRole::Leaving) => {}
            (_, EndpointRole::Leaving) => {
                self.changes.push(Change::Leaving(subject()));
                self.leaving.push(Vanished { scope, while_alive: life.alive() });
            }
            (EndpointRole::Leaving, _) => {
                self.changes.push(Change::Returned(subject()));
                self.returned.push(scope);
            }
            _ => {}
        }
    }

    fn lose(&mut self, change: Change, scope: impl Fn(Incarnation) -> Scope, life: &LifeToken) {
        self.changes.push(change);
        self.vanish(scope, life);
    }

    fn vanish(&mut self, scope: impl Fn(Incarnation) -> Scope, life: &LifeToken) {
        self.vanished.push(Vanished { scope: scope(life.incarnation), while_alive: life.alive() });
    }
}

/// How the two files differ in the section of `subject`.
fn written(old: &Snapshot, new: &Snapshot, subject: &Subject) -> Vec<String> {
    let section: &[_] = match subject {
        Subject::Listener(name) => &["listener", name.as_str()],
        Subject::Route(name) => &["route", name.as_str()],
        Subject::Upstream(name) | Subject::Endpoint(name, _) => &["upstream", name.as_str()],
        Subject::Drain => &["drain"],
        Subject::Log => &["log"],
        Subject::Traces => &["traces"],
        Subject::Admin => &["admin"],
        Subject::Watch => &["watch"],
        Subject::Workers => &["workers"],
        Subject::TlsHandshakesAtOnce => &["tls_handshakes_at_once"],
        Subject::ErrorPages => &["error_pages"],
    };
    old.settings.written.changes(&new.settings.written, section)
}

/// The endpoints that have another weight now, or stand in for others where they did not; who leaves or returns is told apart.
fn weights(old: &Upstream, new: &Upstream) -> Vec<String> {
    let mut changed = Vec::new();
    let mut find = in_order(&new.settings.endpoints, |endpoint| &endpoint.name);
    for before in &old.settings.endpoints {
        let now = find(&before.name).and_then(|at| new.settings.endpoints.get(at));
        let Some(now) = now else { continue };
        if now.weight != before.weight {
            changed.push(format!("weight of {}: {} → {}", now.name, before.weight, now.weight));
        }
        match (before.role, now.role) {
            (EndpointRole::Backup, EndpointRole::Ready) => changed.push(format!("{} is no backup any more", now.name)),
            (EndpointRole::Ready, EndpointRole::Backup) => changed.push(format!("{} is a backup", now.name)),
            _ => {}
        }
    }
    let unlisted = changed.len().saturating_sub(MOST_VALUES);
    if unlisted > 0 {
        changed.truncate(MOST_VALUES);
        changed.push(format!("and {unlisted} more such changes"));
    }
    changed
}

/// How many weights and backups a change lists, in one line: a source may change those of thousands at once.
const MOST_VALUES: usize = 20;

/// Where the endpoints of an upstream come from.
fn source(upstream: &Upstream) -> String {
    upstream.settings.source.as_ref().map_or_else(|| "a list".to_owned(), |source| source.from.to_string())
}

fn without_endpoints(settings: &UpstreamSettings) -> UpstreamSettings {
    UpstreamSettings { endpoints: Vec::new(), ..settings.clone() }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::FileContents;
    use super::*;
    use crate::config::{parse, parse_endpoint};
    use crate::tls::TicketKeys;

    #[test]
    fn other_weights_of_thousands_are_one_line_that_somebody_can_read() {
        let text = "[listener.l]\nbind = \"127.0.0.1:0\"\n[route.r]\nupstream = \"u\"\n[upstream.u]\nendpoints = { file = \"set.json\" }\n";
        let settings = parse(text, Path::new("test.toml")).unwrap();
        let tickets = TicketKeys::generate().unwrap();
        let empty = Snapshot::assemble(settings.into(), FileContents::default(), &tickets, None);
        let all = |weight| {
            let address = |at: usize| format!("10.0.{}.{}:80", at / 200, at % 200);
            let mut all: Vec<_> = (0..2_000)
                .map(|at| parse_endpoint(&address(at), None, Some(weight), EndpointRole::Ready).unwrap())
                .collect();
            all.sort_by(|one, other| one.name.cmp(&other.name));
            all
        };
        let old = empty.with_endpoints(&"u".into(), all(1)).unwrap();
        let new = old.with_endpoints(&"u".into(), all(2)).unwrap();
        let [change] = &Diff::between(&old, &new).changes[..] else { panic!("it is one change") };
        let line = change.to_string();
        assert!(line.len() < 2_000 && line.ends_with("; and 1980 more such changes"), "{line}");
    }
}
