//! From settings to a snapshot, carrying over from the previous one what is still the same.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::endpoint::Endpoint;
use super::file_contents::FileContents;
use super::listener::Listener;
use super::pin_tokens::PinTokens;
use super::route::Route;
use super::routes::{RouteTable, Rule};
use super::upstream::Upstream;
use crate::config::{EndpointSettings, ListenerName, RouteName, Settings, UpstreamName, UpstreamSettings};
use crate::drain::{Incarnation, LifeToken};
use crate::queue::Places;
use crate::tls::TicketKeys;

/// Everything a request may consult.
#[derive(Debug)]
pub struct Snapshot {
    /// Counts the configurations that were published; a reload that changes nothing is none, a handoff is one.
    pub generation: u64,
    /// What it was made of.
    pub settings: Arc<Settings>,
    /// The routes, ready to be searched.
    pub table: RouteTable<Arc<Route>>,
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
                let tokens = PinTokens::new(upstream, contents.pin_secrets.get(name));
                (name.clone(), Arc::new(incarnations.upstream(upstream, tokens, old)))
            })
            .collect();
        let routes: BTreeMap<_, _> = settings
            .routes
            .iter()
            .filter_map(|(name, route)| {
                // On another upstream it begins a new life: moved there and back again, it is not the one that is drained.
                let old = previous.and_then(|previous| previous.routes.get(name));
                let same = old.filter(|old| old.settings.upstream == route.upstream);
                let life = incarnations.keep(same.map(|same| &same.life));
                // `config` has refused a route whose upstream is missing.
                let upstream = Arc::clone(upstreams.get(&route.upstream)?);
                let same = same.map(Arc::as_ref);
                Some((name.clone(), Arc::new(Route::new(Arc::clone(route), life, upstream, same))))
            })
            .collect();
        let table = RouteTable::new(routes.values().map(|route| (Rule::from(&*route.settings), Arc::clone(route))));
        let generation = previous.map_or(1, |previous| previous.generation + 1);
        Self { generation, settings, table, listeners, routes, upstreams, last: incarnations.last }
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

    fn upstream(&mut self, settings: &Arc<UpstreamSettings>, tokens: PinTokens, old: Option<&Upstream>) -> Upstream {
        let life = self.keep(old.map(|old| &old.life));
        let places = old.map(|old| Arc::clone(&old.places)).unwrap_or_default();
        let endpoints =
            settings.endpoints.iter().map(|endpoint| self.endpoint(&settings.name, endpoint, &places, old)).collect();
        Upstream::new(Arc::clone(settings), life, places, endpoints, tokens, old)
    }

    /// An endpoint is the same while its name and its address are; its weight may change under it.
    fn endpoint(
        &mut self,
        upstream: &UpstreamName,
        settings: &EndpointSettings,
        places: &Arc<Places>,
        old: Option<&Upstream>,
    ) -> Arc<Endpoint> {
        let same = |old: &&Arc<Endpoint>| old.name == settings.name && old.address == settings.address;
        match old.and_then(|old| old.endpoints().iter().find(same)) {
            Some(same) => Arc::clone(same),
            None => {
                let new = Endpoint::new(upstream, settings, self.keep(None), Arc::clone(places));
                if old.is_some() {
                    new.note_arrival();
                }
                Arc::new(new)
            }
        }
    }
}
