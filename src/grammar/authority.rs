//! `host[:port]` (RFC 3986 §3.2), and what a host may be called.

use std::borrow::Cow;
use std::net::Ipv6Addr;

/// Where a request is for: a host name or an address, and perhaps a port.
///
/// Names have only the characters that names are really made of. There is no user in it: a `Host` has none, and neither has
/// a target that is routed (RFC 9110 §4.2.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Authority<'a> {
    /// As it was written, an address of IPv6 with its brackets.
    pub host: &'a str,
    /// `None` where there is none, or only its colon.
    pub port: Option<u16>,
}

impl<'a> Authority<'a> {
    /// Takes a text apart; `None` if it is no host with an optional port.
    pub fn parse(text: &'a str) -> Option<Self> {
        let (host, port) = match text.rsplit_once(':') {
            Some((host, port)) if !port.contains(']') => (host, port),
            _ => (text, ""),
        };
        let port = match port {
            "" => None,
            digits if digits.bytes().all(|byte| byte.is_ascii_digit()) => Some(digits.parse().ok()?),
            _ => return None,
        };
        let is_host = match in_brackets(host) {
            Some(address) => address.parse::<Ipv6Addr>().is_ok(),
            None => is_name(host),
        };
        is_host.then_some(Self { host, port })
    }

    /// The host without the brackets that an address of IPv6 has.
    pub fn bare_host(self) -> &'a str {
        in_brackets(self.host).unwrap_or(self.host)
    }
}

/// A host as it is compared with others: lower case, without the dot that a name may end with.
pub fn host_name(host: &str) -> Cow<'_, str> {
    let name = host.strip_suffix('.').unwrap_or(host);
    if name.bytes().any(|byte| byte.is_ascii_uppercase()) { name.to_ascii_lowercase().into() } else { name.into() }
}

fn in_brackets(host: &str) -> Option<&str> {
    host.strip_prefix('[')?.strip_suffix(']')
}

/// What may stand in a request: a name of non-empty labels, one dot at the end allowed; IPv4 addresses are among them.
fn is_name(host: &str) -> bool {
    let is_label = |label: &str| !label.is_empty() && label.bytes().all(is_of_label);
    host.len() <= MAX_NAME && host.strip_suffix('.').unwrap_or(host).split('.').all(is_label)
}

/// What may stand in a configuration: a name as DNS has them, without a dot at its end, that cannot be taken for an address.
pub fn is_dns_name(host: &str) -> bool {
    let is_label = |label: &str| {
        (1..=MAX_LABEL).contains(&label.len())
            && label.bytes().all(is_of_label)
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let looks_like_an_address = host.rsplit('.').next().is_some_and(|label| label.bytes().all(|b| b.is_ascii_digit()));
    !looks_like_an_address && host.len() < MAX_NAME && host.split('.').all(is_label)
}

/// `_` is let through, since internal names have it.
fn is_of_label(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')
}

/// The longest host name, its dot at the end included (RFC 1035 §2.3.4, as text).
const MAX_NAME: usize = 254;

/// The longest part of a host name between two dots (RFC 1035 §2.3.4).
const MAX_LABEL: usize = 63;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_host_is_a_name_or_an_address() {
        for (text, host, port) in [
            ("a", "a", None),
            ("a.b-c.d_e", "a.b-c.d_e", None),
            ("a.", "a.", None),
            ("Chat.Example.com:8443", "Chat.Example.com", Some(8443)),
            ("a:0", "a", Some(0)),
            ("a:65535", "a", Some(65535)),
            ("a:", "a", None),
            ("192.0.2.1:80", "192.0.2.1", Some(80)),
            ("[::1]", "[::1]", None),
            ("[2001:db8::1]:443", "[2001:db8::1]", Some(443)),
        ] {
            assert_eq!(Authority::parse(text), Some(Authority { host, port }), "{text}");
        }
        let long = "a".repeat(255);
        for text in ["", ".", ":80", "a..b", "u@a", "a:b", "a:65536", "a:+1", "a:80:80", "::1", "[::1", "[a]", &long] {
            assert_eq!(Authority::parse(text), None, "{text}");
        }
    }

    #[test]
    fn brackets_belong_to_addresses_of_ipv6() {
        for (text, bare) in [("[::1]:80", "::1"), ("127.0.0.1:80", "127.0.0.1"), ("a", "a")] {
            assert_eq!(Authority::parse(text).unwrap().bare_host(), bare);
        }
    }

    #[test]
    fn names_of_a_configuration_keep_to_the_lengths_of_dns() {
        let label = "a".repeat(63);
        assert!(is_dns_name(&label) && is_dns_name("chat_1.example.com"));
        assert!(is_dns_name(&[label.as_str(); 3].join(".")));
        for text in [&format!("{label}a"), &[label.as_str(); 4].join("."), "", "a.", "-a", "a-", "10.0.0.1", "a.1"] {
            assert!(!is_dns_name(text), "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_taken_apart_or_refused(text in "[a-z0-9.:\\[\\]_-]{0,12}") {
            if let Some(Authority { host, port }) = Authority::parse(&text) {
                prop_assert!(text.starts_with(host) && !host.is_empty());
                prop_assert!(port.is_none_or(|port| text.ends_with(&port.to_string())));
            }
        }
    }
}
