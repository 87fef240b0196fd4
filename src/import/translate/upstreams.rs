//! `[upstream.NAME]`: whom requests go to. nginx says by location how they are reached, and here an upstream does: one that is reached in two
//! ways is two.

use super::amounts::{time, written_time};
use super::balance::balance;
use super::context::Context;
use super::endpoint_host::endpoint_host;
use super::endpoint_tls::endpoint_tls;
use super::endpoints::{endpoints, single_endpoint};
use super::ledger::{Ledger, Reason};
use super::proxy_target::{ProxyTarget, is_address};
use super::scope::Scope;
use super::told::told;
use crate::import::output::{Table, Value};
use crate::import::syntax::Directive;

/// Those that routes have asked for.
#[derive(Debug, Default)]
pub(super) struct Upstreams<'t> {
    found: Vec<Upstream<'t>>,
}

#[derive(Debug)]
struct Upstream<'t> {
    table: Table,
    /// The `upstream` that it is made of.
    group: Option<&'t Directive>,
}

impl<'t> Upstreams<'t> {
    /// The name of the upstream that `target` is, reached as `scope` says.
    ///
    /// # Errors
    /// It has no endpoint that can be said.
    pub(super) fn name_of(
        &mut self,
        target: &ProxyTarget,
        scope: &Scope<'t>,
        context: &Context<'t>,
    ) -> Result<String, Reason> {
        let group = context.group(&target.authority);
        let mut table = Table::default();
        match group {
            Some(group) => {
                context.ledger.carried(group);
                if !endpoints(group, &context.ledger, &mut table) {
                    let why = format!("the upstream {} has no endpoint that can be said here", target.authority);
                    return Err(Reason::new(why, "write `endpoints` in [upstream.NAME]"));
                }
                balance(group, &context.ledger, &mut table);
            }
            None => {
                let address = target.address();
                if !is_address(&address) {
                    let why = format!("{address} is no address of an endpoint");
                    return Err(Reason::new(
                        why,
                        "write \"name:port\" or \"unix:/path\" in `endpoints` of [upstream.NAME]",
                    ));
                }
                table.put("endpoints", single_endpoint(&address));
            }
        }
        if target.has_tls {
            table.put("tls", endpoint_tls(target, scope, context));
        }
        if target.speaks_http2 {
            table.put("protocol", "h2");
        }
        if let Some(host) = endpoint_host(target, group, scope, &context.ledger) {
            table.put("host", host);
        }
        deadlines(scope, &context.ledger, &mut table);
        source_address(scope, &context.ledger, &mut table);
        let named = match group {
            Some(_) => plain_name(&target.authority),
            None => name_of_address(&target.address()),
        };
        Ok(self.place(&named, table, group))
    }

    /// The tables, each with what is told of its `upstream`.
    pub(super) fn into_tables(self, ledger: &Ledger) -> Vec<Table> {
        let mut told_of: Vec<usize> = Vec::new();
        let mut tables = Vec::new();
        for Upstream { mut table, group } in self.found {
            if let Some(group) = group.filter(|group| !told_of.contains(&group.id)) {
                told_of.push(group.id);
                table.comments.extend(told(group.inner(), ledger));
            }
            tables.push(table);
        }
        tables
    }

    /// The name of the one that is as `table` says: one that is there, or a new one.
    fn place(&mut self, base: &str, mut table: Table, group: Option<&'t Directive>) -> String {
        let mut number = 1;
        loop {
            let name = if number == 1 { base.to_owned() } else { format!("{base}-{number}") };
            table.path = vec!["upstream".to_owned(), name.clone()];
            match self.found.iter().find(|upstream| upstream.table.path == table.path) {
                Some(there) if there.table.entries == table.entries => return name,
                Some(_) => number += 1,
                None => {
                    self.found.push(Upstream { table, group });
                    return name;
                }
            }
        }
    }
}

/// Above it, a time of a location with WebSockets is for these, which have other deadlines here.
const FOR_WEBSOCKETS: u64 = 600;

fn deadlines(scope: &Scope<'_>, ledger: &Ledger, table: &mut Table) {
    let is_for_websockets = scope
        .all("proxy_set_header")
        .iter()
        .any(|it| it.argument(0).is_some_and(|it| it.eq_ignore_ascii_case("upgrade")));
    for (name, key) in [
        ("proxy_connect_timeout", "connect_timeout"),
        ("proxy_read_timeout", "response_timeout"),
        ("proxy_send_timeout", "body_timeout"),
    ] {
        let Some(directive) = scope.last(name) else { continue };
        let Some(value) = directive.value() else { continue };
        let is_long = time(value).is_some_and(|time| time.as_secs() >= FOR_WEBSOCKETS);
        match written_time(value) {
            // A quiet tunnel stays, and is pinged.
            Some(_) if is_for_websockets && is_long && key != "connect_timeout" => ledger.nothing(directive),
            Some(time) => {
                table.put(key, time);
                ledger.carried(directive);
            }
            None => ledger.left(
                directive,
                "zero, and more than a year, are no times here",
                format!("write `{key}` in [upstream.NAME]"),
            ),
        }
    }
}

fn source_address(scope: &Scope<'_>, ledger: &Ledger, table: &mut Table) {
    let Some(directive) = scope.last("proxy_bind").filter(|it| it.value() != Some("off")) else { return };
    match directive.value().filter(|it| it.parse::<std::net::IpAddr>().is_ok()) {
        Some(address) => {
            table.put("source_addresses", Value::texts([address.to_owned()]));
            ledger.carried(directive);
        }
        None => ledger.left(
            directive,
            "connections come from addresses of this machine, without a port",
            "write source_addresses = [\"10.0.0.2\"] in [upstream.NAME]; `proxy_protocol` of it says who the client is",
        ),
    }
}

/// `text` as the name of a table that needs no quotes.
pub(super) fn plain_name(text: &str) -> String {
    let plain: String =
        text.chars().map(|c| if c.is_ascii_alphanumeric() || "-_".contains(c) { c } else { '-' }).collect();
    let plain = plain.trim_matches('-');
    if plain.is_empty() { "unnamed".to_owned() } else { plain.to_owned() }
}

fn name_of_address(address: &str) -> String {
    if let Some(path) = address.strip_prefix("unix:") {
        let file = path.rsplit('/').next().unwrap_or(path);
        return plain_name(file.strip_suffix(".sock").or_else(|| file.strip_suffix(".socket")).unwrap_or(file));
    }
    match address.rsplit_once(':') {
        Some(("127.0.0.1" | "localhost" | "[::1]", port)) => format!("port-{port}"),
        Some((name, "80" | "443")) if name.parse::<std::net::Ipv4Addr>().is_err() => plain_name(name),
        _ => plain_name(address),
    }
}
