//! What may be asked over TCP, where anybody on the machine can ask, and any web page in a browser on it can try to.

use std::net::IpAddr;

use http::HeaderMap;
use http::header::{HOST, ORIGIN};

use crate::grammar::Authority;

/// Why a request over TCP is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Suspect {
    /// A page in a browser sends it.
    Origin,
    /// It asks for a name: one that a stranger may own, and point at this machine.
    Host,
}

impl Suspect {
    pub(super) fn text(self) -> &'static str {
        match self {
            Self::Origin => "no page in a browser is answered here",
            Self::Host => "the Host must be a loopback address, such as 127.0.0.1",
        }
    }
}

pub(super) fn check(headers: &HeaderMap) -> Result<(), Suspect> {
    if headers.contains_key(ORIGIN) {
        return Err(Suspect::Origin);
    }
    let mut hosts = headers.get_all(HOST).iter().map(|host| host.to_str().unwrap_or_default());
    match (hosts.next(), hosts.next()) {
        (Some(host), None) if is_loopback_literal(host) => Ok(()),
        _ => Err(Suspect::Host),
    }
}

fn is_loopback_literal(host: &str) -> bool {
    let address = Authority::parse(host).and_then(|authority| authority.bare_host().parse::<IpAddr>().ok());
    address.is_some_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(headers: &[(http::HeaderName, &str)]) -> Result<(), Suspect> {
        let headers = headers.iter().map(|(name, value)| (name.clone(), value.parse().unwrap())).collect();
        check(&headers)
    }

    #[test]
    fn reading_by_an_address_is_allowed() {
        for host in ["127.0.0.1", "127.0.0.1:9900", "127.8.9.1:1", "[::1]", "[::1]:9900"] {
            assert_eq!(judge(&[(HOST, host)]), Ok(()), "{host}");
        }
    }

    #[test]
    fn names_and_other_addresses_are_refused() {
        for host in ["localhost", "rebound.example:9900", "10.0.0.1", "[::2]", "[::1", "127.0.0.1:x", "127.0.0.1.", ""]
        {
            assert_eq!(judge(&[(HOST, host)]), Err(Suspect::Host), "{host}");
        }
        assert_eq!(judge(&[]), Err(Suspect::Host));
        assert_eq!(judge(&[(HOST, "127.0.0.1"), (HOST, "127.0.0.1")]), Err(Suspect::Host));
    }

    #[test]
    fn pages_are_refused() {
        let page = [(HOST, "127.0.0.1"), (ORIGIN, "http://127.0.0.1")];
        assert_eq!(judge(&page), Err(Suspect::Origin));
    }
}
