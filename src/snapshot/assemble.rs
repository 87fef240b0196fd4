//! From settings to a snapshot, carrying over from the previous one what is still the same.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;

use super::admin_contents::AdminContents;
use super::auth_server::AuthServer;
use super::branch::{Branch, Branches};
use super::collector::Collector;
use super::doors::{Doors, TokenKeys, passwords};
use super::endpoint::Endpoint;
use super::file_contents::FileContents;
use super::in_order::in_order;
use super::key_source::KeySource;
use super::listener::Listener;
use super::pin_tokens::PinTokens;
use super::route::Route;
use super::routes::{RouteTable, Rule};
use super::spellings::Spellings;
use super::target::Target;
use super::upstream::Upstream;
use crate::config::{
    BranchSettings, Destination, EndpointSettings, ErrorPageSettings, ListenerName, RespondBody, RouteName,
    RouteSettings, Settings, UpstreamName, UpstreamSettings,
};
use crate::drain::{Incarnation, LifeToken};
use crate::queue::Places;
use crate::rules::{ErrorPage, ErrorPages};
use crate::tls::{EndpointCredentials, TicketKeys};

/// Everything a request may consult.
#[derive(Debug)]
pub struct Snapshot {
    /// Counts the configurations that were published; a reload that changes nothing is none, a handoff is one.
    pub generation: u64,
    /// What it was made of.
    pub settings: Arc<Settings>,
    /// The routes, ready to be searched.
    pub table: RouteTable<Arc<Route>>,
    /// The same, as endpoints may spell what they read.
    pub spellings: Spellings<Arc<Route>>,
    /// What refusals say, where no route says it.
    pub error_pages: Arc<ErrorPages>,
    /// What is read for each admin listener, in their order.
    pub admin: Vec<AdminContents>,
    /// Who takes traces; `None`: nobody.
    pub collector: Option<Arc<Collector>>,
    listeners: BTreeMap<ListenerName, Arc<Listener>>,
    routes: BTreeMap<RouteName, Arc<Route>>,
    upstreams: BTreeMap<UpstreamName, Arc<Upstream>>,
    /// The last incarnation that was given out.
    last: u64,
}

impl Snapshot {
    /// The snapshot that `settings` mean. Nothing in here can fail: they were checked, and the files that they name are read.
    pub fn assemble(
        settings: Arc<Settings>,
        mut contents: FileContents,
        tickets: &TicketKeys,
        previous: Option<&Self>,
    ) -> Self {
        let mut incarnations = Incarnations { last: previous.map_or(0, |previous| previous.last) };
        let listeners: BTreeMap<_, _> = settings
            .listeners
            .iter()
            .map(|(name, listener)| {
                let old = previous.and_then(|previous| previous.listeners.get(name)).map(Arc::as_ref);
                let life = incarnations.keep(old.map(|old| &old.life));
                let credentials = contents.credentials.remove(name);
                (name.clone(), Arc::new(Listener::new(Arc::clone(listener), life, credentials, old, tickets)))
            })
            .collect();
        let upstreams: BTreeMap<_, _> = settings
            .upstreams
            .iter()
            .map(|(name, upstream)| {
                let old = previous.and_then(|previous| previous.upstreams.get(name)).map(Arc::as_ref);
                let secrets = contents.pin_secrets.remove(name).map(Arc::new);
                let before = old.map(|old| (&old.tokens, &*old.settings.endpoints));
                let tokens = PinTokens::new(upstream, secrets, before);
                let credentials = contents.endpoint_credentials.remove(name);
                assert_eq!(
                    credentials.is_some(),
                    upstream.tls.is_some(),
                    "what TLS asks for is read, and nothing else"
                );
                (name.clone(), Arc::new(incarnations.upstream(upstream, (tokens, credentials), old)))
            })
            .collect();
        let routes: BTreeMap<_, _> = settings
            .routes
            .iter()
            .filter_map(|(name, route)| {
                let old = previous.and_then(|previous| previous.routes.get(name)).map(Arc::as_ref);
                // `config` has refused a route whose upstream is missing.
                let target = incarnations.target(&route.destination, (&upstreams, &contents.answers), old)?;
                let doors = incarnations.doors(route, &mut contents, old.map(|old| &old.doors));
                let pages = pages_of(&route.error_pages, &contents.answers);
                Some((name.clone(), Arc::new(Route::new(Arc::clone(route), target, (doors, pages), old))))
            })
            .collect();
        let (table, spellings) = (RouteTable::new(rules(&routes)), Spellings::new(rules(&routes)));
        let generation = previous.map_or(1, |previous| previous.generation + 1);
        let error_pages = Arc::new(pages_of(&settings.error_pages, &contents.answers));
        let collector = settings.traces.as_ref().map(|traces| {
            let before = previous.and_then(|previous| previous.collector.as_ref());
            Collector::new(traces, contents.collector.unwrap_or_default(), || incarnations.keep(None), before)
        });
        let last = incarnations.last;
        let admin = contents.admin;
        Self {
            generation,
            settings,
            table,
            spellings,
            error_pages,
            admin,
            collector,
            listeners,
            routes,
            upstreams,
            last,
        }
    }

