//! What keeps requests out and cannot be said here: a route that it guarded is closed until somebody has looked at it.

use std::cell::OnceCell;

use super::conditions::{Origins, names_in};
use super::instead::instead_of;
use super::ledger::{Fate, Ledger, Reason};
use super::moves::{is_named_by, is_of_other_paths, path_of, sends_to_one_place, takes_others};
use super::nothing::means_nothing;
use super::scope::Scope;
use super::uses::only_uses;
use crate::import::syntax::Directive;

/// Tells of whatever guards `scope` and is never carried over; true where there is something.
pub(super) fn has_guard_left(scope: &Scope<'_>, ledger: &Ledger) -> bool {
    let mut is_guarded = false;
    // A condition of a host has a route of its own by now.
    let is_left = |it: &&Directive| is_guard(it, scope) && ledger.fate(it) != Fate::Carried;
    for directive in scope.everything().filter(is_left) {
        let known = instead_of(directive.name()).map(|(_, reason)| reason);
        let unread = directive.trouble.as_ref().map(|trouble| {
            Reason::new(
                format!("cannot be read: {trouble}; what stands in it may keep requests out"),
                "bring it, and import again; --prefix says where relative paths start",
            )
        });
        let Reason { why, instead } = unread
            .or(known)
            .unwrap_or_else(|| Reason::new("it keeps requests out, and is not known here", "docs/access.md"));
        ledger.left(
            directive,
            format!("{why}; the routes that it guards answer 403 until somebody has looked at them"),
            instead,
        );
        is_guarded = true;
    }
    is_guarded
}

/// Whether `directive`, which stands in one of the blocks of `scope`, keeps requests out and is never carried over.
pub(super) fn is_guard(directive: &Directive, scope: &Scope<'_>) -> bool {
    let name = directive.name();
    let counts = || scope.last(name).is_some_and(|it| it.id == directive.id && it.value() != Some("off"));
    match name {
        "satisfy" => counts() && directive.value() == Some("any"),
        // Who may enter by these is said.
        "auth_basic" | "auth_request" | "auth_delay" => false,
        "js_access"
        | "ssl_crl"
        | "ssl_ocsp"
        | "modsecurity"
        | "ModSecurityEnabled"
        | "app_protect_enable"
        | "shib_request"
        | "SecRulesEnabled"
        | "accesskey"
        | "akamai_token_validate"
        | "nchan_authorize_request"
        | "auth_jwt_enabled" => counts(),
        // `auth_jwt`, and not what is said of it: `auth_jwt_key_file`.
        _ if name.strip_prefix("auth_").is_some_and(|way| !way.contains('_')) => counts(),
        "limit_except" => true,
        "if" => keeps_out_on_condition(directive, scope),
        "rewrite" => {
            let takes_others = takes_others(directive.argument(0).unwrap_or(""));
            takes_others && sends_to_one_place(directive, scope) || leads_by_client(directive, scope.whole())
        }
        "try_files" => counts() && tries_by_client(directive, scope.whole()),
        // Whatever stands in it may be a guard.
        "include" => directive.trouble.is_some() && !means_nothing(directive),
        _ => ["access_by_lua", "content_by_lua", "rewrite_by_lua", "server_rewrite_by_lua"]
            .iter()
            .any(|known| name.starts_with(known)),
    }
}

/// Whether an `if` refuses, or does with whoever does not show who he is what it does not do with others.
fn keeps_out_on_condition(directive: &Directive, scope: &Scope<'_>) -> bool {
    let origins = OnceCell::new();
    let origins = || origins.get_or_init(|| Origins::of(directive.texts(), scope.whole()));
    let is_of_other_paths = || is_of_other_paths(directive, || origins().are_paths());
    directive.inner().iter().any(|it| match (it.name(), it.argument(0)) {
        ("return", Some("503")) => origins().has_client() && !origins().has_file(),
        ("return", Some(status)) if is_refusal(status) => true,
        ("return", Some("204")) if origins().is_of_preflight() => false,
        ("return" | "rewrite", _) if sends_to_one_place(it, scope) && is_of_other_paths() => true,
        ("return" | "rewrite", _) if is_named_by(directive, it) => false,
        // What these make is looked at where it is used.
        ("set", _) => false,
        (name, _) if only_uses(name) => false,
        // `break` lets some through before others are sent elsewhere, and what is not known may do anything.
        _ => origins().has_client(),
    })
}

/// Whether it hangs on the client which location a `rewrite` comes to.
fn leads_by_client(directive: &Directive, tree: &[Directive]) -> bool {
    let to = path_of(directive.argument(1).unwrap_or(""));
    // The groups of its expression are parts of the path.
    let is_group = |name: &str| name.bytes().all(|byte| byte.is_ascii_digit());
    let names: Vec<_> = names_in(&[to]).filter(|name| !is_group(name)).map(|name| format!("${name}")).collect();
    Origins::of(names.iter().map(String::as_str).collect(), tree).has_client()
}

