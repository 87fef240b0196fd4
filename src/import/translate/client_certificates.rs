//! `ssl_verify_client`: what clients have to show. nginx asks for it by server, a listener here asks everybody.

use super::context::Context;
use super::servers::{Listener, Server};
use crate::import::output::Value;
use crate::import::syntax::Directive;

/// `client_certificates` of the listener that `servers` share, where all of them ask for the same.
pub(super) fn client_certificates(servers: &[&Server<'_>], context: &Context<'_>) -> Option<Value> {
    let all: Vec<_> = servers.iter().map(|server| asked(server, context)).collect();
    let (ca, _) = all.iter().flatten().next()?;
    if all.iter().any(|it| Some(it) != all.first()) {
        tell_of_difference(servers, context);
        return None;
    }
    let is_required = all.iter().flatten().all(|(_, is_required)| *is_required);
    Some(Value::table([("ca", ca.clone().into()), ("require", Value::Flag(is_required))]))
}

/// Whether the routes of `server` have to be closed: it requires a certificate, and its listeners cannot. That is told of.
pub(super) fn requires_in_vain(server: &Server<'_>, context: &Context<'_>) -> bool {
    if server.scope.last("ssl_verify_client").and_then(Directive::value) != Some("on") {
        return false;
    }
    let is_asked_of_all = server.asks_alike && asked(server, context).is_some();
    if !is_asked_of_all {
        tell_of_difference(&[server], context);
    }
    !is_asked_of_all
}

fn tell_of_difference(servers: &[&Server<'_>], context: &Context<'_>) {
    let asking = servers.iter().filter_map(|server| server.scope.last("ssl_verify_client"));
    for directive in asking.filter(|it| it.value() != Some("off")) {
        context.ledger.left(
            directive,
            "a listener asks all of its clients for certificates, and other servers of this address ask otherwise: here nobody is asked, and \
             the routes of those that required one answer 403 until somebody has looked at them",
            "give this server a listener with a port or an address of its own, and client_certificates = { ca = \"clients.pem\" }",
        );
    }
}

/// Finds out which servers ask as all others do that share a listener with them.
pub(super) fn compare(servers: &mut [Server<'_>], listeners: &[Listener<'_>], context: &Context<'_>) {
    let all: Vec<_> = servers.iter().map(|server| asked(server, context)).collect();
    for listener in listeners.iter().filter(|listener| listener.has_tls) {
        let first = listener.servers.first().and_then(|number| all.get(*number));
        if listener.servers.iter().any(|number| all.get(*number) != first) {
            for number in &listener.servers {
                servers.get_mut(*number).into_iter().for_each(|server| server.asks_alike = false);
            }
        }
    }
}

/// Who has to have issued what clients show, and whether they have to show it.
fn asked(server: &Server<'_>, context: &Context<'_>) -> Option<(String, bool)> {
    let directive = server.scope.last("ssl_verify_client")?;
    let is_required = match directive.value() {
        Some("on") => true,
        Some("optional") => false,
        Some("optional_no_ca") => {
            let instead = "write client_certificates = { ca = \"clients.pem\", require = false } in [listener.NAME]";
            context.ledger.left(directive, "a certificate that is shown has to be of one of `ca`", instead);
            return None;
        }
        _ => {
            context.ledger.nothing(directive);
            return None;
        }
    };
    let authority =
        server.scope.last("ssl_client_certificate").or_else(|| server.scope.last("ssl_trusted_certificate"));
    let file = authority.and_then(|it| it.value()).and_then(|it| context.file(it));
    let Some((authority, file)) = authority.zip(file) else {
        context.ledger.left(
            directive,
            "it is not said who issues these certificates",
            "write client_certificates = { ca = \"clients.pem\" } in [listener.NAME]",
        );
        return None;
    };
    context.ledger.carried(directive);
    context.ledger.carried(authority);
    Some((file, is_required))
}
