//! What is written of an ACME directory, and of what is ordered there.

use http::Uri;

use super::name_syntax::parse_host_name;
use super::syntax::{Syntax, SyntaxError};

/// Where a directory is.
pub(super) const DIRECTORY: Syntax<String> = Syntax {
    noun: "the URL of a directory",
    example: r#""https://acme-v02.api.letsencrypt.org/directory""#,
    unit: "",
    parse: parse_directory,
};

/// Whom a directory may write to.
pub(super) const CONTACT: Syntax<String> =
    Syntax { noun: "a URL", example: r#""mailto:ops@example.com""#, unit: "", parse: parse_contact };

/// What a certificate is ordered for.
pub(super) const ACME_NAME: Syntax<String> =
    Syntax { noun: "a host name", example: r#""chat.example.com""#, unit: "", parse: parse_name };

/// The identifier of a key.
pub(super) const KID: Syntax<String> =
    Syntax { noun: "the identifier of a key", example: r#""kid-1""#, unit: "", parse: parse_kid };

fn parse_directory(text: &str) -> Result<String, SyntaxError> {
    let uri: Uri = text.parse().map_err(|_| format!("{text:?} is not a URL"))?;
    let is_whole =
        uri.host().is_some_and(|host| !host.is_empty()) && !uri.authority().is_some_and(|it| it.as_str().contains('@'));
    match uri.scheme_str() {
        Some("https") if is_whole => Ok(text.to_owned()),
        Some("http") => Err(SyntaxError::new(
            format!("{text:?} is not over TLS"),
            "write its https URL; `ca` names who has issued its certificate, where that is nobody whom the system believes",
        )),
        _ => Err(format!("{text:?} is not an https URL").into()),
    }
}

/// A URL (RFC 8555 §7.3): of mail it may have one address and no header fields.
fn parse_contact(text: &str) -> Result<String, SyntaxError> {
    match text.split_once(':') {
        None if text.contains('@') => {
            Err(SyntaxError::new(format!("{text:?} is not a URL"), format!("write \"mailto:{text}\"")))
        }
        Some(("mailto", address)) if !address.contains('@') || address.contains([',', '?', ' ']) => {
            Err(format!("{text:?} is not one address for mail").into())
        }
        Some((scheme, rest)) if !scheme.is_empty() && !rest.is_empty() && text.is_ascii() => Ok(text.to_owned()),
        _ => Err(format!("{text:?} is not a URL").into()),
    }
}

fn parse_name(text: &str) -> Result<String, SyntaxError> {
    if text.starts_with("*.") {
        return Err(SyntaxError::new(
            format!("{text:?} is a wildcard, which cannot be had by these challenges"),
            "write the hosts that there are, or add a certificate file for it",
        ));
    }
    if text.parse::<std::net::IpAddr>().is_ok() {
        return Err(SyntaxError::new(
            format!("{text:?} is an address, which no client asks for by SNI"),
            "write a name that leads to it",
        ));
    }
    parse_host_name(text)
}

fn parse_kid(text: &str) -> Result<String, SyntaxError> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(format!("{text:?} is not the identifier of a key").into());
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_is_reached_over_tls_alone() {
        for good in ["https://ca.test/directory", "https://127.0.0.1:14000/dir", "https://[::1]:14000/dir"] {
            assert_eq!(parse_directory(good).unwrap(), good);
        }
        for bad in
            ["ca.test/directory", "http://ca.test/directory", "ftp://ca.test", "https://a:b@ca.test/", "https:///d"]
        {
            assert!(parse_directory(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_contact_is_a_url() {
        for good in ["mailto:ops@example.com", "tel:+12025551212"] {
            assert_eq!(parse_contact(good).unwrap(), good);
        }
        for bad in ["ops@example.com", "mailto:ops", "mailto:a@b,c@d", "mailto:a@b?subject=x", "mailto:", ":x", "ops"] {
            assert!(parse_contact(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_name_is_one_that_clients_ask_for() {
        assert_eq!(parse_name("Chat.Example.com").unwrap(), "chat.example.com");
        for bad in ["*.example.com", "192.0.2.1", "::1", "chat.example.com.", "a b", ""] {
            assert!(parse_name(bad).is_err(), "{bad}");
        }
    }
}
