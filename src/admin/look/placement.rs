//! `GET /where`: where a WebSocket like this would be placed now, by what, and which endpoints are next. Nothing changes by the question.

use std::net::{IpAddr, Ipv4Addr};
use std::slice;

use http::header::HOST;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri};
use serde::{Deserialize, Serialize};

use crate::admin::command::CommandError;
use crate::balance::{AffinityKey, Policy};
use crate::config::{AffinitySource, ListenerName};
use crate::grammar::{Authority, host_name};
use crate::health::Asked;
use crate::http::affinity::{Searched, affinity_key};
use crate::rules::Subject;
use crate::session::Proxy;
use crate::snapshot::{Branch, Endpoint, Route, Snapshot, Target, Upstream};

/// Where it would be placed.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct WhereAnswer {
    /// The listener that it was looked for at: the first that leads to a route, where none is named.
    pub listener: String,
    /// The route that it takes.
    pub route: String,
    /// Its upstream; `None` where the route answers by itself, or shares clients at random.
    pub upstream: Option<String>,
    /// What of it decides, such as `header:x-user`; `None` where nothing does.
    pub key: Option<String>,
    /// In words, why it is as it is.
    pub why: String,
    /// The endpoints, best first where a key decides: ten at the most. None where nobody takes newcomers.
    pub endpoints: Vec<WhereEndpoint>,
}

/// An endpoint where it may be placed.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct WhereEndpoint {
    /// `UPSTREAM/NAME`.
    pub endpoint: String,
    /// Where it is.
    pub address: String,
    /// Its open tunnels of this process.
    pub tunnels: usize,
}

/// A request that nobody has sent.
#[derive(Debug)]
struct Imagined {
    listener: Option<ListenerName>,
    uri: Uri,
    host: String,
    headers: HeaderMap,
    client: Option<IpAddr>,
}

/// Where a request would be placed that the query describes.
pub(in crate::admin) fn placement(proxy: &Proxy, query: &str) -> Result<WhereAnswer, CommandError> {
    let imagined = Imagined::parse(query).map_err(CommandError::Nonsense)?;
    let snapshot = proxy.snapshot();
    if let Some(listener) = imagined.listener.as_ref().filter(|name| !snapshot.listeners().contains_key(*name)) {
        return Err(CommandError::Unknown(format!("there is no listener {listener}: /listeners has them all")));
    }
    let (listener, route) = imagined.route(&snapshot).ok_or_else(|| {
        let asked = format!("{}{}", imagined.host, imagined.uri.path());
        let hint = if imagined.host.is_empty() { "; say which host it asks, where routes have hosts" } else { "" };
        CommandError::Unknown(format!("no route takes {asked:?}: it would read 404{hint}"))
    })?;
    let answer = WhereAnswer {
        listener: listener.to_string(),
        route: route.settings.name.to_string(),
        upstream: None,
        key: None,
        why: String::new(),
        endpoints: Vec::new(),
    };
    let branches = match &route.target {
        Target::Upstreams(branches) => branches,
        Target::Redirect(_) => return Ok(WhereAnswer { why: "the route redirects".into(), ..answer }),
        Target::Respond(..) => return Ok(WhereAnswer { why: "the route answers by itself".into(), ..answer }),
    };
    let first = branches.iter().next().map(|branch| imagined.key_of(&branch.upstream)).transpose()?.flatten();
    let branch: Option<&Branch> = match (branches.only(), &first) {
        (Some(only), _) => Some(&**only),
        (None, Some((key, _))) => branches.share_of(Some(*key)).map(|branch| &**branch),
        (None, None) => None,
    };
    let Some(branch) = branch else {
        let why = "the route shares its clients among several upstreams, and nothing in the request decides: any by its weight";
        return Ok(WhereAnswer { why: why.into(), ..answer });
    };
    imagined.placed_in(&branch.upstream, answer)
}

