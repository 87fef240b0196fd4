//! Which route a request takes: the most specific one that it matches.
//!
//! An exact host beats a wildcard, a longer wildcard a shorter one, and any of them no host at all. Among equals the
//! longest path prefix wins, then a route that names the listener, then one that names methods, then the one that asks more of headers,
//! then of the query. The order of the file never matters.
//!
//! Paths are compared as they were sent. `..`, `%2e` and `//` are not resolved: endpoints do not agree on what they mean,
//! and the path that was matched must be the path that is forwarded. What an endpoint may take for another path is refused
//! after its route was found (`config::dot_segments`, `spellings`).

use std::collections::HashMap;

use crate::config::{HostPattern, ListenerName, RouteSettings};
use crate::grammar::host_name;
use crate::rules::{Conditions, Subject, Tested};

/// The requests that a route is for.
#[derive(Clone, Copy, Debug)]
pub struct Rule<'a> {
    /// The hosts; none means every host.
    pub hosts: &'a [HostPattern],
    /// The listeners; none means all of them.
    pub listeners: &'a [ListenerName],
    /// The path prefix: starts with `/`, ends with none unless it is all there is.
    pub path: &'a str,
    /// What else a request must be.
    pub conditions: Option<&'a Conditions>,
}

impl<'a> From<&'a RouteSettings> for Rule<'a> {
    fn from(route: &'a RouteSettings) -> Self {
        Self {
            hosts: &route.hosts,
            listeners: &route.listeners,
            path: &route.path,
            conditions: Some(&route.rules.conditions),
        }
    }
}

/// Finds the route of a request. `T` is whatever stands for a route.
#[derive(Clone, Debug)]
pub struct RouteTable<T> {
    targets: Vec<T>,
    exact: HashMap<String, Paths>,
    /// By what follows the `*.`.
    wildcard: HashMap<String, Paths>,
    any: Paths,
}

impl<T> RouteTable<T> {
    /// A table of `routes`. Of two with the same host, path, listeners and as many conditions the first is used.
    pub fn new<'a>(routes: impl IntoIterator<Item = (Rule<'a>, T)>) -> Self {
        let mut table =
            Self { targets: Vec::new(), exact: HashMap::new(), wildcard: HashMap::new(), any: Paths::default() };
        for (rule, target) in routes {
            table.add(rule, target);
        }
        table
    }

    fn add(&mut self, rule: Rule<'_>, target: T) {
        let target_index = self.targets.len();
        self.targets.push(target);
        if rule.hosts.is_empty() {
            self.any.add(&rule, target_index);
        }
        for host in rule.hosts {
            let paths = match host {
                HostPattern::Exact(name) => self.exact.entry(name.clone()).or_default(),
                HostPattern::Wildcard(suffix) => self.wildcard.entry(suffix.clone()).or_default(),
            };
            paths.add(&rule, target_index);
        }
    }

    /// The route of a request for `path` at `host`, which may be in any case, through `listener`.
    pub fn find(&self, listener: &ListenerName, host: &str, path: &str, request: Subject<'_>) -> Option<&T> {
        let name = host_name(host);
        let exact = self.exact.get(name.as_ref()).into_iter();
        let wildcard = suffixes(&name).filter_map(|suffix| self.wildcard.get(suffix));
        let index = exact.chain(wildcard).chain([&self.any]).find_map(|paths| paths.find(listener, path, request))?;
        self.targets.get(index)
    }
}

/// The routes of one host pattern.
#[derive(Clone, Debug, Default)]
struct Paths {
    by_prefix: HashMap<String, Vec<Entry>>,
    /// No longer prefix needs to be looked up; a path of a thousand slashes costs no thousand lookups.
    longest: usize,
}

impl Paths {
    fn add(&mut self, rule: &Rule<'_>, target: usize) {
        self.longest = self.longest.max(rule.path.len());
        let conditions = rule.conditions.filter(|it| !it.is_empty()).cloned().map(Box::new);
        let entry = Entry { listeners: rule.listeners.to_vec(), conditions, target };
        let entries = self.by_prefix.entry(rule.path.to_owned()).or_default();
        let behind = entries.partition_point(|earlier| earlier.rank() >= entry.rank());
        entries.insert(behind, entry);
    }

