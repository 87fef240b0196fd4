//! `proxy_set_header Host`: what endpoints read as Host.

use super::ledger::Ledger;
use super::proxy_target::ProxyTarget;
use super::scope::Scope;
use super::text::{Variables, without_braces};
use crate::grammar::Authority;
use crate::import::output::Value;
use crate::import::syntax::Directive;

/// `host` of the upstream for `target`; `None` where it is what the client asked for.
pub(super) fn endpoint_host(
    target: &ProxyTarget,
    group: Option<&Directive>,
    scope: &Scope<'_>,
    ledger: &Ledger,
) -> Option<Value> {
    let headers = scope.all("proxy_set_header");
    let written =
        headers.into_iter().rev().find(|it| it.argument(0).is_some_and(|name| name.eq_ignore_ascii_case("host")));
    let Some(directive) = written else { return Some(usual(target, group)) };
    let value = without_braces(&Variables::of(scope).spelled_out(directive.argument(1).unwrap_or("")));
    match value.as_str() {
        "$host" | "$http_host" | "$host:$server_port" | "$http_host:$server_port" => {
            ledger.carried(directive);
            None
        }
        "$proxy_host" => {
            ledger.carried(directive);
            Some(usual(target, group))
        }
        text if is_host(text) => {
            ledger.carried(directive);
            Some(text.into())
        }
        _ => {
            ledger.left(
                directive,
                "endpoints read the Host that the client asked for, their own, or one text",
                "write host = \"keep\", \"endpoint\" or \"app.internal\" in [upstream.NAME]",
            );
            None
        }
    }
}

/// What nginx says where nobody says otherwise: `$proxy_host`.
fn usual(target: &ProxyTarget, group: Option<&Directive>) -> Value {
    match group {
        _ if target.authority.starts_with("unix:") => "localhost".into(),
        Some(_) if is_host(&target.authority) => target.authority.as_str().into(),
        _ => "endpoint".into(),
    }
}

fn is_host(text: &str) -> bool {
    !text.contains('$') && !["keep", "endpoint", "off"].contains(&text) && Authority::parse(text).is_some()
}
