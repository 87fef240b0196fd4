//! What a pin cookie holds: the token of an endpoint, and whether the client belongs there or has only taken refuge.

use std::fmt;

use super::hash::AffinityKey;
use super::pin_token::PinToken;

/// What a request says of where it belongs.
#[derive(Clone, Copy, Debug)]
pub struct Affinity {
    /// What the hash places it by; `None` where it has nothing of what that is made of.
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
    /// Whether there is an endpoint that the request is for, and no other as much.
    pub fn ties(&self) -> bool {
        self.key.is_some() || self.pin.is_some()
    }

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

/// Stands behind the token where the client has only taken refuge. Not of base64url's letters, and allowed in a cookie.
const REFUGE: &str = "~";

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::PinSecrets;
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
    fn reads_only_what_it_writes() {
        let token = PinToken::of("chat", "b").to_string();
        assert_eq!(Pin::parse(token.as_bytes()), Some(home("chat", "b")));
        assert_eq!(Pin::parse(format!("{token}~").as_bytes()), Some(refuge("chat", "b")));
        for forged in [format!("{token}~~"), format!("~{token}"), "~".into(), format!("{token} ~")] {
            assert_eq!(Pin::parse(forged.as_bytes()), None, "{forged}");
        }
    }

    proptest! {
        #[test]
        fn any_name_survives_the_cookie(upstream in ".*", name in ".*", secret in "[!-,.-~]{16,40}") {
            let secrets = PinSecrets::parse(secret.as_bytes()).unwrap();
            let signed = PinToken::signed(secrets.all().next().unwrap(), &upstream, &name);
            for endpoint in [PinToken::of(&upstream, &name), signed] {
                for stay in [Stay::Home, Stay::Refuge] {
                    let pin = Pin { endpoint, stay };
                    prop_assert_eq!(Pin::parse(pin.to_string().as_bytes()), Some(pin));
                }
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
