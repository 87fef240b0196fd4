//! The routes that there are so far, and the names and the paths that are taken.

use std::collections::HashSet;

use super::fronts::Front;
use super::location::Location;
use super::servers::Listener;
use super::upstreams::plain_name;
use crate::import::output::{Table, Value};
use crate::import::syntax::Directive;

/// A route, and the blocks that are told of above it.
#[derive(Clone, Debug)]
pub(super) struct Route<'t> {
    pub(super) table: Table,
    pub(super) told: Vec<&'t [Directive]>,
    /// The number of the directive that it is made of, by which they are put in order.
    pub(super) order: usize,
    pub(super) front: Front,
    pub(super) path: String,
}

#[derive(Debug, Default)]
pub(super) struct Routes<'t> {
    pub(super) found: Vec<Route<'t>>,
    names: HashSet<String>,
    /// Host, listener, path.
    claims: HashSet<(String, usize, String)>,
}

impl<'t> Routes<'t> {
    /// Takes `path` at `front`; false where it is taken.
    pub(super) fn claim(&mut self, front: &Front, path: &str) -> bool {
        let claims = claims(front, path);
        if claims.iter().any(|claim| self.claims.contains(claim)) {
            return false;
        }
        self.claims.extend(claims);
        true
    }

    /// Whether nobody has taken `path` of this host, at any listener of `front`.
    pub(super) fn is_free(&self, host: &str, front: &Front, path: &str) -> bool {
        !front.listeners.iter().any(|listener| self.claims.contains(&(host.to_owned(), *listener, path.to_owned())))
    }

    /// Gives back what was taken.
    pub(super) fn unclaim(&mut self, front: &Front, path: &str) {
        for claim in claims(front, path) {
            self.claims.remove(&claim);
        }
    }

    /// A table for requests to `location` at `front`; `suffix` goes with its name.
    pub(super) fn table(
        &mut self,
        front: &Front,
        location: &Location,
        suffix: &str,
        listeners: &[Listener<'_>],
    ) -> Table {
        let name = self.free_name(front, location, suffix);
        let mut table = Table::new("route", &name);
        if !front.hosts.is_empty() {
            table.put("hosts", Value::texts(front.hosts.clone()));
        }
        if front.listeners.len() < listeners.len() {
            let names = front.listeners.iter().filter_map(|at| listeners.get(*at)).map(|it| it.name.clone());
            table.put("listeners", Value::texts(names));
        }
        if location.path != "/" {
            table.put("path", location.path.as_str());
        }
        table
    }

    /// Whether everything at `front` has a route.
    pub(super) fn has_everything(&self, front: &Front) -> bool {
        let is_for = |route: &Route<'_>| {
            route.path == "/"
                && route.front.hosts == front.hosts
                && front.listeners.iter().all(|it| route.front.listeners.contains(it))
        };
        self.found.iter().any(is_for)
    }

    fn free_name(&mut self, front: &Front, location: &Location, suffix: &str) -> String {
        let host = front.hosts.first().map(|host| label(host)).unwrap_or_default();
        let path = plain_name(&location.path.replace("%20", "-"));
        let path = if location.path == "/" || path == host { "" } else { &path };
        let parts: Vec<_> = [host.as_str(), path, suffix].into_iter().filter(|it| !it.is_empty()).collect();
        let base = if parts.is_empty() { "everything".to_owned() } else { parts.join("-") };
        let numbered = (2..).map(|number| format!("{base}-{number}"));
        let name = std::iter::once(base.clone()).chain(numbered).find(|name| !self.names.contains(name));
        let name = name.unwrap_or(base);
        self.names.insert(name.clone());
        name
    }
}

fn claims(front: &Front, path: &str) -> Vec<(String, usize, String)> {
    let every_host = [String::new()];
    let hosts = if front.hosts.is_empty() { &every_host[..] } else { &front.hosts[..] };
    let of_host = |host: &String| -> Vec<_> {
        front.listeners.iter().map(|listener| (host.clone(), *listener, path.to_owned())).collect()
    };
    hosts.iter().flat_map(of_host).collect()
}

/// What a host is called by: `chat` for `chat.example.com`, `example` for `www.example.com`.
fn label(host: &str) -> String {
    if host.parse::<std::net::IpAddr>().is_ok() {
        return plain_name(host);
    }
    let mut labels = host.split('.');
    let first = labels.next().unwrap_or("");
    match (first, labels.next()) {
        ("*", Some(second)) => format!("any-{}", plain_name(second)),
        ("www", Some(second)) => plain_name(&format!("www-{second}")),
        _ => plain_name(first),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn front(hosts: &[&str], listeners: &[usize]) -> Front {
        Front { hosts: hosts.iter().map(|it| (*it).to_owned()).collect(), listeners: listeners.to_vec() }
    }

    #[test]
    fn no_path_is_taken_twice() {
        let mut routes = Routes::default();
        assert!(routes.claim(&front(&["a", "b"], &[0, 1]), "/x"));
        assert!(!routes.claim(&front(&["b"], &[1, 2]), "/x"));
        assert!(routes.claim(&front(&["b"], &[2]), "/x"));
        assert!(routes.claim(&front(&[], &[0, 1]), "/x"));
        assert!(routes.claim(&front(&["b"], &[1]), "/"));
    }

    #[test]
    fn names_say_the_host_and_the_path_and_differ() {
        let mut routes = Routes::default();
        let mut name = |hosts: &[&str], path: &str| {
            routes.table(&front(hosts, &[0]), &Location::read(&[path]).unwrap(), "", &[]).path.remove(1)
        };
        assert_eq!(name(&["chat.example.com"], "/"), "chat");
        assert_eq!(name(&["chat.example.org"], "/"), "chat-2");
        assert_eq!(name(&["chat.example.com"], "/ws/v1/"), "chat-ws-v1");
        assert_eq!(name(&["*.example.com"], "/"), "any-example");
        assert_eq!(name(&["www.example.com"], "/"), "www-example");
        assert_eq!((name(&[], "/"), name(&[], "/api/")), ("everything".into(), "api".into()));
    }
}
