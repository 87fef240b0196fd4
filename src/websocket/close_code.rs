//! Close codes (RFC 6455 §7.4).

use std::fmt;

use serde::{Deserialize, Serialize};

/// A close code that may stand on the wire: 1000–1003, 1007–1014, 3000–4999 (RFC 6455 §7.4 and the IANA registry).
///
/// 1004, 1005, 1006 and 1015 cannot be made: they never stand in a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "u16")]
pub struct CloseCode(u16);

impl CloseCode {
    /// The purpose of the connection is fulfilled.
    pub const NORMAL: Self = Self(1000);
    /// Going away: an endpoint of the tunnel or the tunnel itself ends without anybody's fault.
    pub const GOING_AWAY: Self = Self(1001);
    /// A frame broke RFC 6455.
    pub const PROTOCOL_ERROR: Self = Self(1002);
    /// The data of a message is not what its type promises.
    pub const INVALID_PAYLOAD: Self = Self(1007);
    /// A policy was violated.
    pub const POLICY_VIOLATION: Self = Self(1008);
    /// A message was too big.
    pub const MESSAGE_TOO_BIG: Self = Self(1009);
    /// The service restarts: come back, a little later.
    pub const SERVICE_RESTART: Self = Self(1012);
    /// Too much to do: come back later (IANA registry of close codes).
    pub const TRY_AGAIN_LATER: Self = Self(1013);
    /// The endpoint behind a gateway failed.
    pub const BAD_GATEWAY: Self = Self(1014);

    /// As 403 is of HTTP, among the codes of applications.
    pub const FORBIDDEN: Self = Self(4403);

    /// The code, if it is one that may be sent.
    pub fn new(code: u16) -> Option<Self> {
        matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999).then_some(Self(code))
    }

    /// The number on the wire.
    pub fn get(self) -> u16 {
        self.0
    }
}

impl TryFrom<u16> for CloseCode {
    type Error = &'static str;

    fn try_from(code: u16) -> Result<Self, Self::Error> {
        Self::new(code).ok_or("a close code that never stands on the wire")
    }
}

impl fmt::Display for CloseCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_codes_that_may_be_sent_can_be_made() {
        let legal: Vec<u16> = (0..=u16::MAX).filter(|&code| CloseCode::new(code).is_some()).collect();
        let expected: Vec<u16> = (1000..=1003).chain(1007..=1014).chain(3000..=4999).collect();
        assert_eq!(legal, expected);
    }
}