    fn find(&self, listener: &ListenerName, path: &str, request: Subject<'_>) -> Option<usize> {
        prefixes(path)
            .filter(|prefix| prefix.len() <= self.longest)
            .filter_map(|prefix| self.by_prefix.get(prefix))
            .find_map(|entries| entries.iter().find(|entry| entry.is_for(listener, request)))
            .map(|entry| entry.target)
    }
}

/// One route under one host pattern and path.
#[derive(Clone, Debug)]
struct Entry {
    listeners: Vec<ListenerName>,
    /// None for the many that have none: they pay nothing.
    conditions: Option<Box<Conditions>>,
    target: usize,
}

impl Entry {
    fn is_for(&self, listener: &ListenerName, request: Subject<'_>) -> bool {
        (self.listeners.is_empty() || self.listeners.contains(listener))
            && self.conditions.as_ref().is_none_or(|conditions| conditions.hold(request))
    }

    /// Of those that are for a request, the highest takes it.
    fn rank(&self) -> (bool, Tested) {
        (!self.listeners.is_empty(), self.conditions.as_ref().map(|it| it.tested()).unwrap_or_default())
    }
}

/// What follows each dot of `name` that has something before it, longest first.
fn suffixes(name: &str) -> impl Iterator<Item = &str> {
    name.match_indices('.').filter(|&(at, _)| at > 0).filter_map(|(at, _)| name.get(at + 1..))
}