    /// The same configuration, where the source of this upstream names other endpoints, in the order of their names. `None` where
    /// there is no such upstream.
    pub fn with_endpoints(&self, upstream: &UpstreamName, endpoints: Vec<EndpointSettings>) -> Option<Self> {
        let old = self.upstreams.get(upstream)?;
        let upstream_settings = Arc::new(UpstreamSettings { endpoints, ..(*old.settings).clone() });
        let mut settings = (*self.settings).clone();
        settings.upstreams.insert(upstream.clone(), Arc::clone(&upstream_settings));
        let mut incarnations = Incarnations { last: self.last };
        let endpoints = incarnations.endpoints(&upstream_settings, &old.places, Some(old));
        let new = Arc::new(old.with_endpoints(upstream_settings, endpoints));
        let mut upstreams = self.upstreams.clone();
        upstreams.insert(upstream.clone(), Arc::clone(&new));
        let mut routes = self.routes.clone();
        for route in routes.values_mut().filter(|route| route.settings.destination.leads_to(upstream)) {
            // What leads to an upstream answers with no file.
            let target =
                incarnations.target(&route.settings.destination, (&upstreams, &BTreeMap::new()), Some(route))?;
            let kept = (route.doors.clone(), route.error_pages.clone());
            *route = Arc::new(Route::new(Arc::clone(&route.settings), target, kept, Some(route)));
        }
        Some(Self {
            generation: self.generation,
            settings: Arc::new(settings),
            table: RouteTable::new(rules(&routes)),
            spellings: Spellings::new(rules(&routes)),
            error_pages: Arc::clone(&self.error_pages),
            admin: self.admin.clone(),
            collector: self.collector.clone(),
            listeners: self.listeners.clone(),
            routes,
            upstreams,
            last: incarnations.last,
        })
    }

    /// Every listener by name.
    pub fn listeners(&self) -> &BTreeMap<ListenerName, Arc<Listener>> {
        &self.listeners
    }

    /// Every route by name.
    pub fn routes(&self) -> &BTreeMap<RouteName, Arc<Route>> {
        &self.routes
    }

    /// Every upstream by name.
    pub fn upstreams(&self) -> &BTreeMap<UpstreamName, Arc<Upstream>> {
        &self.upstreams
    }

    /// Every server that is asked on behalf of a route: who may enter, or for keys.
    pub fn auth_servers(&self) -> impl Iterator<Item = &Arc<AuthServer>> {
        let of_keys = self.key_sources().map(|(_, source)| &source.server);
        let of_traces = self.collector.iter().map(|collector| &collector.server);
        self.routes.values().filter_map(|route| route.doors.auth_server.as_ref()).chain(of_keys).chain(of_traces)
    }

    /// Every source that the keys of a route are fetched from.
    pub fn key_sources(&self) -> impl Iterator<Item = (&Route, &Arc<KeySource>)> {
        self.routes.values().filter_map(|route| match &route.doors.keys {
            Some(TokenKeys::Fetched(source)) => Some((&**route, source)),
            Some(TokenKeys::Read(_)) | None => None,
        })
    }

    /// Every endpoint of every upstream.
    pub fn endpoints(&self) -> impl Iterator<Item = &Arc<Endpoint>> {
        self.upstreams.values().flat_map(|upstream| upstream.endpoints())
    }
}

/// Gives out incarnations that were never used before.
struct Incarnations {
    last: u64,
}

impl Incarnations {
    fn keep(&mut self, old: Option<&LifeToken>) -> LifeToken {
        old.cloned().unwrap_or_else(|| {
            self.last += 1;
            LifeToken::new(Incarnation(self.last))
        })
    }

