//! Close codes and Close bodies (RFC 6455 §5.5.1, §7.4).

use std::fmt;

/// A close code that may stand on the wire: 1000–1003, 1007–1014, 3000–4999 (RFC 6455 §7.4 and the IANA registry).
///
/// 1004, 1005, 1006 and 1015 cannot be made: they never stand in a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CloseCode(u16);

impl CloseCode {
    /// Going away: an endpoint of the tunnel or the tunnel itself ends without anybody's fault.
    pub const GOING_AWAY: Self = Self(1001);
    /// A frame broke RFC 6455.
    pub const PROTOCOL_ERROR: Self = Self(1002);
    /// A policy was violated.
    pub const POLICY_VIOLATION: Self = Self(1008);
    /// A message was too big.
    pub const MESSAGE_TOO_BIG: Self = Self(1009);
    /// The service restarts: come back, a little later.
    pub const SERVICE_RESTART: Self = Self(1012);
    /// The endpoint behind a gateway failed.
    pub const BAD_GATEWAY: Self = Self(1014);

    /// The code, if it is one that may be sent.
    pub fn new(code: u16) -> Option<Self> {
        matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999).then_some(Self(code))
    }

    /// The number on the wire.
    pub fn get(self) -> u16 {
        self.0
    }
}

impl fmt::Display for CloseCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
