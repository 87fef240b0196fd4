//! Who is one client, for limits: a number by which nobody outside can tell who shares what with whom.

use std::fmt;
use std::net::IpAddr;
use std::num::NonZeroU64;

use aws_lc_rs::hmac;
use http::HeaderMap;
use serde::{Deserialize, Serialize};

use super::client_secret::ClientSecret;
use super::permission::Permission;
use crate::config::ClientKeySource;

/// One client. Two are the same number once in 2⁶⁴ times, and nobody can bring that about: the numbers are made with a secret. It means
/// something beside that alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ClientKey(NonZeroU64);

impl ClientKey {
    /// The number.
    pub fn number(self) -> NonZeroU64 {
        self.0
    }
}

/// Whoever asks, as far as it is known.
#[derive(Clone, Copy, Debug)]
pub struct Asker<'r> {
    /// From where.
    pub address: IpAddr,
    /// What it says.
    pub headers: &'r HeaderMap,
    /// What a token says of it, once that was judged.
    pub permission: Option<&'r Permission>,
}

/// Makes the numbers of clients, the same in every process that has the secret: what they are is not changed from one version to the
/// next.
pub struct ClientKeys {
    secret: ClientSecret,
    /// The same, ready for use.
    key: hmac::Key,
}

impl ClientKeys {
    /// Those that are made with this secret.
    pub fn new(secret: ClientSecret) -> Self {
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
        Self { secret, key }
    }

    /// What they are made with.
    pub fn secret(&self) -> &ClientSecret {
        &self.secret
    }

    /// Whoever asks. Of whom nothing is said where `source` looks is known by the address: to say nothing must not be a way around a
    /// limit, nor make one client of all who do.
    pub fn of(&self, source: &ClientKeySource, asker: &Asker<'_>) -> ClientKey {
        let said = match source {
            ClientKeySource::Header(name) => {
                let value = asker.headers.get(name).filter(|value| !value.is_empty());
                value.map(|value| self.number(1, value.as_bytes()))
            }
            ClientKeySource::Claim(name) => {
                let claim = asker.permission.and_then(|permission| permission.claim(name));
                claim.filter(|text| !text.is_empty()).map(|text| self.number(2, text.as_bytes()))
            }
            ClientKeySource::ClientIp => None,
        };
        said.unwrap_or_else(|| self.of_address(asker.address))
    }

    fn of_address(&self, client: IpAddr) -> ClientKey {
        match client.to_canonical() {
            IpAddr::V4(address) => self.number(4, &address.octets()),
            // Who has one address of a /64 has all of them.
            IpAddr::V6(address) => self.number(6, &((address.to_bits() >> 64) as u64).to_be_bytes()),
        }
    }

    /// The number of whom `known` tells from all others of its `kind`: the first bits of an HMAC, which nobody finds two alike for who
    /// has no secret.
    fn number(&self, kind: u8, known: &[u8]) -> ClientKey {
        let mut hash = hmac::Context::with_key(&self.key);
        hash.update(&[kind]);
        hash.update(known);
        let first = hash.sign().as_ref().first_chunk().map_or(0, |first| u64::from_be_bytes(*first));
        ClientKey(NonZeroU64::new(first).unwrap_or(NonZeroU64::MIN))
    }
}

impl Default for ClientKeys {
    /// Those of a secret that nobody has yet.
    fn default() -> Self {
        Self::new(ClientSecret::draw())
    }
}

impl fmt::Debug for ClientKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClientKeys(…)")
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderName, HeaderValue};

    use super::super::permission::{Claim, Granted};
    use super::*;
    use crate::websocket::CloseCode;

    fn by_address(keys: &ClientKeys, client: &str) -> ClientKey {
        let asker = Asker { address: client.parse().unwrap(), headers: &HeaderMap::new(), permission: None };
        keys.of(&ClientKeySource::ClientIp, &asker)
    }

    #[test]
    fn whoever_has_the_secret_makes_the_same_numbers_in_every_version() {
        let keys = ClientKeys::new(ClientSecret::from_bytes(&[7; 32]).unwrap());
        let numbers = ["192.0.2.1", "2001:db8::1"].map(|client| by_address(&keys, client).number().get());
        assert_eq!(numbers, [16_924_896_497_852_344_528, 615_385_671_623_524_221]);
        let others = ClientKeys::new(keys.secret().clone());
        assert_eq!(by_address(&others, "192.0.2.1"), by_address(&keys, "192.0.2.1"));
        assert_ne!(by_address(&ClientKeys::default(), "192.0.2.1"), by_address(&keys, "192.0.2.1"));
        assert_eq!(format!("{keys:?}"), "ClientKeys(…)");
    }

    #[test]
    fn one_client_is_an_address_or_a_64() {
        let keys = ClientKeys::default();
        assert_eq!(by_address(&keys, "192.0.2.1"), by_address(&keys, "::ffff:192.0.2.1"));
        assert_ne!(by_address(&keys, "192.0.2.1"), by_address(&keys, "192.0.2.2"));
        assert_eq!(by_address(&keys, "2001:db8::1"), by_address(&keys, "2001:db8::ffff:ffff:0:2"));
        assert_ne!(by_address(&keys, "2001:db8::1"), by_address(&keys, "2001:db8:0:1::1"));
    }

    /// Who says something here is known by that, and who says nothing by the address.
    fn is_known_by_what_is_said(of: impl Fn(&ClientKeys, Option<&'static str>, &str) -> ClientKey) {
        let keys = ClientKeys::default();
        assert_eq!(of(&keys, Some("ada"), "192.0.2.1"), of(&keys, Some("ada"), "192.0.2.2"));
        assert_ne!(of(&keys, Some("ada"), "192.0.2.1"), of(&keys, Some("bob"), "192.0.2.1"));
        assert_eq!(of(&keys, None, "192.0.2.1"), by_address(&keys, "192.0.2.1"));
        assert_eq!(of(&keys, Some(""), "192.0.2.1"), by_address(&keys, "192.0.2.1"));
        assert_ne!(of(&keys, None, "192.0.2.1"), of(&keys, None, "192.0.2.2"));
    }

    #[test]
    fn a_header_names_the_client_and_who_sends_none_is_an_address() {
        let name = HeaderName::from_static("x-user");
        is_known_by_what_is_said(|keys, value, client| {
            let headers = HeaderMap::from_iter(value.map(|value| (name.clone(), HeaderValue::from_static(value))));
            let asker = Asker { address: client.parse().unwrap(), headers: &headers, permission: None };
            keys.of(&ClientKeySource::Header(name.clone()), &asker)
        });
    }

    #[test]
    fn a_token_names_the_client_and_whose_says_nothing_is_an_address() {
        let by_token = |keys: &ClientKeys, value: Option<&str>, client: &str| {
            let claims = value.map(|value| ("org.team".into(), Claim::Text(value.into()))).into_iter().collect();
            let granted = Granted { subject: None, claims, until: None, close_code: CloseCode::NORMAL };
            let permission = Permission::new(granted);
            let (headers, address) = (HeaderMap::new(), client.parse().unwrap());
            keys.of(
                &ClientKeySource::Claim("org.team".into()),
                &Asker { address, headers: &headers, permission: Some(&permission) },
            )
        };
        is_known_by_what_is_said(by_token);
        let (keys, headers, address) = (ClientKeys::default(), HeaderMap::new(), "192.0.2.1".parse().unwrap());
        let unknown = Asker { address, headers: &headers, permission: None };
        assert_eq!(keys.of(&ClientKeySource::Claim("sub".into()), &unknown), by_address(&keys, "192.0.2.1"));
    }
}
