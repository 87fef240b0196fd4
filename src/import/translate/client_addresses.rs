//! `set_real_ip_from` and `proxy_protocol`: whose word on clients is believed.

use std::collections::BTreeSet;
use std::net::IpAddr;

use ipnet::IpNet;

use super::common::common;
use super::ledger::Ledger;
use super::scope::Scope;
use super::servers::{Listener, Server};
use crate::import::output::{Table, Value};
use crate::import::syntax::Directive;

pub(super) fn client_addresses(listener: &Listener<'_>, servers: &[&Server<'_>], ledger: &Ledger, table: &mut Table) {
    let mut networks = trusted_by_all(servers, ledger);
    if let Some(directive) = common("real_ip_header", servers, ledger) {
        match directive.value().unwrap_or("").to_ascii_lowercase().as_str() {
            "x-forwarded-for" | "proxy_protocol" => ledger.nothing(directive),
            _ => ledger.left(
                directive,
                "the client is read from X-Forwarded-For, or Forwarded",
                "have the proxy in front write X-Forwarded-For: hardly one does not",
            ),
        }
    }
    let reads = common("real_ip_header", servers, ledger).and_then(Directive::value).unwrap_or("X-Real-IP");
    let is_read_here = ["x-forwarded-for", "proxy_protocol"].contains(&&*reads.to_ascii_lowercase());
    if !is_read_here && !listener.has_proxy_header && !networks.is_empty() {
        for directive in servers.iter().flat_map(|server| server.scope.all("set_real_ip_from")) {
            ledger.left(
                directive,
                format!("nginx reads the client from {reads} there, and here it is read from X-Forwarded-For, so nobody is believed"),
                "have the proxy in front write X-Forwarded-For, and name it in `trusted_proxies` of [listener.NAME]",
            );
        }
        networks.clear();
    }
    if listener.has_proxy_header && networks.is_empty() {
        let lines = [
            "nginx believed whoever wrote a PROXY header. Here only these are: write the networks of your load balancers; all others are cut.",
        ];
        table.comments.extend(lines.map(String::from));
        for directive in listener.listens.iter().filter(|it| it.has_proxy_header).filter_map(|it| it.directive) {
            ledger.left(
                directive,
                "a PROXY header is believed of trusted_proxies alone, and no set_real_ip_from names any",
                "write the networks of your load balancers in the place of 127.0.0.1",
            );
        }
        networks.push("127.0.0.1".to_owned());
    }
    if !networks.is_empty() {
        table.put("trusted_proxies", Value::texts(networks));
    }
    if listener.has_proxy_header {
        table.put("proxy_protocol", "required");
    }
}

/// The networks that every server of the address names: one that some do not is told of, for here it would count for them too.
fn trusted_by_all(servers: &[&Server<'_>], ledger: &Ledger) -> Vec<String> {
    let mut trusted: Vec<String> = Vec::new();
    let all: Vec<_> = servers.iter().map(|server| server.scope.all("set_real_ip_from")).collect();
    for directive in all.iter().flatten() {
        let named_by_all = all.iter().all(|named| named.iter().any(|other| other.texts() == directive.texts()));
        match network(directive) {
            None => ledger.left(
                directive,
                "is neither an address nor a network",
                "write the networks of the proxies in front in `trusted_proxies` of [listener.NAME]",
            ),
            Some(_) if !named_by_all => ledger.left(
                directive,
                "not every server of this address believes it, and a listener would for all of them",
                "write it in `trusted_proxies` of [listener.NAME], or give that server an address of its own",
            ),
            Some(network) => {
                ledger.carried(directive);
                if !trusted.contains(&network) {
                    trusted.push(network);
                }
            }
        }
    }
    trusted
}

/// Finds out which servers believe whom all others believe that share a listener with them.
pub(super) fn compare_trust(servers: &mut [Server<'_>], listeners: &[Listener<'_>]) {
    let believed = |server: &Server<'_>| -> BTreeSet<String> {
        server.scope.all("set_real_ip_from").iter().map(|it| it.written()).collect()
    };
    let all: Vec<_> = servers.iter().map(believed).collect();
    for listener in listeners {
        let first = listener.servers.first().and_then(|number| all.get(*number));
        if listener.servers.iter().any(|number| all.get(*number) != first) {
            for number in &listener.servers {
                servers.get_mut(*number).into_iter().for_each(|server| server.believes_alike = false);
            }
        }
    }
}

/// Whether a route for `scope`, which is in `server`, sees the clients that nginx sees there. Where it does not, its list of clients is told
/// of: it would let in strangers, whom a proxy brings.
pub(super) fn sees_same_clients(scope: &Scope<'_>, server: &Server<'_>, ledger: &Ledger) -> bool {
    let believed = |scope: &Scope<'_>| -> Vec<usize> { scope.all("set_real_ip_from").iter().map(|it| it.id).collect() };
    let header = scope.last("real_ip_header").and_then(Directive::value).unwrap_or("X-Real-IP").to_ascii_lowercase();
    let is_read_here = ["x-forwarded-for", "proxy_protocol"].contains(&header.as_str());
    let is_same = believed(scope) == believed(&server.scope) && server.believes_alike && is_read_here;
    if believed(scope).is_empty() || is_same {
        return true;
    }
    for rule in scope.all_of(&["allow", "deny"]) {
        ledger.left(
            rule,
            "nginx reads the client from what a proxy says, and here that proxy itself would be let in or kept out",
            "name it in `trusted_proxies` of [listener.NAME], for which it has to write X-Forwarded-For, and open the route then",
        );
    }
    false
}

fn network(directive: &Directive) -> Option<String> {
    network_of(directive.value()?)
}

/// An address, or a network, as it is written here.
pub(super) fn network_of(text: &str) -> Option<String> {
    match text.parse::<IpNet>() {
        Ok(network) if network.addr().to_canonical().is_ipv4() && network.addr().is_ipv6() => None,
        // One address, as it is written without a length.
        Ok(network) if network.prefix_len() == network.max_prefix_len() => Some(network.addr().to_string()),
        Ok(network) => Some(network.trunc().to_string()),
        Err(_) => text.parse::<IpAddr>().ok().map(|ip| ip.to_canonical().to_string()),
    }
}