/// Whether it hangs on the client which file is tried.
fn tries_by_client(directive: &Directive, tree: &[Directive]) -> bool {
    // Behind the `?` stands what an application reads in the end.
    let files = directive.texts().into_iter().map(path_of).collect();
    Origins::of(files, tree).has_client()
}

/// Whether this is a status of a refusal; 503 says that nobody is let in for now.
pub(super) fn is_refusal(status: &str) -> bool {
    status.parse::<u16>().is_ok_and(|status| (400..=599).contains(&status) && status != 503)
}

/// What closes its routes, each in a way of its own.
#[cfg(test)]
pub(super) const CLOSING: &[&str] = &[
    "satisfy any;",
    "auth_jwt x;",
    "if ($http_x) { return 403; }",
    "if ($http_x) { return 444; }",
    "if ($bad) { set $x 1; return 404 nothing; }",
    "if ($cookie_session = '') { return 302 /login; }",
    "if ($remote_addr !~ ^10) { rewrite ^ /none last; }",
    "limit_except GET { deny all; }",
    "access_by_lua_file x.lua;",
    "rewrite_by_lua_file x.lua;",
    "auth_spnego on; auth_spnego_realm x;",
    "auth_oidc provider;",
    "auth_saml on;",
    "modsecurity on;",
    "js_access who.may;",
    "if ($http_x) { return 500; }",
    "if ($http_x_api_key != k) { return 302 /; }",
    "if ($arg_key != k) { rewrite ^ /denied last; }",
    "geo $office { default 0; } if ($office = 0) { return 302 /login; }",
    "if ($remote_addr !~ ^10) { return 503; }",
    "if ($http_x_api_key = k) { break; } rewrite ^ /denied last;",
    "if ($cookie_session = '') { content_by_lua_file denied.lua; }",
    "if ($request_uri !~ 'key=secret') { return 302 /login; }",
    "set $in 0; geo $in { default 0; } if ($in = 0) { return 302 /login; }",
    "if ($http_origin !~ ours) { return 204; }",
    "content_by_lua_file x.lua;",
    "shib_request on;",
    "rewrite ^/(?!public|login).* /login redirect;",
    "if ($uri ~ ^/(?!public|login)) { return 302 /login; }",
    "set $need 1; if ($uri ~ ^/public) { set $need 0; } if ($need) { return 302 /login; }",
    "geo $sorry { default /none; } if ($sorry) { return 302 $sorry; }",
    "map $cookie_session $login { '' /login; } if ($login) { return 302 $login; }",
    "if ($cookie_session ~ ^$) { rewrite ^/(.*)$ /login/$1 redirect; }",
    "if (!-f /srv/allow/$cookie_k) { return 503; }",
    "if ($uri !~ ^/(public|login)) { return 302 /login; }",
    "geo $off { default 0; } set $closed $off; if ($closed) { return 503; }",
    "try_files $cookie_gate @app;",
    "map $cookie_key $to { default /no; } rewrite ^ $to last;",
];

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
        for source in CLOSING {
            assert!(is_guarded(source), "{source}");
        }
        for source in [
            "satisfy all;",
            "auth_jwt off;",
            "if ($scheme = http) { return 301 https://$host$request_uri; }",
            "if ($request_method = POST) { rewrite ^ /post last; }",
            "if (-f x) { return 503; }",
            "set $off 0; if (-f x) { set $off 1; } if ($off) { return 503; }",
            "deny all;",
            "if ($request_method = OPTIONS) { add_header Access-Control-Max-Age 86400; return 204; }",
            "if ($http_origin ~ ours) { set $ours 1; add_header Access-Control-Allow-Origin $http_origin; proxy_hide_header x; }",
            "if ($http_user_agent ~ Mobile) { break; }",
            "set $off 0; if (-f x) { set $off 1; } if ($remote_addr = 10.0.0.1) { set $off 0; } if ($off) { return 503; }",
            "try_files $uri $uri/ /index.php?$args;",
            "rewrite ^/(?!app)(.*)$ /app/$1 redirect;",
            "rewrite ^/old /new redirect;",
            "rewrite ^/$ /app/ redirect;",
            "map $uri $new { /old /new; } if ($new) { return 301 $new; }",
            "rewrite ^/(.*)$ /$host/$1?key=$arg_key last;",
            "if ($uri !~ ^/health) { return 301 https://$host$request_uri; }",
            "if ($uri ~ ^/old) { return 301 /new; }",
            "if ($arg_p) { return 301 /posts/$arg_p; }",
        ] {
            assert!(!is_guarded(source), "{source}");
        }
    }
}
