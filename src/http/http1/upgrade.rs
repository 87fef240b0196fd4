//! What becomes of a request of HTTP/1.1 to switch protocols (RFC 9110 §7.8, RFC 6455 §4.2.1): read once, by one grammar.
//!
//! HTTP/1.0 knows no upgrade, and HTTP/2 has another (RFC 8441).

use http::header::{CONNECTION, SEC_WEBSOCKET_KEY, UPGRADE};
use http::request::Parts;
use http::{HeaderMap, Method, Version};

use super::hygiene;
use crate::grammar::{has_member, members};
use crate::http::Refusal;
use crate::http::reader::{Handshake, WEBSOCKET};
use crate::websocket::{Strictness, Tolerance, check_request};

/// What a request wants to upgrade to, as far as its route lets it.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Upgrade {
    /// It asks for no upgrade: a plain exchange.
    None,
    /// It asks for nothing that is let through: a plain exchange too, without the request to upgrade.
    Strip,
    /// It asks for a WebSocket.
    Websocket,
    /// It asks for another protocol on the route's list, given as the client spells it.
    Other(String),
}

/// What a request asks to become, checked, of the protocols that are `allowed`; `None` for a plain exchange.
///
/// # Errors
/// It asks for a tunnel and must not: by what it says, or by its body.
pub fn handshake(request: &Parts, allowed: &[String], tolerance: &mut Tolerance) -> Result<Option<Handshake>, Refusal> {
    let Parts { method, version, headers, .. } = request;
    match classify(request, allowed, tolerance.strictness()) {
        Upgrade::None | Upgrade::Strip => Ok(None),
        Upgrade::Websocket => {
            hygiene::check_websocket_body(headers).map_err(Refusal::Unclean)?;
            let key = check_request(method, *version, headers, tolerance).map_err(Refusal::BadHandshake)?;
            Ok(Some(Handshake::Websocket(key)))
        }
        Upgrade::Other(token) => {
            hygiene::check_upgrade_body(headers).map_err(Refusal::Unclean)?;
            Ok(Some(Handshake::Other(token)))
        }
    }
}

/// Judges a request by the first token of it that `allowed` has; `allowed` is in lower case.
///
/// A protocol with a version is let through where it is listed with that version, one without where it is listed without.
/// Other versions of HTTP are never let through, listed or not: curl and Java offer h2c on every plain request, and an
/// endpoint that took it would speak to the client behind our back.
///
/// Where it is lenient, a WebSocket is also asked for without `Connection: upgrade`: a key is sent by nobody who does not
/// mean it.
fn classify(request: &Parts, allowed: &[String], strictness: Strictness) -> Upgrade {
    let headers = &request.headers;
    if request.version != Version::HTTP_11 {
        return Upgrade::None;
    }
    if !has_member(headers, &CONNECTION, "upgrade") {
        return if strictness == Strictness::Lenient && is_opening_without_connection(request, allowed) {
            Upgrade::Websocket
        } else {
            Upgrade::None
        };
    }
    let mut offered = members(headers, &UPGRADE).peekable();
    if offered.peek().is_none() {
        return Upgrade::None;
    }
    let mut may_pass = offered.filter_map(|token| str::from_utf8(token).ok()).filter(|token| {
        !is_http(token)
            && allowed.iter().any(|entry| entry.eq_ignore_ascii_case(token))
            && (!is_websocket(token) || is_opening(&request.method, headers))
    });
    match may_pass.next() {
        None => Upgrade::Strip,
        Some(token) if is_websocket(token) => Upgrade::Websocket,
        Some(token) => Upgrade::Other(token.to_owned()),
    }
}

/// Whether a request that asks for `websocket` means it, well or badly.
///
/// A proxy in front may ask so with whatever passes it, and RD Gateway asks with a method of its own, and goes on without.
fn is_opening(method: &Method, headers: &HeaderMap) -> bool {
    method == Method::GET && headers.keys().any(|name| name.as_str().starts_with("sec-websocket-"))
}

/// Whether nothing but its `Connection` header keeps a request from asking for a WebSocket that may pass.
fn is_opening_without_connection(request: &Parts, allowed: &[String]) -> bool {
    request.method == Method::GET
        && request.headers.contains_key(SEC_WEBSOCKET_KEY)
        && has_member(&request.headers, &UPGRADE, WEBSOCKET)
        && allowed.iter().any(|entry| entry == WEBSOCKET)
}

fn is_websocket(token: &str) -> bool {
    token.eq_ignore_ascii_case(WEBSOCKET)
}

/// Whether a token, with or without a version after a slash, means HTTP itself.
fn is_http(token: &str) -> bool {
    let name = token.split('/').next().unwrap_or(token);
    ["h2c", "h2", "h3", "http"].iter().any(|http| name.eq_ignore_ascii_case(http))
}

#[cfg(test)]
mod tests {
    use http::{HeaderValue, Request};
    use proptest::prelude::*;

    use super::*;

    const KEY: &str = "sec-websocket-key";