    /// What a route asks those by who want to enter; what it was under `old` goes on where it is the same.
    fn doors(&mut self, route: &RouteSettings, contents: &mut FileContents, old: Option<&Doors>) -> Doors {
        let (file, read) = (contents.passwords.remove(&route.name), contents.keys.remove(&route.name));
        let in_a_file = route.access.jwt.as_ref().and_then(|jwt| jwt.keys.file());
        assert_eq!(
            (file.is_some(), read.is_some()),
            (route.access.basic_auth.is_some(), in_a_file.is_some()),
            "the passwords and the keys that are asked for are read, and no others"
        );
        let credentials = contents.auth_credentials.remove(&route.name);
        let auth_server = route.access.authorize.as_ref().map(|authorize| {
            let asked_before = old.and_then(|old| old.auth_server.as_ref());
            let address = &authorize.url.address;
            AuthServer::new(address, authorize.at_once, credentials, || self.keep(None), asked_before)
        });
        let fetched = route.access.jwt.as_ref().and_then(|jwt| jwt.keys.fetched()).map(|keys| {
            let before = match old.and_then(|old| old.keys.as_ref()) {
                Some(TokenKeys::Fetched(before)) => Some(before),
                Some(TokenKeys::Read(_)) | None => None,
            };
            let credentials = contents.keys_credentials.remove(&route.name);
            TokenKeys::Fetched(KeySource::new(keys, credentials, || self.keep(None), before))
        });
        Doors {
            turnstile: old.map(|old| Arc::clone(&old.turnstile)).unwrap_or_default(),
            passwords: file.map(|file| passwords(file, old)),
            keys: read.map(|keys| TokenKeys::Read(Arc::new(keys))).or(fetched),
            auth_server,
        }
    }

    /// A route begins a new life at an upstream that it did not lead to: what is taken away and comes back is not what is drained.
    fn target(
        &mut self,
        destination: &Destination,
        (upstreams, answers): (&BTreeMap<UpstreamName, Arc<Upstream>>, &BTreeMap<PathBuf, Bytes>),
        old: Option<&Route>,
    ) -> Option<Target> {
        let branch = |BranchSettings { upstream, weight }: &BranchSettings| {
            let old = old.and_then(|old| old.target.to(upstream));
            let life = self.keep(old.map(|old| &old.life));
            Some(Arc::new(Branch { upstream: Arc::clone(upstreams.get(upstream)?), weight: *weight, life }))
        };
        match destination {
            Destination::Upstreams(branches) => {
                Branches::new(branches.iter().map(branch).collect::<Option<_>>()?).map(Target::Upstreams)
            }
            Destination::Redirect(redirect) => Some(Target::Redirect(redirect.clone())),
            Destination::Respond(respond) => {
                Some(Target::Respond(Arc::clone(respond), body_of(&respond.body, answers)))
            }
        }
    }

    fn upstream(
        &mut self,
        settings: &Arc<UpstreamSettings>,
        (tokens, credentials): (PinTokens, Option<EndpointCredentials>),
        old: Option<&Upstream>,
    ) -> Upstream {
        let life = self.keep(old.map(|old| &old.life));
        let places = old.map(|old| Arc::clone(&old.places)).unwrap_or_default();
        let endpoints = self.endpoints(settings, &places, old);
        let tls = credentials.map(|credentials| Upstream::tls_with(credentials, old));
        Upstream::new(Arc::clone(settings), life, places, endpoints, (tokens, tls), old)
    }

    /// An endpoint is the same while its name and its address are; its weight and its role may change under it.
    fn endpoints(
        &mut self,
        settings: &UpstreamSettings,
        places: &Arc<Places>,
        old: Option<&Upstream>,
    ) -> Vec<Arc<Endpoint>> {
        let before = old.map(Upstream::endpoints).unwrap_or_default();
        let mut find = in_order(before, |endpoint| &endpoint.name);
        let endpoint = |settings_of: &EndpointSettings| {
            let named = find(&settings_of.name).and_then(|at| before.get(at));
            if let Some(same) = named.filter(|old| old.address == settings_of.address) {
                return Arc::clone(same);
            }
            let new = Endpoint::new(&settings.name, settings_of, self.keep(None), Arc::clone(places));
            if old.is_some() {
                new.note_arrival();
            }
            Arc::new(new)
        };
        settings.endpoints.iter().map(endpoint).collect()
    }
}

/// The body of an answer; those that stand in files are read.
fn body_of(body: &RespondBody, answers: &BTreeMap<PathBuf, Bytes>) -> Bytes {
    match body {
        RespondBody::Text(text) => Bytes::from(text.clone()),
        RespondBody::File(file) => answers.get(&file.path).cloned().unwrap_or_default(),
    }
}

/// What refusals say; of files, what was read of them.
fn pages_of(settings: &[ErrorPageSettings], answers: &BTreeMap<PathBuf, Bytes>) -> ErrorPages {
    ErrorPages::new(
        settings
            .iter()
            .map(|page| (page.status, ErrorPage::new(page.content_type.clone(), &body_of(&page.body, answers)))),
    )
}

/// What each route is for, and the route.
fn rules(routes: &BTreeMap<RouteName, Arc<Route>>) -> impl Iterator<Item = (Rule<'_>, Arc<Route>)> {
    routes.values().map(|route| (Rule::from(&*route.settings), Arc::clone(route)))
}
