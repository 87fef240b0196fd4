//! What of a server's requests its routes are for: hosts, and listeners.

use super::context::Context;
use super::guarded::told_of_guards;
use super::moves::{redirects, sends_to_one_place};
use super::scope::Scope;
use super::servers::{Listener, Server};
use crate::import::syntax::{Directive, Place};

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
        let is_wider = |wildcard: &String| self.hosts.iter().any(|own| is_wider(wildcard, own));
        shares && !self.hosts.is_empty() && (other.hosts.is_empty() || other.hosts.iter().any(is_wider))
    }
}

/// What the server with this number is for; nothing where no request comes to it, which is told of.
pub(super) fn fronts(
    number: usize,
    servers: &[Server<'_>],
    listeners: &[Listener<'_>],
    context: &Context<'_>,
) -> Vec<Front> {
    let Some(server) = servers.get(number) else { return Vec::new() };
    let mut open = Front { hosts: Vec::new(), listeners: Vec::new() };
    let mut named: Vec<Front> = Vec::new();
    for (at, listener) in listeners.iter().enumerate().filter(|(_, it)| it.servers.contains(&number)) {
        let is_first = listener.servers.first() == Some(&number);
        let is_open = is_first && (listener.has_default || server.names.hosts.is_empty());
        if is_open && (listener.has_default || !server.names.is_beyond) {
            open.listeners.push(at);
        }
        let others =
            || listener.servers.iter().filter(|it| **it != number).filter_map(|it| Some((*it, servers.get(*it)?)));
        // nginx gives a name to the first server that has it.
        let is_own = |host: &&String| !others().any(|(other, it)| other < number && it.names.hosts.contains(host));
        let is_in_wildcard =
            |host: &&String| others().any(|(_, it)| it.names.hosts.iter().any(|it| is_wider(it, host)));
        let hosts: Vec<_> =
            server.names.hosts.iter().filter(is_own).filter(|it| !is_open || is_in_wildcard(it)).cloned().collect();
        match named.iter_mut().find(|front| front.hosts == hosts) {
            _ if hosts.is_empty() => {}
            Some(front) => front.listeners.push(at),
            None => named.push(Front { hosts, listeners: vec![at] }),
        }
    }
    let fronts: Vec<_> = std::iter::once(open).filter(|front| !front.listeners.is_empty()).chain(named).collect();
    if fronts.is_empty() {
        let why = match server.names.is_beyond {
            true => "none of its names can be said here",
            false => "it has no listener here that a request for it comes to",
        };
        context.ledger.left(server.directive, why, "write [listener.NAME] with `bind`, and routes with `hosts`");
    }
    fronts
}

/// Where the server stands that guards hosts whose names cannot be said here, and which come to `front` of the server with this number.
pub(super) fn guarded_strangers<'t>(
    number: usize,
    front: &Front,
    servers: &[Server<'t>],
    listeners: &[Listener<'_>],
) -> Option<&'t Place> {
    if !front.hosts.is_empty() {
        return None;
    }
    let here = front.listeners.iter().filter_map(|at| listeners.get(*at)).flat_map(|it| &it.servers);
    let others = here.filter(|it| **it != number).filter_map(|it| servers.get(*it));
    let keeps_out =
        |it: &&Server<'_>| told_of_guards(it.scope.own()).is_some() || answers_all(it.scope.own(), &it.scope);
    let mut strangers = others.filter(|it| it.names.has_unsaid).filter(keeps_out);
    strangers.next().map(|it| &it.directive.place)
}

/// Whether something in `block` of a server answers clients, or sends them to one place.
fn answers_all(block: &[Directive], scope: &Scope<'_>) -> bool {
    block.iter().any(|it| {
        let answers = it.name() == "return" && !redirects(it);
        answers || sends_to_one_place(it, scope) || answers_all(it.inner(), scope)
    })
}

/// Whether `host` is one of those of `wildcard`, and not that itself.
fn is_wider(wildcard: &str, host: &str) -> bool {
    wildcard.strip_prefix('*').is_some_and(|suffix| host != wildcard && host.ends_with(suffix))
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
