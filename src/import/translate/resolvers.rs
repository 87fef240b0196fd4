//! `resolver`: who is asked for names. nginx may ask others in each location, and here there is one set for all.

use std::net::{IpAddr, SocketAddr};

use super::amounts::written_time;
use super::ledger::Ledger;
use crate::import::output::{Table, Value};
use crate::import::syntax::Directive;

/// `[resolver]`, if the configuration says anything of it.
pub(super) fn resolvers(tree: &[Directive], ledger: &Ledger) -> Option<Table> {
    let mut found = Vec::new();
    collect("resolver", tree, &mut found);
    let first = *found.first()?;
    let mut table = Table { path: vec!["resolver".to_owned()], ..Table::default() };
    let servers: Vec<_> = first.texts().into_iter().filter(|it| !it.contains('=')).collect();
    if servers.is_empty() || !servers.iter().all(|it| is_address(it)) {
        ledger.left(
            first,
            "DNS servers are addresses here",
            "write servers = [\"10.0.0.53\"] in [resolver], or leave it out for those of the system",
        );
        return None;
    }
    table.put("servers", Value::texts(servers.into_iter().map(str::to_owned)));
    if let Some(valid) = first.texts().into_iter().find_map(|it| written_time(it.strip_prefix("valid=")?)) {
        table.put("max_ttl", valid);
    }
    for directive in found {
        match directive.texts() == first.texts() {
            true => ledger.carried(directive),
            false => ledger.left(
                directive,
                format!("there is one [resolver] for all, and {} says another", first.place),
                "`servers` of a `dns` source asks others: docs/endpoints.md",
            ),
        }
    }
    let mut timeouts = Vec::new();
    collect("resolver_timeout", tree, &mut timeouts);
    if let Some((first, time)) = timeouts.first().and_then(|it| Some((*it, it.value().and_then(written_time)?))) {
        table.put("timeout", time);
        timeouts.iter().filter(|it| it.texts() == first.texts()).for_each(|it| ledger.carried(it));
    }
    Some(table)
}

fn collect<'t>(name: &str, block: &'t [Directive], found: &mut Vec<&'t Directive>) {
    for directive in block {
        if directive.name() == name {
            found.push(directive);
        }
        collect(name, directive.inner(), found);
    }
}

fn is_address(text: &str) -> bool {
    let bare = text.trim_start_matches('[').trim_end_matches(']');
    text.parse::<IpAddr>().is_ok() || text.parse::<SocketAddr>().is_ok() || bare.parse::<IpAddr>().is_ok()
}
