//! What must hold of the route that any host and path find. `tests/corpus.rs` calls it too.

use http::{HeaderMap, Method};
use windlass::config::{HostPattern, ListenerName, has_dot_segments};
use windlass::grammar::{Authority, host_name};
use windlass::rules::Subject;
use windlass::snapshot::{RouteTable, Rule};

/// A route that somebody has written.
struct Written<'a> {
    hosts: Vec<HostPattern>,
    path: &'a str,
}

/// The most specific route is found, whatever the order; and a host that can be read is the same however its port is written.
///
/// Each line is a host and a path with a space between them, the first the request's.
pub fn routes(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else { return };
    let mut lines = text.lines().take(32).filter_map(|line| line.split_once(' '));
    let Some((host, path)) = lines.next() else { return };
    let written: Vec<_> = lines.filter_map(|(host, path)| Written::of(host, path)).collect();
    let listener = ListenerName::from("public");
    let table =
        |routes: &[(usize, &Written<'_>)]| RouteTable::new(routes.iter().map(|(index, route)| (route.rule(), *index)));
    let mut routes: Vec<_> = written.iter().enumerate().collect();
    let in_order = table(&routes);
    routes.reverse();
    let backwards = table(&routes);
    let host = Authority::parse(host).map_or(host, |authority| authority.host);
    let rank = |index: &usize| written.get(*index).and_then(|route| route.rank(&host_name(host), path));
    let (method, headers) = (Method::GET, HeaderMap::new());
    let request = Subject { method: &method, headers: &headers, query: None };
    let found = in_order.find(&listener, host, path, request);
    assert_eq!(found.and_then(rank), written.iter().filter_map(|route| route.rank(&host_name(host), path)).max());
    assert_eq!(backwards.find(&listener, host, path, request).and_then(rank), found.and_then(rank));
    // What is no path with dots in it is not made one by its end.
    assert!(
        has_dot_segments(&format!("{path}/..")) && (has_dot_segments(path) || !has_dot_segments(&format!("{path}/a")))
    );
    if let Some(authority) = Authority::parse(host) {
        let with_port = format!("{}:443", authority.host);
        assert_eq!(Authority::parse(&with_port).map(|again| again.host), Some(authority.host));
    }
}

impl<'a> Written<'a> {
    /// A route as the configuration lets it be written: hosts in lower case, a path that ends with no slash.
    fn of(host: &str, path: &'a str) -> Option<Self> {
        let host = host.to_ascii_lowercase();
        let hosts = match host.strip_prefix("*.") {
            Some(suffix) => vec![HostPattern::Wildcard(suffix.to_owned())],
            None if host.is_empty() => Vec::new(),
            None => vec![HostPattern::Exact(host)],
        };
        let is_path = path.starts_with('/') && (path == "/" || !path.ends_with('/'));
        is_path.then_some(Self { hosts, path })
    }

    fn rule(&self) -> Rule<'_> {
        Rule { hosts: &self.hosts, listeners: &[], path: self.path, conditions: None }
    }

    /// How specific it is for a request, if it serves that: by its host, then by its path.
    fn rank(&self, host: &str, path: &str) -> Option<(usize, usize)> {
        let by_host = match self.hosts.first() {
            None => 0,
            Some(HostPattern::Exact(name)) => (name == host).then_some(usize::MAX)?,
            Some(HostPattern::Wildcard(suffix)) => {
                let label = host.strip_suffix(suffix.as_str())?.strip_suffix('.')?;
                (!label.is_empty()).then_some(suffix.len() + 1)?
            }
        };
        let behind = path.strip_prefix(self.path)?;
        let is_on_border = self.path == "/" || behind.is_empty() || behind.starts_with('/');
        is_on_border.then_some((by_host, self.path.len()))
    }
}
