//! What of a server's requests its routes are for: hosts, and listeners.

use super::context::Context;
use super::servers::{Listener, Server};

/// Hosts at listeners.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Front {
    /// None for every host.
    pub(super) hosts: Vec<String>,
    /// The numbers of listeners.
    pub(super) listeners: Vec<usize>,
}

impl Front {
    /// Whether a request may be for both, where the other one takes every host, or a wildcard.
    pub(super) fn falls_to(&self, other: &Self) -> bool {
        let shares = self.listeners.iter().any(|listener| other.listeners.contains(listener));
        let is_wider = |host: &String| match host.strip_prefix('*') {
            Some(suffix) => self.hosts.iter().any(|own| own != host && own.ends_with(suffix)),
            None => false,
        };
        shares && !self.hosts.is_empty() && (other.hosts.is_empty() || other.hosts.iter().any(is_wider))
    }
}

/// What the server with this number is for; nothing where no request comes to it, which is told of.
pub(super) fn fronts(
    number: usize,
    server: &Server<'_>,
    listeners: &[Listener<'_>],
    context: &Context<'_>,
) -> Vec<Front> {
    let (mut open, mut named) = (Vec::new(), Vec::new());
    for (at, listener) in listeners.iter().enumerate().filter(|(_, it)| it.servers.contains(&number)) {
        let is_first = listener.servers.first() == Some(&number);
        if is_first && (listener.has_default || server.names.hosts.is_empty()) {
            open.push(at);
        } else if !server.names.hosts.is_empty() {
            named.push(at);
        }
    }
    if server.names.is_beyond && server.names.hosts.is_empty() {
        open.retain(|at| listeners.get(*at).is_some_and(|listener| listener.has_default));
    }
    let fronts =
        [Front { hosts: Vec::new(), listeners: open }, Front { hosts: server.names.hosts.clone(), listeners: named }];
    let fronts: Vec<_> = fronts.into_iter().filter(|front| !front.listeners.is_empty()).collect();
    if fronts.is_empty() {
        let why = match server.names.is_beyond {
            true => "none of its names can be said here",
            false => "it has no listener here that a request for it comes to",
        };
        context.ledger.left(server.directive, why, "write [listener.NAME] with `bind`, and routes with `hosts`");
    }
    fronts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_fall_to_whoever_takes_more() {
        let front = |hosts: &[&str], listeners: &[usize]| Front {
            hosts: hosts.iter().map(|it| (*it).to_owned()).collect(),
            listeners: listeners.to_vec(),
        };
        let chat = front(&["chat.example.com"], &[0]);
        assert!(chat.falls_to(&front(&[], &[0, 1])));
        assert!(chat.falls_to(&front(&["*.example.com"], &[0])));
        assert!(!chat.falls_to(&front(&[], &[1])));
        assert!(!chat.falls_to(&front(&["*.example.org", "chat.example.com"], &[0])));
        assert!(!front(&[], &[0]).falls_to(&front(&[], &[0])));
    }
}
