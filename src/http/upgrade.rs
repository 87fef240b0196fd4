//! What becomes of a request to switch protocols (RFC 9110 §7.8).

use http::header::{CONNECTION, UPGRADE};
use http::{HeaderMap, Version};

use super::tokens::{has_token, tokens};

/// What a request wants to upgrade to, as far as its route lets it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Upgrade<'a> {
    /// It asks for no upgrade: a plain exchange.
    None,
    /// It asks for nothing that is let through: a plain exchange too, without the request to upgrade.
    Strip,
    /// It asks for a WebSocket.
    Websocket,
    /// It asks for another protocol on the route's list, given as the list spells it.
    Other(&'a str),
}

impl<'a> Upgrade<'a> {
    /// The token of the protocol that the endpoint is asked to switch to; `None` for a plain exchange.
    pub fn token(self) -> Option<&'a str> {
        match self {
            Self::None | Self::Strip => None,
            Self::Websocket => Some(WEBSOCKET),
            Self::Other(token) => Some(token),
        }
    }
}

/// Judges a request by the first token of it that `allowed` has; `allowed` is in lower case.
///
/// Other versions of HTTP are never let through, listed or not: curl and Java offer h2c on every plain request, and an
/// endpoint that took it would speak to the client behind our back.
pub fn classify<'a>(headers: &HeaderMap, version: Version, allowed: &'a [String]) -> Upgrade<'a> {
    if version != Version::HTTP_11 || !has_token(headers, &CONNECTION, "upgrade") {
        return Upgrade::None;
    }
    let mut offered = tokens(headers, &UPGRADE).peekable();
    if offered.peek().is_none() {
        return Upgrade::None;
    }
    let chosen = offered
        .filter(|token| !is_http(token))
        .find_map(|token| allowed.iter().find(|entry| entry.as_bytes().eq_ignore_ascii_case(token)));
    match chosen.map(String::as_str) {
        None => Upgrade::Strip,
        Some(WEBSOCKET) => Upgrade::Websocket,
        Some(token) => Upgrade::Other(token),
    }
}

/// Whether a token, with or without a version after a slash, means HTTP itself.
fn is_http(token: &[u8]) -> bool {
    let name = token.split(|&byte| byte == b'/').next().unwrap_or(token);
    [&b"h2c"[..], b"h2", b"h3", b"http"].iter().any(|http| name.eq_ignore_ascii_case(http))
}

const WEBSOCKET: &str = "websocket";

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    fn classified(connection: &str, upgrade: &[&str], allowed: &[&str]) -> Option<String> {
        let allowed: Vec<_> = allowed.iter().map(|&token| token.to_owned()).collect();
        match classify(&headers(connection, upgrade), Version::HTTP_11, &allowed) {
            Upgrade::None => None,
            Upgrade::Strip => Some("(stripped)".into()),
            other => other.token().map(str::to_owned),
        }
    }

    fn headers(connection: &str, upgrade: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(CONNECTION, connection.parse().unwrap());
        for line in upgrade {
            headers.append(UPGRADE, line.parse().unwrap());
        }
        headers
    }

    #[test]
    fn takes_the_first_token_that_is_let_through() {
        for (upgrade, expected) in [
            (&["websocket"][..], "websocket"),
            (&["WebSocket"], "websocket"),
            (&["h2c", "websocket"], "websocket"),
            (&["irc, my/1, websocket"], "my/1"),
            (&["irc"], "(stripped)"),
            (&["h2c"], "(stripped)"),
            (&["H2C/1"], "(stripped)"),
            (&["HTTP/2.0"], "(stripped)"),
        ] {
            let allowed = ["websocket", "my/1", "h2c", "h2c/1", "http/2.0"];
            assert_eq!(classified("keep-alive, Upgrade", upgrade, &allowed).as_deref(), Some(expected), "{upgrade:?}");
        }
        assert_eq!(classified("upgrade", &["websocket"], &[]).as_deref(), Some("(stripped)"));
    }

    #[test]
    fn without_a_connection_token_there_is_no_upgrade() {
        assert_eq!(classified("keep-alive", &["websocket"], &["websocket"]), None);
        assert_eq!(classified("upgrade", &[], &["websocket"]), None);
        assert_eq!(classified("upgrade", &[" , "], &["websocket"]), None);
    }

    #[test]
    fn http_1_0_knows_no_upgrade() {
        let allowed = ["websocket".to_owned()];
        assert_eq!(classify(&headers("upgrade", &["websocket"]), Version::HTTP_10, &allowed), Upgrade::None);
    }

    proptest! {
        #[test]
        fn never_lets_another_http_through(upgrade in "[ -~]*") {
            let allowed = ["h2c".to_owned(), "websocket".to_owned()];
            let mut headers = headers("upgrade", &[]);
            headers.insert(UPGRADE, HeaderValue::from_str(&upgrade).unwrap());
            prop_assert!(matches!(
                classify(&headers, Version::HTTP_11, &allowed),
                Upgrade::None | Upgrade::Strip | Upgrade::Websocket
            ));
        }
    }
}
