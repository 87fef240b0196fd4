//! What a reload changes: for the log, and for the tunnels that lose what they stand on.

use std::fmt;
use std::sync::{Arc, Weak};

use super::assemble::Snapshot;
use crate::config::{EndpointAddress, EndpointName, ListenerName, RouteName, UpstreamName, UpstreamSettings};
use crate::drain::{Incarnation, LifeToken, Scope};

/// The difference between two snapshots, by identity.
#[derive(Clone, Debug, Default)]
pub struct Diff {
    /// Everything that was added, removed or changed, in the order of the file's sections.
    pub changes: Vec<Change>,
    /// The tunnels whose listener, route or endpoint is gone.
    pub vanished: Vec<Vanished>,
}

/// Tunnels that lost what they stand on.
#[derive(Clone, Debug)]
pub struct Vanished {
    /// Which ones.
    pub scope: Scope,
    /// Gone when no request can register there any more.
    pub while_alive: Weak<()>,
}

/// One thing that a reload changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// It is new.
    Added(Subject),
    /// It is gone; its tunnels are drained.
    Removed(Subject),
    /// It is the same with other settings, each with its old and its new value; its tunnels stay, under the rules they were born with.
    Changed(Subject, Vec<String>),
    /// The endpoint has another address under the same name, from the first to the second; its tunnels are drained.
    Moved(Subject, EndpointAddress, EndpointAddress),
    /// The route goes to another upstream, from the first to the second; the tunnels that it has in the old one are drained.
    Switched(Subject, UpstreamName, UpstreamName),
}

/// What a change is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// A listener.
    Listener(ListenerName),
    /// A route.
    Route(RouteName),
    /// An upstream.
    Upstream(UpstreamName),
    /// An endpoint of an upstream.
    Endpoint(UpstreamName, EndpointName),
    /// `[drain]`.
    Drain,
    /// `[log]`.
    Log,
    /// `[admin]`.
    Admin,
    /// `watch`.
    Watch,
    /// `workers`, which waits for the next start.
    Workers,
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
                None => self.lose(Change::Removed(subject(name)), Scope::Route, &route.life),
                Some(kept) if kept.settings.upstream != route.settings.upstream => {
                    let (from, to) = (route.settings.upstream.clone(), kept.settings.upstream.clone());
                    self.lose(Change::Switched(subject(name), from, to), Scope::Route, &route.life);
                }
                Some(kept) if kept.settings != route.settings => self.change(old, new, subject(name)),
                Some(_) => {}
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
            let before = self.changes.len();
            let subject_of = |endpoint: &EndpointName| Subject::Endpoint(name.clone(), endpoint.clone());
            for endpoint in upstream.endpoints() {
                let change = match kept.endpoints().iter().find(|other| other.name == endpoint.name) {
                    None => Change::Removed(subject_of(&endpoint.name)),
                    Some(other) if !Arc::ptr_eq(other, endpoint) => {
                        Change::Moved(subject_of(&endpoint.name), endpoint.address.clone(), other.address.clone())
                    }
                    Some(_) => continue,
                };
                self.lose(change, Scope::Endpoint, &endpoint.life);
            }
            let is_new = |name: &EndpointName| !upstream.endpoints().iter().any(|old| old.name == *name);
            let added = kept.endpoints().iter().filter(|endpoint| is_new(&endpoint.name));
            self.changes.extend(added.map(|endpoint| Change::Added(subject_of(&endpoint.name))));
            let weights = weights(&upstream.settings, &kept.settings);
            let is_rest_same = without_endpoints(&upstream.settings) == without_endpoints(&kept.settings);
            let is_unsaid = self.changes.len() == before && kept.settings != upstream.settings;
            let has_other_secrets = !kept.has_same_secrets(upstream);
            if is_unsaid || !weights.is_empty() || !is_rest_same || has_other_secrets {
                let mut values = weights;
                let written = written(old, new, &subject(name));
                values.extend(written.into_iter().filter(|change| !change.starts_with("endpoints")));
                if has_other_secrets && is_rest_same {
                    values.push("pin_secret: the file holds other secrets".into());
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
            (before.admin != now.admin, Subject::Admin),
            (before.watch != now.watch, Subject::Watch),
            (before.workers != now.workers, Subject::Workers),
        ];
        for (_, subject) in changed.into_iter().filter(|(differs, _)| *differs) {
            self.change(old, new, subject);
        }
    }

    fn change(&mut self, old: &Snapshot, new: &Snapshot, subject: Subject) {
        let values = written(old, new, &subject);
        self.changes.push(Change::Changed(subject, values));
    }

    fn lose(&mut self, change: Change, scope: impl Fn(Incarnation) -> Scope, life: &LifeToken) {
        self.changes.push(change);
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
        Subject::Admin => &["admin"],
        Subject::Watch => &["watch"],
        Subject::Workers => &["workers"],
    };
    old.settings.written.changes(&new.settings.written, section)
}

/// The endpoints that have another weight now.
fn weights(old: &UpstreamSettings, new: &UpstreamSettings) -> Vec<String> {
    let both = old.endpoints.iter().filter_map(|before| {
        let now = new.endpoints.iter().find(|now| now.name == before.name)?;
        (now.weight != before.weight).then(|| format!("weight of {}: {} → {}", now.name, before.weight, now.weight))
    });
    both.collect()
}

fn without_endpoints(settings: &UpstreamSettings) -> UpstreamSettings {
    UpstreamSettings { endpoints: Vec::new(), ..settings.clone() }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Added(subject) => write!(f, "{subject} added"),
            Self::Removed(subject) => write!(f, "{subject} removed"),
            Self::Changed(subject, values) => {
                write!(f, "{subject} changed")?;
                if *subject == Subject::Workers {
                    f.write_str(", from the next start on")?;
                }
                if values.is_empty() { Ok(()) } else { write!(f, ": {}", values.join("; ")) }
            }
            Self::Moved(subject, from, to) => write!(f, "{subject} has another address: {from} → {to}"),
            Self::Switched(subject, from, to) => write!(f, "{subject} goes to another upstream: {from} → {to}"),
        }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Listener(name) => write!(f, "listener {name}"),
            Self::Route(name) => write!(f, "route {name}"),
            Self::Upstream(name) => write!(f, "upstream {name}"),
            Self::Endpoint(upstream, name) => write!(f, "endpoint {name} of upstream {upstream}"),
            Self::Drain => f.write_str("drain"),
            Self::Log => f.write_str("log"),
            Self::Admin => f.write_str("admin"),
            Self::Watch => f.write_str("watch"),
            Self::Workers => f.write_str("workers"),
        }
    }
}