/// `path` and what stands before each of its slashes, longest first; `/` is the last.
fn prefixes(path: &str) -> impl Iterator<Item = &str> {
    let cut = path.rmatch_indices('/').filter(|&(at, _)| at > 0).filter_map(|(at, _)| path.get(..at));
    let root = path.starts_with('/').then_some("/");
    std::iter::once(path).chain(cut).chain(root)
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderName, HeaderValue, Method};
    use proptest::prelude::*;
    use proptest::sample::select;

    use super::*;
    use crate::grammar::Authority;
    use crate::rules::Required;

    /// A rule that owns its parts.
    #[derive(Clone, Debug)]
    struct Owned {
        hosts: Vec<HostPattern>,
        listeners: Vec<ListenerName>,
        path: String,
        conditions: Conditions,
    }

    impl Owned {
        fn new(hosts: &[&str], path: &str) -> Self {
            let hosts = hosts.iter().map(|host| pattern(host)).collect();
            Self { hosts, listeners: vec![], path: path.into(), conditions: Conditions::default() }
        }

        fn through(mut self, listener: &str) -> Self {
            self.listeners.push(listener.into());
            self
        }

        fn rule(&self) -> Rule<'_> {
            Rule {
                hosts: &self.hosts,
                listeners: &self.listeners,
                path: &self.path,
                conditions: Some(&self.conditions),
            }
        }
    }

    fn pattern(host: &str) -> HostPattern {
        match host.strip_prefix("*.") {
            Some(suffix) => HostPattern::Wildcard(suffix.into()),
            None => HostPattern::Exact(host.into()),
        }
    }

    fn table(rules: &[Owned]) -> RouteTable<usize> {
        RouteTable::new(rules.iter().enumerate().map(|(index, rule)| (rule.rule(), index)))
    }

    fn find(table: &RouteTable<usize>, listener: &str, host: &str, path: &str) -> Option<usize> {
        let host = Authority::parse(host).map_or(host, |authority| authority.host);
        let (method, headers) = (Method::GET, HeaderMap::new());
        table.find(&listener.into(), host, path, Subject { method: &method, headers: &headers, query: None }).copied()
    }

    #[test]
    fn who_asks_more_of_a_request_goes_first_and_methods_before_headers_before_the_query() {
        let header = |name| (HeaderName::from_static(name), Required::Present);
        let key = |name: &str| (name.to_owned(), Required::Present);
        let ranked = [
            Conditions::default(),
            Conditions { query: vec![key("a")], ..Conditions::default() },
            Conditions { query: vec![key("a"), key("b")], ..Conditions::default() },
            Conditions { headers: vec![header("a")], ..Conditions::default() },
            Conditions { headers: vec![header("a")], query: vec![key("a")], ..Conditions::default() },
            Conditions { headers: vec![header("a"), header("b")], ..Conditions::default() },
            Conditions { methods: vec![Method::GET], ..Conditions::default() },
            Conditions { methods: vec![Method::GET], query: vec![key("b")], ..Conditions::default() },
        ];
        let (method, query) = (Method::GET, Some("a&b"));
        let headers =
            ["a", "b"].map(|name| (HeaderName::from_static(name), HeaderValue::from_static(""))).into_iter().collect();
        for first in 0..ranked.len() {
            for second in 0..ranked.len() {
                let rules = [first, second].map(|at| Owned { conditions: ranked[at].clone(), ..Owned::new(&[], "/") });
                let found = table(&rules)
                    .find(&"public".into(), "a", "/", Subject { method: &method, headers: &headers, query })
                    .copied();
                assert_eq!(found.map(|at| [first, second][at]), Some(first.max(second)));
            }
        }
        let only = table(&[Owned { conditions: ranked[3].clone(), ..Owned::new(&["a"], "/x") }, Owned::new(&[], "/")]);
        assert_eq!(find(&only, "public", "a", "/x"), Some(1), "what does not hold leaves the request to the next");
    }

    #[test]
    fn exact_beats_wildcard_beats_every_host() {
        let table = table(&[
            Owned::new(&[], "/"),
            Owned::new(&["*.example.com"], "/"),
            Owned::new(&["*.chat.example.com"], "/"),
            Owned::new(&["a.chat.example.com"], "/"),
        ]);
        for (host, expected) in [
            ("example.com", 0),
            ("example.org", 0),
            ("www.example.com", 1),
            ("chat.example.com", 1),
            ("b.chat.example.com", 2),
            ("x.b.chat.example.com", 2),
            ("a.chat.example.com", 3),
            ("A.Chat.Example.COM.:8443", 3),
            (".example.com", 0),
            ("", 0),
            ("[::1]:8080", 0),
        ] {
            assert_eq!(find(&table, "public", host, "/x"), Some(expected), "{host}");
        }
    }

    #[test]
    fn a_path_prefix_ends_on_a_segment_border() {
        let table = table(&[Owned::new(&[], "/ws"), Owned::new(&[], "/ws/admin")]);
        for (path, expected) in [
            ("/ws", Some(0)),
            ("/ws/", Some(0)),
            ("/ws/x/y", Some(0)),
            ("/wsx", None),
            ("/ws/admin", Some(1)),
            ("/ws/admin/x", Some(1)),
            ("/ws/administrator", Some(0)),
            ("/", None),
            ("*", None),
            ("", None),
            ("/x/../ws", None),
            ("/ws/%61dmin", Some(0)),
        ] {
            assert_eq!(find(&table, "public", "a", path), expected, "{path}");
        }
    }

    #[test]
    fn a_host_without_a_fitting_path_leaves_the_request_to_the_next() {
        let table = table(&[Owned::new(&["a.b"], "/x"), Owned::new(&["*.b"], "/y"), Owned::new(&[], "/")]);
        assert_eq!(find(&table, "public", "a.b", "/x"), Some(0));
        assert_eq!(find(&table, "public", "a.b", "/y"), Some(1));
        assert_eq!(find(&table, "public", "a.b", "/z"), Some(2));
    }

    #[test]
    fn a_route_that_names_the_listener_beats_one_for_all() {
        let table = table(&[
            Owned::new(&[], "/"),
            Owned::new(&[], "/").through("inner"),
            Owned::new(&[], "/x").through("inner"),
        ]);
        assert_eq!(find(&table, "public", "a", "/x"), Some(0));
        assert_eq!(find(&table, "inner", "a", "/"), Some(1));
        assert_eq!(find(&table, "inner", "a", "/x"), Some(2));
    }

    #[test]
    fn an_address_is_a_host_too() {
        let table = table(&[Owned::new(&["[::1]"], "/"), Owned::new(&["192.0.2.1"], "/")]);
        assert_eq!(find(&table, "public", "[::1]", "/"), Some(0));
        assert_eq!(find(&table, "public", "[::1]:80", "/"), Some(0));
        assert_eq!(find(&table, "public", "192.0.2.1:80", "/"), Some(1));
    }

    /// How specific the match is: host, path, listener, conditions. `None` where there is no match.
    fn specificity(
        rule: &Owned,
        listener: &str,
        host: &str,
        path: &str,
        version: &str,
    ) -> Option<(usize, usize, bool, usize)> {
        let by_host = |pattern: &HostPattern| match pattern {
            HostPattern::Exact(name) => (name == host).then_some(usize::MAX),
            HostPattern::Wildcard(suffix) => {
                (host.len() > suffix.len() + 1 && host.ends_with(&format!(".{suffix}"))).then_some(suffix.len())
            }
        };
        let host = if rule.hosts.is_empty() { 0 } else { rule.hosts.iter().filter_map(by_host).max()? };
        let on_border = rule.path == "/" || path == rule.path || path.starts_with(&format!("{}/", rule.path));
        let named = rule.listeners.iter().any(|name| name.as_str() == listener);
        let holds = rule.conditions.headers.iter().all(|(_, required)| *required == Required::Exact(version.into()));
        let asks = rule.conditions.headers.len();
        (on_border && holds && (named || rule.listeners.is_empty())).then_some((host, rule.path.len(), named, asks))
    }

    const VERSION: HeaderName = HeaderName::from_static("x-version");

    fn host() -> impl Strategy<Value = String> {
        prop::collection::vec(select(vec!["a", "b", "c"]), 1..4).prop_map(|labels| labels.join("."))
    }

    fn path() -> impl Strategy<Value = String> {
        prop::collection::vec(select(vec!["a", "b", "ab", ".."]), 0..4)
            .prop_map(|segments| format!("/{}", segments.join("/")))
    }

    fn owned() -> impl Strategy<Value = Owned> {
        let pattern = (any::<bool>(), host())
            .prop_map(|(exact, name)| if exact { HostPattern::Exact(name) } else { HostPattern::Wildcard(name) });
        let listener = select(vec!["one", "two"]).prop_map(ListenerName::from);
        let version = proptest::option::of(select(vec!["1", "2"]));
        (prop::collection::vec(pattern, 0..3), prop::collection::vec(listener, 0..2), path(), version).prop_map(
            |(hosts, listeners, path, version)| {
                let required = version.map(|it| (VERSION, Required::Exact(it.to_owned())));
                let conditions = Conditions { headers: required.into_iter().collect(), ..Conditions::default() };
                Owned { hosts, listeners, path, conditions }
            },
        )
    }

    proptest! {
        #[test]
        fn the_most_specific_wins_whatever_the_order(
            rules in prop::collection::vec(owned(), 0..24).prop_shuffle(),
            host in host(),
            path in path(),
            version in select(vec!["1", "2", "3"]),
        ) {
            let specificity = |rule| specificity(rule, "one", &host, &path, version);
            let expected = rules.iter().filter_map(specificity).max();
            let headers = [(VERSION, HeaderValue::from_static(version))].into_iter().collect();
            let request = Subject { method: &Method::GET, headers: &headers, query: None };
            let found = table(&rules).find(&"one".into(), &host, &path, request).copied();
            prop_assert_eq!(found.and_then(|index| specificity(&rules[index])), expected);
        }

        #[test]
        fn any_host_and_path_find_the_route_for_everything(host in ".*", path in "/.*") {
            prop_assert_eq!(find(&table(&[Owned::new(&[], "/")]), "one", &host, &path), Some(0));
        }
    }
}
