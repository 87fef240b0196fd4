//! What the numbers of a route's clients are made with.

use std::fmt;

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

/// What the numbers of a route's clients are made with: whoever has it can tell who is who. Wiped where it is left, and not shown.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClientSecret(Zeroizing<[u8; BYTES]>);

impl ClientSecret {
    /// One that nobody has.
    pub fn draw() -> Self {
        let mut secret = Zeroizing::new([0; BYTES]);
        // Without chance there is no TLS either; here, numbers would only be ones that can be worked out.
        let _ = getrandom::fill(&mut *secret);
        Self(secret)
    }

    /// The one that was [written down](Self::as_bytes); `None` where these are not as many bytes.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let bytes: &[u8; BYTES] = bytes.try_into().ok()?;
        Some(Self(Zeroizing::new(*bytes)))
    }

    /// The bytes that [`Self::from_bytes`] takes.
    pub fn as_bytes(&self) -> &[u8] {
        &*self.0
    }
}

impl fmt::Debug for ClientSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClientSecret(…)")
    }
}

const BYTES: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_taken_as_it_was_written_and_is_not_shown() {
        let secret = ClientSecret::draw();
        assert_eq!(ClientSecret::from_bytes(secret.as_bytes()).as_ref(), Some(&secret));
        let bytes = postcard::to_allocvec(&secret).unwrap();
        assert_eq!(postcard::from_bytes::<ClientSecret>(&bytes).as_ref(), Ok(&secret));
        assert_ne!(ClientSecret::draw(), secret);
        assert_eq!(format!("{secret:?}"), "ClientSecret(…)");
        for length in [0, 31, 33] {
            assert_eq!(ClientSecret::from_bytes(&vec![0; length]), None);
        }
    }
}
