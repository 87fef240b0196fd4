//! `proxy_pass https://…`: the TLS that is spoken with endpoints.

use super::context::Context;
use super::proxy_target::ProxyTarget;
use super::scope::Scope;
use crate::import::output::Value;
use crate::import::syntax::Directive;

/// `tls` of the upstream for `target`. nginx verifies nobody unless it is told to, and here everybody is verified: that is told of.
pub(super) fn endpoint_tls(target: &ProxyTarget, scope: &Scope<'_>, context: &Context<'_>) -> Value {
    let ledger = &context.ledger;
    let mut entries: Vec<(String, Value)> = Vec::new();
    if let Some(directive) = scope.last("proxy_ssl_trusted_certificate") {
        match directive.value().and_then(|it| context.file(it)) {
            Some(file) => {
                entries.push(("ca".to_owned(), file.into()));
                ledger.carried(directive);
            }
            None => ledger.left(directive, "is no file", "write tls = { ca = \"internal-ca.pem\" } in [upstream.NAME]"),
        }
    }
    match scope.last("proxy_ssl_verify") {
        Some(directive) if directive.value() == Some("on") => ledger.carried(directive),
        written => tell(written.or_else(|| proxy_pass(scope)), context),
    }
    name(target, scope, context, &mut entries);
    certificate(scope, context, &mut entries);
    if entries.is_empty() { Value::Flag(true) } else { Value::Table(entries) }
}

fn proxy_pass<'t>(scope: &Scope<'t>) -> Option<&'t Directive> {
    scope.own_named("proxy_pass").next().or_else(|| scope.own_named("grpc_pass").next())
}

fn tell(directive: Option<&Directive>, context: &Context<'_>) {
    directive.iter().for_each(|directive| {
        context.ledger.left(
            directive,
            "nginx verified no certificate of the endpoint, and here it is verified",
            "if it is no one's that the system trusts, write tls = { ca = \"internal-ca.pem\" } or { fingerprints = […] } in [upstream.NAME]; \
             { verify = false } is as before",
        );
    });
}

fn name(target: &ProxyTarget, scope: &Scope<'_>, context: &Context<'_>, entries: &mut Vec<(String, Value)>) {
    let is_unix = target.authority.starts_with("unix:");
    let Some(directive) = scope.last("proxy_ssl_name") else {
        if is_unix {
            entries.push(("name".to_owned(), "localhost".into()));
        }
        return;
    };
    match directive.value() {
        Some("$proxy_host") => context.ledger.carried(directive),
        Some(name) if !name.contains('$') && !name.is_empty() => {
            entries.push(("name".to_owned(), name.into()));
            context.ledger.carried(directive);
        }
        _ => {
            if is_unix {
                entries.push(("name".to_owned(), "localhost".into()));
            }
            context.ledger.left(
                directive,
                "the name that is asked for and verified is the endpoint's own, or one text",
                "write tls = { name = \"app.internal\" } in [upstream.NAME]",
            );
        }
    }
}

fn certificate(scope: &Scope<'_>, context: &Context<'_>, entries: &mut Vec<(String, Value)>) {
    let (chain, key) = (scope.last("proxy_ssl_certificate"), scope.last("proxy_ssl_certificate_key"));
    let file = |directive: Option<&Directive>| directive.and_then(Directive::value).and_then(|it| context.file(it));
    match (file(chain), file(key)) {
        (Some(chain_file), Some(key_file)) => {
            entries.push((
                "certificate".to_owned(),
                Value::table([("chain", chain_file.into()), ("key", key_file.into())]),
            ));
            chain.into_iter().chain(key).for_each(|directive| context.ledger.carried(directive));
        }
        _ => chain.into_iter().chain(key).for_each(|directive| {
            context.ledger.left(
                directive,
                "what is shown to endpoints is a certificate and a key, two files",
                "write tls = { certificate = { chain = \"windlass.pem\", key = \"windlass.key\" } } in [upstream.NAME]",
            );
        }),
    }
}
