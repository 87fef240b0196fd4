//! Which servers there are, at which addresses, and which of them is for hosts that no other one is for.

use std::net::{IpAddr, SocketAddr};

use super::ledger::Ledger;
use super::listen::Listen;
use super::scope::Scope;
use super::server_names::ServerNames;
use crate::import::syntax::Directive;

/// A `server`.
#[derive(Clone, Debug)]
pub(super) struct Server<'t> {
    pub(super) directive: &'t Directive,
    pub(super) scope: Scope<'t>,
    pub(super) names: ServerNames,
    /// Whether all servers that share a listener with it ask clients for the same certificates.
    pub(super) asks_alike: bool,
    /// Whether all of them believe the same proxies of who the client is.
    pub(super) believes_alike: bool,
    listens: Vec<Listen<'t>>,
}

/// An address, and the servers that are reached there.
#[derive(Clone, Debug)]
pub(super) struct Listener<'t> {
    pub(super) name: String,
    pub(super) address: SocketAddr,
    pub(super) has_tls: bool,
    pub(super) has_http2: bool,
    pub(super) has_proxy_header: bool,
    /// What was written of it.
    pub(super) listens: Vec<Listen<'t>>,
    /// The numbers of its servers; the first is for hosts that no other one is for.
    pub(super) servers: Vec<usize>,
    /// Whether that one was named so, rather than being the first by chance.
    pub(super) has_default: bool,
}

/// The servers among `directives`, which `scope` is around.
pub(super) fn servers<'t>(
    directives: impl Iterator<Item = &'t Directive>,
    scope: &Scope<'t>,
    ledger: &Ledger,
) -> Vec<Server<'t>> {
    let blocks = directives.filter(|directive| directive.name() == "server" && directive.block.is_some());
    let server = |directive: &'t Directive| {
        ledger.carried(directive);
        let scope = scope.within(directive.inner());
        let listens = listens(&scope, ledger);
        Server {
            directive,
            names: ServerNames::of(&scope, ledger),
            scope,
            asks_alike: true,
            believes_alike: true,
            listens,
        }
    };
    blocks.map(server).collect()
}

fn listens<'t>(scope: &Scope<'t>, ledger: &Ledger) -> Vec<Listen<'t>> {
    let mut written = scope.own_named("listen").peekable();
    if written.peek().is_none() {
        return vec![Listen::usual()];
    }
    let mut listens: Vec<_> = written.filter_map(|directive| Listen::read(directive, ledger)).collect();
    // Of old: TLS for all of a server's addresses.
    if let Some(directive) = scope.last("ssl") {
        ledger.carried(directive);
        listens.iter_mut().for_each(|listen| listen.has_tls |= directive.value() == Some("on"));
    }
    if let Some(directive) = scope.last("http2") {
        ledger.carried(directive);
        listens.iter_mut().for_each(|listen| listen.has_http2 |= directive.value() == Some("on"));
    }
    listens
}

/// The listeners that `servers` need.
pub(super) fn listeners<'t>(servers: &[Server<'t>], ledger: &Ledger) -> Vec<Listener<'t>> {
    let mut listeners: Vec<Listener<'t>> = Vec::new();
    for (number, server) in servers.iter().enumerate() {
        for listen in &server.listens {
            match listeners.iter_mut().find(|listener| listener.address == listen.address) {
                Some(listener) => listener.add(number, listen),
                None => listeners.push(Listener::of(number, listen)),
            }
        }
    }
    merge_families(&mut listeners);
    remove_collisions(&mut listeners, ledger);
    let mut names: Vec<String> = Vec::new();
    for listener in &mut listeners {
        let name = name_of(listener.address, listener.has_tls);
        // Of one port there are two only where each family has a listener of its own.
        listener.name = if names.contains(&name) { format!("{name}-2") } else { name };
        names.push(listener.name.clone());
    }
    listeners
}

impl<'t> Listener<'t> {
    fn of(server: usize, listen: &Listen<'t>) -> Self {
        Self {
            name: String::new(),
            address: listen.address,
            has_tls: listen.has_tls,
            has_http2: listen.has_http2,
            has_proxy_header: listen.has_proxy_header,
            listens: vec![listen.clone()],
            servers: vec![server],
            has_default: listen.is_default,
        }
    }

    fn add(&mut self, server: usize, listen: &Listen<'t>) {
        self.has_tls |= listen.has_tls;
        self.has_http2 |= listen.has_http2;
        self.has_proxy_header |= listen.has_proxy_header;
        self.listens.push(listen.clone());
        if self.servers.contains(&server) {
            return;
        }
        let place = if listen.is_default { 0 } else { self.servers.len() };
        self.servers.insert(place, server);
        self.has_default |= listen.is_default;
    }

