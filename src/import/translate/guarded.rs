//! What kept requests out with nginx, wherever it stands: named at the top of what is written.
//!
//! What of it can be said is said, and what cannot is closed where that is seen. But nginx finds the guard of a request by rules that
//! there are none of here (prefixes of letters, exact paths, expressions, the phases of a named location), so somebody has to look.

use crate::import::syntax::Directive;

/// What is said of it, if there is any; somebody has to look at that.
pub(super) fn told_of_guards(block: &[Directive]) -> Option<String> {
    let mut guards = Vec::new();
    collect(block, &mut guards);
    let places: Vec<_> = guards.iter().take(MOST_PLACES).map(|it| it.place.to_string()).collect();
    let more = guards.len().saturating_sub(MOST_PLACES);
    let and_more = if more > 0 { format!(" and {more} more") } else { String::new() };
    (!places.is_empty()).then(|| {
        format!(
            "look at this: nginx kept requests out at {}{and_more}. Here a guard is that of a route, and a route is for a path and what is \
             below it: before this is served, go through its routes, and see who may enter each.",
            places.join(", ")
        )
    })
}

/// How many places are named.
const MOST_PLACES: usize = 12;

fn collect<'t>(block: &'t [Directive], guards: &mut Vec<&'t Directive>) {
    for directive in block {
        if is_guard(directive) {
            guards.push(directive);
        }
        collect(directive.inner(), guards);
    }
}

fn is_guard(directive: &Directive) -> bool {
    match directive.name() {
        "deny" | "satisfy" | "limit_except" | "internal" | "valid_referers" | "secure_link" | "js_access" => true,
        "return" => directive.argument(0).is_some_and(|status| status.starts_with('4')),
        "ssl_verify_client" => directive.value() != Some("off"),
        "auth_basic" | "auth_request" | "auth_jwt" | "auth_ldap" | "auth_pam" | "auth_digest" | "auth_gss" => true,
        name => name.starts_with("access_by_lua"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::import::syntax::{Numbers, parse};

    fn told(source: &str) -> Option<String> {
        told_of_guards(&parse(source, &"x".into(), &mut Numbers::default()).unwrap())
    }

    #[test]
    fn whatever_keeps_out_is_named_wherever_it_stands() {
        for source in [
            "server { location /a { deny all; } }",
            "server { auth_request /auth; location @named { auth_basic off; } }",
            "server { if ($http_x) { return 404; } }",
            "http { server { location ~ ^/x { internal; } } }",
            "location / { limit_except GET { allow all; } }",
            "ssl_verify_client optional;",
            "location / { access_by_lua_file x.lua; }",
        ] {
            assert!(told(source).is_some_and(|it| it.contains("x:1")), "{source}");
        }
        assert_eq!(told("server { listen 80; return 301 https://$host$request_uri; ssl_verify_client off; }"), None);
    }

    #[test]
    fn many_are_counted() {
        let many = told(&"deny all;\n".repeat(15)).unwrap();
        assert!(many.contains("x:12 and 3 more") && !many.contains("x:13"), "{many}");
    }
}
