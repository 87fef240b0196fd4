//! `tls` of a listener: the certificates of all of its servers, of which each client is shown the one for the name that it asks for.

use super::common::common;
use super::context::Context;
use super::servers::Server;
use crate::import::output::{Table, Value};

pub(super) fn listener_tls(servers: &[&Server<'_>], context: &Context<'_>, table: &mut Table) {
    let mut certificates: Vec<(String, String)> = Vec::new();
    for server in servers {
        for certificate in of_server(server, context) {
            if !certificates.contains(&certificate) {
                certificates.push(certificate);
            }
        }
    }
    if certificates.is_empty() {
        table.comments.push("No certificate could be carried over: write the files of yours.".to_owned());
        certificates.push(("MISSING.pem".to_owned(), "MISSING.key".to_owned()));
    }
    let mut entries = Vec::new();
    let pair = |(chain, key): (String, String)| [("chain".to_owned(), chain.into()), ("key".to_owned(), key.into())];
    if certificates.len() == 1 {
        entries.extend(certificates.into_iter().flat_map(pair));
    } else {
        let list = certificates.into_iter().map(|certificate| Value::Table(pair(certificate).into())).collect();
        entries.push(("certificates".to_owned(), Value::List(list)));
    }
    if is_1_3_alone(servers, context) {
        entries.push(("min_version".to_owned(), "1.3".into()));
    }
    if refuses_unknown_names(servers, context) {
        entries.push(("unknown_names".to_owned(), "refuse".into()));
    }
    put(table, entries);
}

/// One certificate stands in a line; several have a table of their own.
fn put(table: &mut Table, entries: Vec<(String, Value)>) {
    if entries.iter().any(|(_, value)| matches!(value, Value::List(_))) {
        table.below.push(("tls".to_owned(), entries));
    } else {
        table.put("tls", Value::Table(entries));
    }
}

fn of_server(server: &Server<'_>, context: &Context<'_>) -> Vec<(String, String)> {
    let ledger = &context.ledger;
    let (chains, keys) = (server.scope.all("ssl_certificate"), server.scope.all("ssl_certificate_key"));
    let mut found = Vec::new();
    for (number, chain) in chains.iter().enumerate() {
        let key = keys.get(number);
        let files = (
            chain.value().and_then(|it| context.file(it)),
            key.and_then(|it| it.value()).and_then(|it| context.file(it)),
        );
        let (Some(chain_file), Some(key_file)) = files else {
            for directive in [Some(chain), key].into_iter().flatten() {
                ledger.left(
                    directive,
                    "a certificate and its key are two files here, with fixed names",
                    "write tls = { chain = \"site.pem\", key = \"site.key\" } in [listener.NAME], or `acme` for one that comes by itself",
                );
            }
            continue;
        };
        if found.is_empty() {
            ledger.carried(chain);
            key.iter().for_each(|key| ledger.carried(key));
            found.push((chain_file, key_file));
        } else {
            for directive in [Some(chain), key].into_iter().flatten() {
                ledger.left(
                    directive,
                    "there is one certificate for a name",
                    "keep the one with the ECDSA key: every client of TLS 1.2 takes it",
                );
            }
        }
    }
    keys.iter().skip(chains.len()).for_each(|key| {
        ledger.left(key, "belongs to no certificate", "nothing");
    });
    found
}

fn is_1_3_alone(servers: &[&Server<'_>], context: &Context<'_>) -> bool {
    let Some(directive) = common("ssl_protocols", servers, &context.ledger) else { return false };
    let versions = directive.texts();
    if versions.iter().any(|it| ["SSLv2", "SSLv3", "TLSv1", "TLSv1.1"].contains(it)) {
        context.ledger.remarked(directive, "TLS 1.2 and 1.3 are spoken, and nothing older", "nothing");
    }
    let is_alone = versions == ["TLSv1.3"];
    if is_alone {
        context.ledger.carried(directive)
    } else {
        context.ledger.nothing(directive)
    }
    is_alone
}

/// A default server without a certificate, which refuses whoever asks for a name that no other one has.
fn refuses_unknown_names(servers: &[&Server<'_>], context: &Context<'_>) -> bool {
    let mut refuses = false;
    for (number, server) in servers.iter().enumerate() {
        let Some(directive) = server.scope.last("ssl_reject_handshake") else { continue };
        let is_on = directive.value() == Some("on");
        match number {
            0 => refuses = is_on,
            _ if is_on => {
                let instead = "leave its name out of all certificates, and write unknown_names = \"refuse\"";
                context.ledger.left(directive, "is for names that no certificate has", instead);
            }
            _ => {}
        }
        context.ledger.carried(directive);
    }
    refuses
}
