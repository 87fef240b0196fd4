//! What stands in the access rules of a route: who is one client, what a password is for, where a user's name goes.

use http::HeaderName;
use http::header::{
    AUTHORIZATION, CONNECTION, CONTENT_LENGTH, COOKIE, FORWARDED, HOST, ORIGIN, TE, TRAILER, TRANSFER_ENCODING, UPGRADE,
};

use super::settings::ClientKeySource;
use super::syntax::{Syntax, SyntaxError};

/// Who counts as one client.
pub(super) const CLIENT_KEY: Syntax<ClientKeySource> = Syntax {
    noun: "who is one client",
    example: r#""client_ip", "header:NAME" or "claim:NAME""#,
    unit: "",
    parse: parse_client_key,
};

/// What a browser shows whoever it asks for a password.
pub(super) const REALM: Syntax<String> =
    Syntax { noun: "a realm", example: r#""internal""#, unit: "", parse: parse_realm };

/// A header that the endpoint reads a user's name in.
pub(super) const USER_HEADER: Syntax<HeaderName> =
    Syntax { noun: "the name of a header", example: r#""x-user""#, unit: "", parse: parse_user_header };

fn parse_client_key(text: &str) -> Result<ClientKeySource, SyntaxError> {
    match text.split_once(':') {
        None if text == "client_ip" => Ok(ClientKeySource::ClientIp),
        None if text == "header" => {
            Err(SyntaxError::new("\"header\" does not say which", "write \"header:NAME\", such as \"header:x-user\""))
        }
        None if text == "claim" => {
            Err(SyntaxError::new("\"claim\" does not say which", "write \"claim:NAME\", such as \"claim:sub\""))
        }
        Some(("claim", name)) if !name.is_empty() => Ok(ClientKeySource::Claim(name.to_owned())),
        Some(("header", name)) => HeaderName::from_bytes(name.as_bytes())
            .map(ClientKeySource::Header)
            .map_err(|_| format!("{name:?} is not the name of a header").into()),
        _ => Err(format!("{text:?} does not say who is one client").into()),
    }
}

/// It stands in quotes in a header: no control, nothing beyond ASCII that a browser would read in another charset.
fn parse_realm(text: &str) -> Result<String, SyntaxError> {
    let is_plain = |c: char| (c.is_ascii_graphic() && c != '"' && c != '\\') || c == ' ';
    if (1..=128).contains(&text.len()) && text.chars().all(is_plain) {
        Ok(text.into())
    } else {
        let hint = "write letters, digits, blanks and marks of ASCII but \" and \\, 128 at the most";
        Err(SyntaxError::new(format!("{text:?} is not a realm"), hint))
    }
}

fn parse_user_header(text: &str) -> Result<HeaderName, SyntaxError> {
    const OTHERS: [HeaderName; 11] = [
        AUTHORIZATION,
        CONNECTION,
        CONTENT_LENGTH,
        COOKIE,
        FORWARDED,
        HOST,
        ORIGIN,
        TE,
        TRAILER,
        TRANSFER_ENCODING,
        UPGRADE,
    ];
    let name = HeaderName::from_bytes(text.as_bytes()).map_err(|_| format!("{text:?} is not the name of a header"))?;
    let prefixes = ["sec-", "x-forwarded-", "proxy-", "content-"];
    if OTHERS.contains(&name) || prefixes.iter().any(|prefix| name.as_str().starts_with(prefix)) {
        let hint = "name a header that nothing else is said in, such as \"x-user\"";
        return Err(SyntaxError::new(format!("{name} means something else"), hint));
    }
    Ok(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_is_an_address_or_whoever_a_header_or_a_token_names() {
        assert_eq!(parse_client_key("client_ip").unwrap(), ClientKeySource::ClientIp);
        let user = ClientKeySource::Header(HeaderName::from_static("x-user"));
        assert_eq!(parse_client_key("header:X-User").unwrap(), user);
        assert_eq!(parse_client_key("claim:a.b").unwrap(), ClientKeySource::Claim("a.b".into()));
        for wrong in ["", "ip", "header", "header:", "header:a b", "cookie:sid", "claim", "claim:"] {
            assert!(parse_client_key(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_realm_never_leaves_its_quotes() {
        assert_eq!(parse_realm("staff only!").unwrap(), "staff only!");
        for wrong in ["", "a\"b", "a\\", "a\r\nb", "bücher", &"a".repeat(129)] {
            assert!(parse_realm(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn the_name_of_a_user_goes_where_nothing_else_stands() {
        assert_eq!(parse_user_header("X-User").unwrap(), HeaderName::from_static("x-user"));
        for wrong in ["host", "Authorization", "content-length", "sec-websocket-key", "x-forwarded-for", "x user", ""] {
            assert!(parse_user_header(wrong).is_err(), "{wrong}");
        }
    }
}
