//! What is written in `[route.NAME.jwt]`: places of tokens, and names of claims.

use http::HeaderName;
use http::header::AUTHORIZATION;

use super::settings::TokenPlace;
use super::syntax::{Syntax, SyntaxError};
use crate::grammar::{CookieName, is_token};

/// Where a request has its token.
pub(super) const TOKEN_PLACE: Syntax<TokenPlace> = Syntax {
    noun: "a place of tokens",
    example: r#""header:authorization", "cookie:NAME", "query:NAME", "protocol:bearer." or "protocol:access_token""#,
    unit: "",
    parse: parse_place,
};

/// The name of a claim; one within another has a dot between the two names.
pub(super) const CLAIM: Syntax<String> =
    Syntax { noun: "the name of a claim", example: r#""sub" or "realm_access.roles""#, unit: "", parse: parse_claim };

/// A text that is compared with what a token says.
pub(super) const CLAIM_VALUE: Syntax<String> =
    Syntax { noun: "a text", example: r#""https://login.example.com""#, unit: "", parse: |text| Ok(text.to_owned()) };

/// A header in which an endpoint reads a claim.
pub(super) const CLAIM_HEADER: Syntax<HeaderName> =
    Syntax { noun: "the name of a header", example: r#"x-user = "sub""#, unit: "", parse: parse_claim_header };

fn parse_place(text: &str) -> Result<TokenPlace, SyntaxError> {
    let problem = || format!("{text:?} is no place of tokens");
    let (kind, name) = text.split_once(':').ok_or_else(problem)?;
    match kind {
        "header" => {
            let name = HeaderName::from_bytes(name.as_bytes());
            let name = name.map_err(|_| format!("{text:?} does not name a header"))?;
            Ok(if name == AUTHORIZATION { TokenPlace::Bearer } else { TokenPlace::Header(name) })
        }
        "cookie" => {
            let name = CookieName::parse(name).ok_or_else(|| format!("{text:?} does not name a cookie"))?;
            Ok(TokenPlace::Cookie(name))
        }
        "query" if !name.is_empty() => Ok(TokenPlace::Query(name.into())),
        "protocol" if is_token(name) && name.ends_with('.') => Ok(TokenPlace::ProtocolBegins(name.into())),
        "protocol" if is_token(name) => Ok(TokenPlace::ProtocolAfter(name.into())),
        _ => Err(problem().into()),
    }
}

fn parse_claim(text: &str) -> Result<String, SyntaxError> {
    if text.is_empty() { Err("a claim has a name".to_owned().into()) } else { Ok(text.into()) }
}

/// Nothing that a connection, or whoever tells of a client, is read by.
fn parse_claim_header(text: &str) -> Result<HeaderName, SyntaxError> {
    let name = HeaderName::from_bytes(text.as_bytes()).map_err(|_| format!("{text:?} is not the name of a header"))?;
    let is_taken = TAKEN.contains(&name.as_str()) || name.as_str().starts_with("sec-websocket-");
    if is_taken {
        return Err(SyntaxError::new(
            format!("{text:?} means something else to every server"),
            "choose a name of your own, such as x-user",
        ));
    }
    Ok(name)
}

const TAKEN: [&str; 16] = [
    "authorization",
    "connection",
    "content-length",
    "content-type",
    "cookie",
    "expect",
    "forwarded",
    "host",
    "keep-alive",
    "proxy-authorization",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "x-forwarded-for",
    "x-real-ip",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_a_header_a_cookie_a_parameter_or_a_subprotocol() {
        let place = |text| parse_place(text).unwrap();
        assert_eq!(place("header:Authorization"), TokenPlace::Bearer);
        assert_eq!(place("header:X-Token"), TokenPlace::Header(HeaderName::from_static("x-token")));
        assert_eq!(place("cookie:sid"), TokenPlace::Cookie(CookieName::parse("sid").unwrap()));
        assert_eq!(place("query:token"), TokenPlace::Query("token".into()));
        assert_eq!(place("protocol:bearer."), TokenPlace::ProtocolBegins("bearer.".into()));
        assert_eq!(place("protocol:access_token"), TokenPlace::ProtocolAfter("access_token".into()));
        for wrong in ["", "authorization", "query:", "cookie:a b", "header:", "protocol:", "protocol:a b", "path:1"] {
            assert!(parse_place(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn a_claim_is_said_in_no_header_that_servers_read() {
        assert!(parse_claim_header("X-User").is_ok());
        for taken in ["Host", "connection", "Sec-WebSocket-Key", "x-forwarded-for", "a b"] {
            assert!(parse_claim_header(taken).is_err(), "{taken}");
        }
    }
}