impl Imagined {
    fn parse(query: &str) -> Result<Self, String> {
        let mut read = Self {
            listener: None,
            uri: Uri::from_static("/"),
            host: String::new(),
            headers: HeaderMap::new(),
            client: None,
        };
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            match &*name {
                "listener" => read.listener = Some((&*value).into()),
                "path" if value.starts_with('/') => {
                    read.uri = value.parse().map_err(|_| "path: write a path, such as /ws?room=1".to_owned())?;
                }
                "host" => {
                    let authority = Authority::parse(&value).ok_or("host: write a name or an address")?;
                    read.host = host_name(authority.host).into_owned();
                    read.headers.insert(HOST, HeaderValue::from_str(&value).map_err(|_| "host: write a name")?);
                }
                "client" => read.client = Some(value.parse().map_err(|_| "client: write an address")?),
                "header" => {
                    let (name, value) = value.split_once('=').ok_or(HEADER)?;
                    let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| HEADER)?;
                    read.headers.append(name, HeaderValue::from_str(value).map_err(|_| HEADER)?);
                }
                "path" => return Err("path: it begins with /".into()),
                _ => return Err(format!("there is no {name}: there is listener, host, path, client and header")),
            }
        }
        Ok(read)
    }

    fn route<'s>(&self, snapshot: &'s Snapshot) -> Option<(&'s ListenerName, &'s Route)> {
        let wanted = |name: &ListenerName| self.listener.as_ref().is_none_or(|listener| listener == name);
        let asked = Subject { method: &Method::GET, headers: &self.headers, query: self.uri.query() };
        let found =
            |name: &'s ListenerName| Some((name, &**snapshot.table.find(name, &self.host, self.uri.path(), asked)?));
        snapshot.listeners().keys().filter(|name| wanted(name)).find_map(found)
    }

    /// Its key in this upstream, and what that is made of.
    fn key_of(&self, upstream: &Upstream) -> Result<Option<(AffinityKey, String)>, CommandError> {
        let (uri, headers) = (&self.uri, &self.headers);
        let client = self.client.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
        let searched = Searched { uri, headers, client, certificate: None, permission: None };
        for source in &upstream.settings.sticky_on {
            if matches!(source, AffinitySource::ClientIp) && self.client.is_none() {
                let why = "the address of its client decides (client_ip): say it, by --client ADDRESS, or `client` in the request";
                return Err(CommandError::Nonsense(why.into()));
            }
            if let Some(key) = affinity_key(slice::from_ref(source), &searched) {
                return Ok(Some((key, name_of(source))));
            }
        }
        Ok(None)
    }

    fn placed_in(&self, upstream: &Upstream, answer: WhereAnswer) -> Result<WhereAnswer, CommandError> {
        let named = |endpoint: &Endpoint| WhereEndpoint {
            endpoint: format!("{}/{}", upstream.settings.name, endpoint.name),
            address: endpoint.address.to_string(),
            tunnels: endpoint.tunnels(),
        };
        let answer = WhereAnswer { upstream: Some(upstream.settings.name.to_string()), ..answer };
        let key = if upstream.settings.policy == Policy::Sticky { self.key_of(upstream)? } else { None };
        let order = key.as_ref().and_then(|(key, _)| upstream.order_for(*key, MOST));
        if let (Some((_, key)), Some(order)) = (key, order) {
            let why = "its key decides, but for a pin cookie, which comes before it, and what the request's token says"
                .into();
            let endpoints = order.iter().map(|endpoint| named(endpoint)).collect();
            return Ok(WhereAnswer { key: Some(key), why, endpoints, ..answer });
        }
        let eligibility = upstream.eligibility(Asked::Upgrade);
        let open = upstream.endpoints().iter().filter(|endpoint| eligibility.takes(endpoint));
        let endpoints = open.take(MOST).map(|endpoint| named(endpoint)).collect();
        let why = match upstream.settings.policy {
            Policy::Sticky => "it has nothing of sticky_on: any of these by least_tunnels",
            Policy::LeastTunnels => "any of these by least_tunnels",
            Policy::LeastBusy => "any of these by least_busy",
            Policy::RoundRobin => "one of these after the other",
            Policy::Random => "any of these",
        };
        Ok(WhereAnswer { why: why.into(), endpoints, ..answer })
    }
}

fn name_of(source: &AffinitySource) -> String {
    match source {
        AffinitySource::Header(name) => format!("header:{name}"),
        AffinitySource::Cookie(name) => format!("cookie:{}", name.as_str()),
        AffinitySource::Query(name) => format!("query:{name}"),
        AffinitySource::PathSegment(number) => format!("path:{number}"),
        AffinitySource::Claim(name) => format!("claim:{name}"),
        AffinitySource::Host => "host".into(),
        AffinitySource::ClientIp => "client_ip".into(),
        AffinitySource::ClientCertificate => "client_certificate".into(),
    }
}

const HEADER: &str = "header: write NAME=VALUE, such as x-user=ada";

/// How many endpoints are told.
const MOST: usize = 10;