    fn is_everywhere(&self) -> bool {
        self.address.ip().is_unspecified()
    }

    /// Whether the system refuses to listen at both.
    fn collides(&self, other: &Self) -> bool {
        let is_one_everywhere = self.is_everywhere() || other.is_everywhere();
        self.address.port() == other.address.port()
            && self.address.is_ipv4() == other.address.is_ipv4()
            && is_one_everywhere
            && self.address != other.address
    }
}

/// `listen 80; listen [::]:80;` is one listener here: at `[::]` IPv4 comes too.
fn merge_families(listeners: &mut Vec<Listener<'_>>) {
    let is_same = |a: &Listener<'_>, b: &Listener<'_>| {
        a.servers == b.servers && (a.has_tls, a.has_proxy_header) == (b.has_tls, b.has_proxy_header)
    };
    let mut at = 0;
    while let Some(listener) = listeners.get(at).cloned() {
        let twin = listeners.iter().position(|other| {
            listener.is_everywhere()
                && other.is_everywhere()
                && listener.address.is_ipv4()
                && other.address.is_ipv6()
                && listener.address.port() == other.address.port()
                && is_same(&listener, other)
        });
        if let Some(twin) = twin {
            let six = listeners.remove(twin);
            if let Some(four) = listeners.iter_mut().find(|it| it.address == listener.address) {
                four.address = six.address;
                four.has_http2 |= six.has_http2;
                four.has_default |= six.has_default;
                four.listens.extend(six.listens);
            }
        } else {
            at += 1;
        }
    }
}

/// One address of this machine beside all of them: nginx listens once and looks at where a connection came in.
fn remove_collisions(listeners: &mut Vec<Listener<'_>>, ledger: &Ledger) {
    let everywhere: Vec<_> = listeners.iter().filter(|it| it.is_everywhere()).cloned().collect();
    listeners.retain(|listener| {
        let Some(other) = everywhere.iter().find(|other| listener.collides(other)) else { return true };
        if listener.is_everywhere() {
            return true;
        }
        for directive in listener.listens.iter().filter_map(|listen| listen.directive) {
            ledger.left(
                directive,
                format!("a listener at {} takes this address too", other.address),
                "give it a port of its own, or name the addresses of all listeners one by one",
            );
        }
        false
    });
}

fn name_of(address: SocketAddr, has_tls: bool) -> String {
    let port = match (address.port(), has_tls) {
        (80, false) => "http".to_owned(),
        (443, true) => "https".to_owned(),
        (port, _) => format!("port-{port}"),
    };
    match address.ip() {
        ip if ip.is_unspecified() && ip.is_ipv4() => port,
        IpAddr::V6(ip) if ip.is_unspecified() => port,
        ip => format!("{port}-{}", ip.to_string().replace(['.', ':'], "-").trim_matches('-')),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::import::syntax::{Numbers, parse};

    fn read(source: &str) -> (Vec<String>, Vec<Vec<usize>>, usize) {
        let mut numbers = Numbers::default();
        let tree = parse(source, &"x".into(), &mut numbers).unwrap();
        let ledger = Ledger::new(numbers.count());
        let servers = servers(tree.iter(), &Scope::of(&tree), &ledger);
        let listeners = listeners(&servers, &ledger);
        let names = listeners.iter().map(|it| format!("{} {}", it.name, it.address)).collect();
        (names, listeners.iter().map(|it| it.servers.clone()).collect(), ledger.counts().2)
    }

    #[test]
    fn both_families_are_one_listener() {
        let (names, servers, left) =
            read("server { listen 80; listen [::]:80; } server { listen [::]:443 ssl; listen 443 ssl; }");
        assert_eq!((names, left), (vec!["http [::]:80".into(), "https [::]:443".into()], 0));
        assert_eq!(servers, [[0], [1]]);
    }

    #[test]
    fn families_with_other_servers_stay_apart() {
        let (names, ..) = read("server { listen 80; listen [::]:80; } server { listen 80; }");
        assert_eq!(names.len(), 2, "{names:?}");
    }

    #[test]
    fn the_default_server_comes_first() {
        let (_, servers, _) = read("server { listen 80; } server { listen 80 default_server; } server { }");
        assert_eq!(servers, [[1, 0, 2]]);
    }

    #[test]
    fn an_address_beside_all_of_them_is_told_of() {
        let (names, _, left) =
            read("server { listen 127.0.0.1:80; } server { listen 80; } server { listen 10.0.0.1:81; }");
        assert_eq!((names, left), (vec!["http 0.0.0.0:80".into(), "port-81-10-0-0-1 10.0.0.1:81".into()], 1));
    }
}
