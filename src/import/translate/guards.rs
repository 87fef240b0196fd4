//! What keeps requests out and cannot be said here: a route that it guarded is closed until somebody has looked at it.

use super::instead::instead_of;
use super::ledger::{Ledger, Reason};
use super::scope::Scope;
use crate::import::syntax::Directive;

/// Tells of whatever guards `scope` and is never carried over; true where there is something.
pub(super) fn has_guard_left(scope: &Scope<'_>, ledger: &Ledger) -> bool {
    let mut is_guarded = false;
    for directive in scope.everything().filter(|it| is_guard(it, scope)) {
        let known = instead_of(directive.name()).map(|(_, reason)| reason);
        let Reason { why, instead } =
            known.unwrap_or_else(|| Reason::new("it keeps requests out, and is not known here", "docs/access.md"));
        ledger.left(
            directive,
            format!("{why}; the routes that it guards answer 403 until somebody has looked at them"),
            instead,
        );
        is_guarded = true;
    }
    is_guarded
}

fn is_guard(directive: &Directive, scope: &Scope<'_>) -> bool {
    let name = directive.name();
    let counts = || scope.last(name).is_some_and(|it| it.id == directive.id && it.value() != Some("off"));
    match name {
        "satisfy" => counts() && directive.value() == Some("any"),
        "auth_basic" | "auth_basic_user_file" | "auth_request" | "auth_request_set" => false,
        "auth_jwt" | "auth_ldap" | "auth_pam" | "auth_digest" | "auth_gss" | "auth_oidc" | "js_access" | "ssl_crl" => {
            counts()
        }
        "limit_except" => true,
        "if" => {
            directive.inner().iter().any(|it| it.name() == "return" && matches!(it.argument(0), Some("401" | "403")))
        }
        _ => name.starts_with("access_by_lua"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::import::syntax::{Numbers, parse};

    fn is_guarded(source: &str) -> bool {
        let mut numbers = Numbers::default();
        let tree = parse(source, &"x".into(), &mut numbers).unwrap();
        has_guard_left(&Scope::of(&tree), &Ledger::new(numbers.count()))
    }

    #[test]
    fn what_keeps_out_closes() {
        for source in [
            "satisfy any;",
            "auth_jwt x;",
            "if ($http_x) { return 403; }",
            "limit_except GET { deny all; }",
            "access_by_lua_file x.lua;",
        ] {
            assert!(is_guarded(source), "{source}");
        }
        for source in ["satisfy all;", "auth_jwt off;", "if ($http_x) { return 301 /; }", "auth_basic x;", "deny all;"]
        {
            assert!(!is_guarded(source), "{source}");
        }
    }
}
