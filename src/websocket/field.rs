//! What the fields of a handshake are made of: lists and tokens (RFC 9110 §5.6).

use http::HeaderMap;
use http::header::HeaderName;

/// The members of a comma-separated header, over all of its lines and in their order; empty ones are skipped (RFC 9110 §5.6.1.2).
///
/// Lines that are not visible ASCII have no members. Quoted strings are not known here.
pub fn tokens(headers: &HeaderMap, name: HeaderName) -> impl Iterator<Item = &str> {
    headers
        .get_all(name)
        .into_iter()
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(','))
        .map(|token| token.trim_matches([' ', '\t']))
        .filter(|token| !token.is_empty())
}

/// Whether a comma-separated header has `token` among its members, in any case of letters.
pub fn has_token(headers: &HeaderMap, name: HeaderName, token: &str) -> bool {
    tokens(headers, name).any(|member| member.eq_ignore_ascii_case(token))
}

/// Whether a text is a token (RFC 9110 §5.6.2).
pub fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use http::header::{CONNECTION, UPGRADE};

    use super::*;

    #[test]
    fn lists_tokens_of_every_line_that_is_text() {
        let mut headers = HeaderMap::new();
        for line in ["a , b", "\u{fc}, c", ",d,,"] {
            headers.append(CONNECTION, HeaderValue::from_bytes(line.as_bytes()).unwrap());
        }
        headers.insert(UPGRADE, HeaderValue::from_static("e"));
        assert_eq!(tokens(&headers, CONNECTION).collect::<Vec<_>>(), ["a", "b", "d"]);
        assert!(!has_token(&headers, CONNECTION, "e"));
    }
}
