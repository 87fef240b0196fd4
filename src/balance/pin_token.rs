//! What a pin cookie calls an endpoint: a short text, the same from every proxy of a fleet.
//!
//! Without a secret it is a hash of names: opaque, not secret. Whoever knows the names of an endpoint and its upstream can
//! compute it, so whoever guesses them can tell that the guess was right. With a secret nobody else can do either. To compute
//! one gains no more than a place at that endpoint, which the client's own affinity key may give as well.
//!
//! No proxy keeps a list of tokens that it gave away: one read from a cookie is looked for among those of the endpoints there
//! are, so a stale or forged one is nobody's. That takes no constant time: how long it takes tells of hash table slots, and
//! not of how many of the bytes were right, since all 128 bits are hashed first.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::hash;
use super::pin_secret::PinSecret;

/// The token of one endpoint. Two are equal if, and only if, they stand for the same endpoint name in the same upstream, and were
/// made with the same secret or both without one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PinToken {
    /// Made without a secret.
    Named(u64),
    /// Made with one.
    Signed(u128),
}

impl PinToken {
    /// The token of the endpoint called `endpoint` in `upstream`.
    pub fn of(upstream: &str, endpoint: &str) -> Self {
        Self::Named(hash::pin(upstream, endpoint))
    }

    /// The same, made with a secret.
    pub fn signed(secret: &PinSecret, upstream: &str, endpoint: &str) -> Self {
        Self::Signed(secret.sign(upstream, endpoint))
    }

    /// Reads what [`Display`](fmt::Display) has written, and nothing else.
    pub(super) fn parse(value: &[u8]) -> Option<Self> {
        if let Some(encoded) = value.strip_prefix(NAMED.as_bytes()) {
            return decode(encoded).map(|bytes| Self::Named(u64::from_be_bytes(bytes)));
        }
        decode(value.strip_prefix(SIGNED.as_bytes())?).map(|bytes| Self::Signed(u128::from_be_bytes(bytes)))
    }
}

impl fmt::Display for PinToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Named(bits) => write!(f, "{NAMED}{}", URL_SAFE_NO_PAD.encode(bits.to_be_bytes())),
            Self::Signed(bits) => write!(f, "{SIGNED}{}", URL_SAFE_NO_PAD.encode(bits.to_be_bytes())),
        }
    }
}

fn decode<const LENGTH: usize>(encoded: &[u8]) -> Option<[u8; LENGTH]> {
    let mut bytes = [0; LENGTH];
    let length = URL_SAFE_NO_PAD.decode_slice(encoded, &mut bytes).ok()?;
    (length == LENGTH).then_some(bytes)
}

// They tell one encoding from any other: proxies of two versions in one fleet never misread each other's cookies.
const NAMED: &str = "1.";
const SIGNED: &str = "2.";

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::PinSecrets;
    use super::*;

    fn signed(secret: &str, upstream: &str, endpoint: &str) -> PinToken {
        PinToken::signed(PinSecrets::parse(secret.as_bytes()).unwrap().all().next().unwrap(), upstream, endpoint)
    }

    #[test]
    fn golden_vectors_of_the_tokens() {
        assert_eq!(PinToken::of("chat", "10.0.0.11:8080").to_string(), "1.fDsY_SJnzUE");
        assert_eq!(PinToken::of("chat", "b").to_string(), "1.fIzMAJrBMbw");
    }

    #[test]
    fn golden_vectors_of_the_tokens_that_are_made_with_a_secret() {
        assert_eq!(signed("0123456789abcdef", "chat", "10.0.0.11:8080").to_string(), "2.q_K8k_jP6Hcg4gH59oACTA");
        assert_eq!(signed("0123456789abcdef", "chat", "b").to_string(), "2.H8xr5seUu6PWii7Uul7arg");
        assert_eq!(signed("0123456789abcdeg", "chat", "b").to_string(), "2.a8ugIuq8Rz1p-lFO9VnETQ");
    }

    #[test]
    fn an_endpoint_of_another_upstream_is_another_one() {
        let (one, one_signed) = (PinToken::of("chat", "b"), signed("0123456789abcdef", "chat", "b"));
        for (upstream, endpoint) in [("games", "b"), ("chat", "a"), ("cha", "tb"), ("chatb", "")] {
            assert_ne!(PinToken::of(upstream, endpoint), one, "{upstream} {endpoint}");
            assert_ne!(signed("0123456789abcdef", upstream, endpoint), one_signed, "{upstream} {endpoint}");
        }
    }

    #[test]
    fn reads_only_what_it_writes() {
        let both = [PinToken::of("chat", "b"), signed("0123456789abcdef", "chat", "b")];
        for (token, other) in both.into_iter().zip([SIGNED, NAMED]) {
            let text = token.to_string();
            assert_eq!(PinToken::parse(text.as_bytes()), Some(token));
            for length in 0..text.len() {
                assert_eq!(PinToken::parse(&text.as_bytes()[..length]), None, "{length} bytes of {text}");
            }
            let (_, encoded) = text.split_once('.').unwrap();
            for forged in [format!("{text}="), format!("{text}A"), format!("{other}{encoded}"), format!("3.{encoded}")]
            {
                assert_eq!(PinToken::parse(forged.as_bytes()), None, "{forged}");
            }
        }
        for bits_too_many in ["1.AAAAAAAAAAB", "2.AAAAAAAAAAAAAAAAAAAAAB"] {
            assert_eq!(PinToken::parse(bits_too_many.as_bytes()), None, "{bits_too_many}");
        }
    }

    proptest! {
        #[test]
        fn any_names_are_a_token_of_its_length(upstream in ".*", name in ".*", secret in "[!-,.-~]{16,40}") {
            for (token, length) in [(PinToken::of(&upstream, &name), 13), (signed(&secret, &upstream, &name), 24)] {
                let text = token.to_string();
                prop_assert_eq!(text.len(), length);
                prop_assert_eq!(PinToken::parse(text.as_bytes()), Some(token));
            }
        }
    }
}
