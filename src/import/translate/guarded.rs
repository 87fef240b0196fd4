//! What kept requests out with nginx, wherever it stands: named at the top of what is written.
//!
//! What of it can be said is said, and what cannot is closed where that is seen. But nginx finds the guard of a request by rules that
//! there are none of here (prefixes of letters, exact paths, expressions, the phases of a named location), so somebody has to look.

use super::asked::refuses;
use super::guards::is_guard;
use super::scope::Scope;
use crate::import::syntax::Directive;

/// What is said of it, if there is any in `tree`; somebody has to look at that.
pub(super) fn told_of_guards(tree: &[Directive]) -> Option<String> {
    let mut places = Vec::new();
    collect(&Scope::of(tree), &mut places);
    (!places.is_empty()).then(|| {
        format!(
            "look at this: nginx kept requests out at {}. Here a guard is that of a route, and a route is for a path and what is \
             below it: before this is served, go through its routes, and see who may enter each.",
            places.join(", ")
        )
    })
}

/// The places of what keeps out of the block of `scope`, and of those in it; one that has a block is named for all of that.
fn collect(scope: &Scope<'_>, places: &mut Vec<String>) {
    for directive in scope.own() {
        if !keeps_out(directive, scope) {
            collect(&scope.within(directive.inner()), places);
            continue;
        }
        let place = directive.place.to_string();
        if !places.contains(&place) {
            places.push(place);
        }
    }
}

/// Whether `directive` keeps requests out of the block of `scope`, in which it stands.
fn keeps_out(directive: &Directive, scope: &Scope<'_>) -> bool {
    match directive.name() {
        "deny" | "internal" | "valid_referers" | "secure_link" => true,
        "auth_basic" | "auth_request" | "ssl_verify_client" => directive.value() != Some("off"),
        _ => refuses(directive) || is_guard(directive, scope),
    }
}

#[cfg(test)]
mod tests {
    use super::super::guards::CLOSING;
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
            "location / { return 500; }",
            "map $http_x $may { default 0; } server { if ($may = 0) { return 302 /; } }",
        ] {
            assert!(told(source).is_some_and(|it| it.contains("x:1")), "{source}");
        }
        for source in [
            "server { listen 80; return 301 https://$host$request_uri; ssl_verify_client off; auth_basic off; }",
            "server { if ($scheme = http) { return 301 https://$host$request_uri; } satisfy all; auth_jwt off; }",
        ] {
            assert_eq!(told(source), None, "{source}");
        }
    }

    #[test]
    fn whatever_closes_its_routes_is_named() {
        for source in CLOSING {
            assert!(told(source).is_some_and(|it| it.contains("x:1")), "{source}");
        }
    }

    #[test]
    fn each_place_is_named_once_however_many_there_are() {
        let many = told(&"deny all; deny all;\n".repeat(30)).unwrap();
        assert_eq!(many.matches("x:30").count(), 1, "{many}");
        assert_eq!(told("if ($http_x) {\n return 403;\n}").unwrap().matches("x:").count(), 1);
    }
}
