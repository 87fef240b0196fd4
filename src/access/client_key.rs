//! Who is one client, for limits: a number by which nobody outside can tell who shares what with whom.

use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;
use std::num::NonZeroU64;

use http::HeaderMap;

use crate::config::ClientKeySource;

/// One client. Two are the same number once in 2⁶⁴ times, and nobody can bring that about: the numbers are made with a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ClientKey(NonZeroU64);

impl ClientKey {
    /// The number.
    pub fn number(self) -> NonZeroU64 {
        self.0
    }
}

/// Makes the numbers of clients.
#[derive(Clone, Debug, Default)]
pub struct ClientKeys(RandomState);

impl ClientKeys {
    /// Whoever sent these headers from this address. Who says nothing where `source` looks is known by the address: to say nothing
    /// must not be a way around a limit, nor make one client of all who do.
    pub fn of(&self, source: &ClientKeySource, headers: &HeaderMap, client: IpAddr) -> ClientKey {
        let number = match source {
            ClientKeySource::Header(name) => match headers.get(name).filter(|value| !value.is_empty()) {
                Some(value) => self.0.hash_one((1_u8, value.as_bytes())),
                None => self.of_address(client),
            },
            ClientKeySource::ClientIp => self.of_address(client),
        };
        ClientKey(NonZeroU64::new(number).unwrap_or(NonZeroU64::MIN))
    }

    fn of_address(&self, client: IpAddr) -> u64 {
        match client.to_canonical() {
            IpAddr::V4(address) => self.0.hash_one((4_u8, u64::from(address.to_bits()))),
            // Who has one address of a /64 has all of them.
            IpAddr::V6(address) => self.0.hash_one((6_u8, (address.to_bits() >> 64) as u64)),
        }
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderName, HeaderValue};

    use super::*;

    fn by_address(keys: &ClientKeys, client: &str) -> ClientKey {
        keys.of(&ClientKeySource::ClientIp, &HeaderMap::new(), client.parse().unwrap())
    }

    #[test]
    fn one_client_is_an_address_or_a_64() {
        let keys = ClientKeys::default();
        assert_eq!(by_address(&keys, "192.0.2.1"), by_address(&keys, "::ffff:192.0.2.1"));
        assert_ne!(by_address(&keys, "192.0.2.1"), by_address(&keys, "192.0.2.2"));
        assert_eq!(by_address(&keys, "2001:db8::1"), by_address(&keys, "2001:db8::ffff:ffff:0:2"));
        assert_ne!(by_address(&keys, "2001:db8::1"), by_address(&keys, "2001:db8:0:1::1"));
    }

    #[test]
    fn a_header_names_the_client_and_who_sends_none_is_an_address() {
        let (keys, name) = (ClientKeys::default(), HeaderName::from_static("x-user"));
        let source = ClientKeySource::Header(name.clone());
        let of = |value: Option<&'static str>, client: &str| {
            let headers = HeaderMap::from_iter(value.map(|value| (name.clone(), HeaderValue::from_static(value))));
            keys.of(&source, &headers, client.parse().unwrap())
        };
        assert_eq!(of(Some("ada"), "192.0.2.1"), of(Some("ada"), "192.0.2.2"));
        assert_ne!(of(Some("ada"), "192.0.2.1"), of(Some("bob"), "192.0.2.1"));
        assert_eq!(of(None, "192.0.2.1"), by_address(&keys, "192.0.2.1"));
        assert_eq!(of(Some(""), "192.0.2.1"), by_address(&keys, "192.0.2.1"));
        assert_ne!(of(None, "192.0.2.1"), of(None, "192.0.2.2"));
    }
}
