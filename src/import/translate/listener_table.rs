//! `[listener.NAME]`: what is said of one address, by any of the servers that are reached there.
//!
//! nginx says much of it for each server, and there is one of each here: where two servers say different things, that of the default
//! one is written, and the other is told of.

use super::amounts::{size, written_size, written_time};
use super::client_addresses::client_addresses;
use super::client_certificates::client_certificates;
use super::common::common;
use super::context::Context;
use super::ledger::Ledger;
use super::listener_tls::listener_tls;
use super::servers::{Listener, Server};
use crate::import::output::{Table, Value};

pub(super) fn listener_table(listener: &Listener<'_>, servers: &[Server<'_>], context: &Context<'_>) -> Table {
    let mut table = Table::new("listener", &listener.name);
    let here: Vec<_> = listener.servers.iter().filter_map(|number| servers.get(*number)).collect();
    table.put("bind", listener.address.to_string());
    if listener.has_tls {
        listener_tls(&here, context, &mut table);
        if let Some(value) = client_certificates(&here, context) {
            table.put("client_certificates", value);
        }
        if here.iter().any(|server| server.scope.last("http2").is_some_and(|it| it.value() == Some("off"))) {
            table.put("http2", Value::Flag(false));
        }
    } else if listener.has_http2 {
        table.put("h2c", Value::Flag(true));
    }
    client_addresses(listener, &here, &context.ledger, &mut table);
    client_deadlines(&here, &context.ledger, &mut table);
    sizes_of_heads(&here, &context.ledger, &mut table);
    if let Some(directive) = common("underscores_in_headers", &here, &context.ledger) {
        if directive.value() == Some("on") {
            table.put("underscore_headers", "pass");
            context.ledger.carried(directive);
        } else {
            context.ledger.nothing(directive);
        }
    }
    if let (false, Some(first)) = (listener.has_default, here.first())
        && !first.names.hosts.is_empty()
    {
        table.comments.push(format!(
            "Whoever asks for a host that is not named reads 404 here; nginx has the first server answer, that of {}.",
            first.directive.place
        ));
    }
    table
}

fn client_deadlines(servers: &[&Server<'_>], ledger: &Ledger, table: &mut Table) {
    for (name, key) in [
        ("client_header_timeout", "head_timeout"),
        ("keepalive_timeout", "rest_timeout"),
        ("client_body_timeout", "body_timeout"),
        ("send_timeout", "body_timeout"),
    ] {
        let Some(directive) = common(name, servers, ledger) else { continue };
        let is_there = table.entries.iter().any(|(written, _)| written == key);
        match directive.argument(0).and_then(written_time) {
            Some(time) if !is_there => {
                table.put(key, time);
                ledger.carried(directive);
            }
            Some(time)
                if table.entries.iter().any(|(written, value)| written == key && *value == time.clone().into()) =>
            {
                ledger.carried(directive);
            }
            Some(_) => ledger.remarked(
                directive,
                format!(
                    "`{key}` is for what is read and for what is written, and has the value of client_body_timeout"
                ),
                "nothing",
            ),
            None => ledger.left(
                directive,
                "zero, and more than a year, are no times here",
                format!("write `{key}` in [listener.NAME]"),
            ),
        }
    }
}

fn sizes_of_heads(servers: &[&Server<'_>], ledger: &Ledger, table: &mut Table) {
    let Some(directive) = common("large_client_header_buffers", servers, ledger) else { return };
    let amounts = directive.argument(0).and_then(|it| it.parse::<u64>().ok()).zip(directive.argument(1).and_then(size));
    let Some((count, bytes)) = amounts else {
        return ledger.left(
            directive,
            "is not a number and a size",
            "write `max_head` and `max_header_line` in [listener.NAME]",
        );
    };
    let line = bytes.clamp(256, 1 << 20);
    table.put("max_head", written_size(count.saturating_mul(bytes).clamp(line.max(4 << 10), 1 << 20)));
    table.put("max_header_line", written_size(line));
    table.put("max_target", written_size(line.min(65_534)));
    ledger.carried(directive);
}
