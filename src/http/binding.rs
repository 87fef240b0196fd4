//! Authentication that is of a connection and not of a request: NTLM and Negotiate (RFC 4559 §5). Whoever asks over a
//! connection after it was authenticated speaks in the name of whoever did that.

use http::header::{AUTHORIZATION, PROXY_AUTHENTICATE, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderName};

use crate::grammar::members;

/// Whether a head, of a request or of an answer, is a step of such an authentication.
pub fn is_step(headers: &HeaderMap) -> bool {
    headers.contains_key(&PERSISTENT_AUTH) || FIELDS.iter().any(|field| members(headers, field).any(binds_connection))
}

/// Whether credentials or a challenge are of a scheme that authenticates the connection.
fn binds_connection(challenge: &[u8]) -> bool {
    let scheme = challenge.split(u8::is_ascii_whitespace).next().unwrap_or(challenge);
    SCHEMES.iter().any(|binding| scheme.eq_ignore_ascii_case(binding.as_bytes()))
}

/// RFC 4559 §4; the others are what Windows offers beside them, CredSSP for its remote management.
const SCHEMES: [&str; 5] = ["negotiate", "ntlm", "kerberos", "nego2", "credssp"];
const FIELDS: [HeaderName; 5] = [
    AUTHORIZATION,
    WWW_AUTHENTICATE,
    PROXY_AUTHENTICATE,
    HeaderName::from_static("authentication-info"),
    HeaderName::from_static("proxy-authentication-info"),
];
/// How IIS says that it has authenticated the connection, or only the request: it is of one of these schemes either way.
static PERSISTENT_AUTH: HeaderName = HeaderName::from_static("persistent-auth");

#[cfg(test)]
mod tests {
    use super::*;

    fn is_step_with(lines: &[(&str, &str)]) -> bool {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(HeaderName::try_from(*name).unwrap(), value.parse().unwrap());
        }
        is_step(&headers)
    }

    #[test]
    fn schemes_that_authenticate_connections_are_found() {
        for line in [
            ("authorization", "NTLM TlRMTVNTUAABAAAA"),
            ("authorization", "negotiate YIIZ"),
            ("authorization", "Kerberos YIIZ"),
            ("www-authenticate", "NTLM"),
            ("www-authenticate", "Basic realm=\"a\", Negotiate"),
            ("www-authenticate", "Nego2"),
            ("authorization", "CredSSP TVNTUA=="),
            ("proxy-authenticate", "NTLM"),
            ("authentication-info", "Negotiate oYG2"),
            ("persistent-auth", "true"),
        ] {
            assert!(is_step_with(&[line]), "{line:?}");
        }
        assert!(is_step_with(&[("www-authenticate", "Basic realm=\"a\""), ("www-authenticate", "NTLM\t")]));
    }

    #[test]
    fn schemes_that_authenticate_requests_are_not() {
        for line in [
            ("authorization", "Bearer NTLM"),
            ("authorization", "Basic bnRsbQ=="),
            ("www-authenticate", "Digest realm=\"Negotiate\""),
            ("www-authenticate", "NTLMv9000"),
            ("x-authorization", "NTLM a"),
        ] {
            assert!(!is_step_with(&[line]), "{line:?}");
        }
        assert!(!is_step_with(&[]));
    }
}