    /// A handshake that lists these connection options and tokens.
    fn request(connection: &str, upgrade: &[&str]) -> Parts {
        let mut parts =
            Request::builder().header(CONNECTION, connection).header(KEY, "x").body(()).unwrap().into_parts().0;
        for line in upgrade {
            parts.headers.append(UPGRADE, line.parse().unwrap());
        }
        parts
    }

    fn classified(request: &Parts, allowed: &[&str]) -> Option<String> {
        classified_as(Strictness::Strict, request, allowed)
    }

    fn classified_as(strictness: Strictness, request: &Parts, allowed: &[&str]) -> Option<String> {
        let allowed: Vec<_> = allowed.iter().map(|&token| token.to_owned()).collect();
        match classify(request, &allowed, strictness) {
            Upgrade::None => None,
            Upgrade::Strip => Some("(stripped)".into()),
            Upgrade::Websocket => Some(WEBSOCKET.into()),
            Upgrade::Other(token) => Some(token),
        }
    }

    #[test]
    fn takes_the_first_token_that_is_let_through() {
        for (upgrade, expected) in [
            (&["websocket"][..], "websocket"),
            (&["WebSocket"], "websocket"),
            (&["h2c", "websocket"], "websocket"),
            (&["irc, My/1, websocket"], "My/1"),
            (&["my, MY/2, my/1.0"], "(stripped)"),
            (&["websocket/13"], "(stripped)"),
            (&["irc"], "(stripped)"),
            (&["h2c"], "(stripped)"),
            (&["H2C/1"], "(stripped)"),
            (&["HTTP/2.0"], "(stripped)"),
        ] {
            let allowed = ["websocket", "my/1", "h2c", "h2c/1", "http/2.0"];
            assert_eq!(
                classified(&request("keep-alive, Upgrade", upgrade), &allowed).as_deref(),
                Some(expected),
                "{upgrade:?}"
            );
        }
        assert_eq!(classified(&request("upgrade", &["websocket"]), &[]).as_deref(), Some("(stripped)"));
    }

    #[test]
    fn without_a_connection_token_there_is_no_upgrade() {
        assert_eq!(classified(&request("keep-alive", &["websocket"]), &["websocket"]), None);
        assert_eq!(classified(&request("upgrade", &[]), &["websocket"]), None);
        assert_eq!(classified(&request("upgrade", &[" , "]), &["websocket"]), None);
    }

    #[test]
    fn a_lenient_route_knows_a_websocket_by_its_key() {
        let lenient = |request: &Parts, allowed: &[&str]| classified_as(Strictness::Lenient, request, allowed);
        let mut bare = request("keep-alive", &["foo, WebSocket"]);
        assert_eq!(lenient(&bare, &["websocket", "foo"]).as_deref(), Some("websocket"));
        bare.headers.remove(CONNECTION);
        assert_eq!(lenient(&bare, &["websocket", "foo"]).as_deref(), Some("websocket"));
        assert_eq!(classified(&bare, &["websocket", "foo"]), None);

        assert_eq!(lenient(&bare, &["foo"]), None, "not let through");
        assert_eq!(lenient(&request("keep-alive", &["foo"]), &["websocket", "foo"]), None, "no WebSocket");
        let mut keyless = bare.clone();
        keyless.headers.remove(KEY);
        keyless.headers.insert("sec-websocket-version", HeaderValue::from_static("13"));
        let mut other_method = bare.clone();
        other_method.method = Method::POST;
        let mut old = bare;
        old.version = Version::HTTP_10;
        for request in [keyless, other_method, old] {
            assert_eq!(lenient(&request, &["websocket"]), None, "{request:?}");
        }
    }

    #[test]
    fn http_1_0_knows_no_upgrade() {
        let mut old = request("upgrade", &["websocket"]);
        old.version = Version::HTTP_10;
        assert_eq!(classified(&old, &["websocket"]), None);
    }

    #[test]
    fn a_websocket_is_asked_for_with_get_and_a_header_of_its_own() {
        let mut other_method = request("upgrade", &["websocket, mine"]);
        other_method.method = Method::from_bytes(b"RDG_OUT_DATA").unwrap();
        let mut bare = request("upgrade", &["websocket, mine"]);
        bare.headers.remove(KEY);
        for request in [other_method, bare] {
            assert_eq!(classified(&request, &["websocket"]).as_deref(), Some("(stripped)"));
            assert_eq!(classified(&request, &["websocket", "mine"]).as_deref(), Some("mine"));
        }
    }

    proptest! {
        #[test]
        fn never_lets_another_http_through(upgrade in "[ -~]*") {
            let allowed = ["h2c".to_owned(), "websocket".to_owned()];
            let mut request = request("upgrade", &[]);
            request.headers.insert(UPGRADE, HeaderValue::from_str(&upgrade).unwrap());
            prop_assert!(matches!(
                classify(&request, &allowed, Strictness::Strict),
                Upgrade::None | Upgrade::Strip | Upgrade::Websocket
            ));
        }
    }
}
