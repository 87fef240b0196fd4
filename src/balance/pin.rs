//! What a pin cookie holds: a short text that stands for one endpoint, the same from every proxy of a fleet.
//!
//! It is opaque, not secret: whoever knows the names of an endpoint and its upstream can compute its token, so whoever guesses
//! them can tell that the guess was right. To compute one gains no more than a place at that endpoint, which the client's own
//! affinity key may give as well. No proxy keeps a list of tokens:
//! one read from a cookie is compared with those of the endpoints there are, so a stale or forged one matches none.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::hash;

/// The token of one endpoint. Two are equal if, and only if, they stand for the same endpoint name in the same upstream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PinToken(u64);

impl PinToken {
    /// The token of the endpoint called `endpoint` in `upstream`.
    pub fn of(upstream: &str, endpoint: &str) -> Self {
        Self(hash::pin(upstream, endpoint))
    }

    /// Reads a cookie's value; `None` if it was not written by [`Display`](fmt::Display).
    pub fn parse(value: &[u8]) -> Option<Self> {
        let encoded = value.strip_prefix(VERSION.as_bytes())?;
        let mut bytes = [0; 8];
        let length = URL_SAFE_NO_PAD.decode_slice(encoded, &mut bytes).ok()?;
        (length == bytes.len()).then(|| Self(u64::from_be_bytes(bytes)))
    }
}

impl fmt::Display for PinToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{VERSION}{}", URL_SAFE_NO_PAD.encode(self.0.to_be_bytes()))
    }
}

/// Tells this encoding from any later one: proxies of two versions in one fleet never misread each other's cookies.
const VERSION: &str = "1.";

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn golden_vectors_of_the_tokens() {
        assert_eq!(PinToken::of("chat", "10.0.0.11:8080").to_string(), "1.fDsY_SJnzUE");
        assert_eq!(PinToken::of("chat", "b").to_string(), "1.fIzMAJrBMbw");
    }

    #[test]
    fn an_endpoint_of_another_upstream_is_another_one() {
        let one = PinToken::of("chat", "b");
        for (upstream, endpoint) in [("games", "b"), ("chat", "a"), ("cha", "tb"), ("chatb", "")] {
            assert_ne!(PinToken::of(upstream, endpoint), one, "{upstream} {endpoint}");
        }
    }

    #[test]
    fn reads_only_what_it_writes() {
        let token = PinToken::of("chat", "b").to_string();
        assert_eq!(PinToken::parse(token.as_bytes()), Some(PinToken::of("chat", "b")));
        for length in 0..token.len() {
            assert_eq!(PinToken::parse(&token.as_bytes()[..length]), None, "{length} bytes of {token}");
        }
        for forged in
            [format!("{token}="), format!("{token}A"), token.replacen(VERSION, "2.", 1), "1.AAAAAAAAAAB".into()]
        {
            assert_eq!(PinToken::parse(forged.as_bytes()), None, "{forged}");
        }
    }

    proptest! {
        #[test]
        fn any_name_survives_the_cookie(upstream in ".*", name in ".*") {
            let text = PinToken::of(&upstream, &name).to_string();
            prop_assert_eq!(text.len(), 13);
            prop_assert_eq!(PinToken::parse(text.as_bytes()), Some(PinToken::of(&upstream, &name)));
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..32)) {
            if let Some(token) = PinToken::parse(&bytes) {
                prop_assert_eq!(token.to_string().into_bytes(), bytes);
            }
        }
    }
}
