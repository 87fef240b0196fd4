//! What a pin cookie holds: a short text that stands for one endpoint, the same from every proxy of a fleet.
//!
//! It is opaque, not secret: whoever knows an endpoint's name can compute its token, and gains no more by it than
//! a place at that endpoint, which the client's own affinity key may give as well. No proxy keeps a list of tokens:
//! one read from a cookie is compared with those of the endpoints there are, so a stale or forged one matches none.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::hash;

/// The token of one endpoint. Two are equal if, and only if, they stand for the same endpoint name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PinToken(u64);

impl PinToken {
    /// The token of the endpoint called `name`.
    pub fn of(name: &str) -> Self {
        Self(hash::pin(name))
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
        assert_eq!(PinToken::of("10.0.0.11:8080").to_string(), "1.HTfewyJgs3Q");
        assert_eq!(PinToken::of("b").to_string(), "1.ISlY5Av0FOA");
    }

    #[test]
    fn reads_only_what_it_writes() {
        let token = PinToken::of("b").to_string();
        assert_eq!(PinToken::parse(token.as_bytes()), Some(PinToken::of("b")));
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
        fn any_name_survives_the_cookie(name in ".*") {
            let text = PinToken::of(&name).to_string();
            prop_assert_eq!(text.len(), 13);
            prop_assert_eq!(PinToken::parse(text.as_bytes()), Some(PinToken::of(&name)));
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..32)) {
            if let Some(token) = PinToken::parse(&bytes) {
                prop_assert_eq!(token.to_string().into_bytes(), bytes);
            }
        }
    }
}
