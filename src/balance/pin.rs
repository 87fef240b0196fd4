//! What a pin cookie holds: a short text that stands for one endpoint, the same from every proxy of a fleet, and whether the
//! client belongs there or has only taken refuge.
//!
//! It is opaque, not secret: whoever knows the names of an endpoint and its upstream can compute its token, so whoever guesses
//! them can tell that the guess was right. To compute one gains no more than a place at that endpoint, which the client's own
//! affinity key may give as well. No proxy keeps a list of tokens:
//! one read from a cookie is compared with those of the endpoints there are, so a stale or forged one matches none.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::hash::{self, AffinityKey};

/// What a request says of where it belongs.
#[derive(Clone, Copy, Debug)]
pub struct Affinity {
    /// What the hash places it by, if it has that.
    pub key: Option<AffinityKey>,
    /// What its cookie says.
    pub pin: Option<Pin>,
    /// It begins a session at an endpoint: nothing holds it where its client has only taken refuge.
    pub begins_session: bool,
}

/// What a pin cookie says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pin {
    /// Where the client is.
    pub endpoint: PinToken,
    /// For how long.
    pub stay: Stay,
}

/// For how long a client is where it was placed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stay {
    /// For as long as the endpoint is usable.
    Home,
    /// While the sessions last that it began there: the endpoint that the hash means could not take it.
    Refuge,
}

impl Affinity {
    /// Whether the endpoint that the hash means is tried before the one that the cookie names.
    pub fn goes_home(&self) -> bool {
        self.begins_session && self.pin.is_some_and(|pin| pin.stay == Stay::Refuge)
    }
}

impl Pin {
    /// Reads a cookie's value; `None` if it was not written by [`Display`](fmt::Display).
    pub fn parse(value: &[u8]) -> Option<Self> {
        let (token, stay) = match value.strip_suffix(REFUGE.as_bytes()) {
            Some(token) => (token, Stay::Refuge),
            None => (value, Stay::Home),
        };
        Some(Self { endpoint: PinToken::parse(token)?, stay })
    }
}

impl fmt::Display for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mark = match self.stay {
            Stay::Home => "",
            Stay::Refuge => REFUGE,
        };
        write!(f, "{}{mark}", self.endpoint)
    }
}

/// The token of one endpoint. Two are equal if, and only if, they stand for the same endpoint name in the same upstream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PinToken(u64);

impl PinToken {
    /// The token of the endpoint called `endpoint` in `upstream`.
    pub fn of(upstream: &str, endpoint: &str) -> Self {
        Self(hash::pin(upstream, endpoint))
    }

    fn parse(value: &[u8]) -> Option<Self> {
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

/// Stands behind the token where the client has only taken refuge. Not of base64url's letters, and allowed in a cookie.
const REFUGE: &str = "~";

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn home(upstream: &str, endpoint: &str) -> Pin {
        Pin { endpoint: PinToken::of(upstream, endpoint), stay: Stay::Home }
    }

    fn refuge(upstream: &str, endpoint: &str) -> Pin {
        Pin { stay: Stay::Refuge, ..home(upstream, endpoint) }
    }

    #[test]
    fn only_a_refuge_is_left_and_only_where_a_session_begins() {
        let key = Some(AffinityKey::of_value(b"somebody"));
        let goes_home = |pin, begins_session| Affinity { key, pin, begins_session }.goes_home();
        assert!(goes_home(Some(refuge("chat", "b")), true));
        assert!(!goes_home(Some(refuge("chat", "b")), false));
        assert!(!goes_home(Some(home("chat", "b")), true));
        assert!(!goes_home(None, true));
    }

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
        assert_eq!(Pin::parse(token.as_bytes()), Some(home("chat", "b")));
        assert_eq!(Pin::parse(format!("{token}~").as_bytes()), Some(refuge("chat", "b")));
        for forged in [format!("{token}~~"), format!("~{token}"), "~".into(), format!("{token} ~")] {
            assert_eq!(Pin::parse(forged.as_bytes()), None, "{forged}");
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
            for pin in [home(&upstream, &name), refuge(&upstream, &name)] {
                prop_assert_eq!(Pin::parse(pin.to_string().as_bytes()), Some(pin));
            }
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..32)) {
            if let Some(pin) = Pin::parse(&bytes) {
                prop_assert_eq!(pin.to_string().into_bytes(), bytes);
            }
        }
    }
}
