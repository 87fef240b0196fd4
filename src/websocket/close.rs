//! Close codes and Close bodies (RFC 6455 §5.5.1, §7.4).

use std::fmt;

use super::violation::Violation;

/// The most bytes a Close reason may have: a control frame's 125 less the code's 2 (RFC 6455 §5.5).
pub const MAX_REASON: usize = 123;

/// A close code that may stand on the wire: 1000–1003, 1007–1014, 3000–4999 (RFC 6455 §7.4 and the IANA registry).
///
/// 1004, 1005, 1006 and 1015 cannot be made: they never stand in a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
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

/// The body of a legal Close frame: nothing, or a code and a reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CloseBody<'a> {
    /// The code; `None` if the body is empty, which the receiver reports as 1005.
    pub code: Option<CloseCode>,
    /// The reason; empty if there is none.
    pub reason: &'a str,
}

impl<'a> CloseBody<'a> {
    /// Judges an unmasked body of at most 125 bytes (RFC 6455 §5.5.1).
    pub fn parse(body: &'a [u8]) -> Result<Self, Violation> {
        match body {
            [] => Ok(Self { code: None, reason: "" }),
            [_] => Err(Violation::CloseBodyTooShort),
            [high, low, reason @ ..] => {
                let code = u16::from_be_bytes([*high, *low]);
                let code = CloseCode::new(code).ok_or(Violation::CloseCodeIllegal(code))?;
                let reason = str::from_utf8(reason).map_err(|_| Violation::CloseReasonNotUtf8)?;
                Ok(Self { code: Some(code), reason })
            }
        }
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

    #[test]
    fn a_body_is_nothing_or_a_code_and_a_reason() {
        assert_eq!(CloseBody::parse(b""), Ok(CloseBody { code: None, reason: "" }));
        assert_eq!(CloseBody::parse(&[0x03, 0xE9]), Ok(CloseBody { code: Some(CloseCode::GOING_AWAY), reason: "" }));
        assert_eq!(
            CloseBody::parse("\x03\u{f4}".as_bytes()),
            Err(Violation::CloseCodeIllegal(0x03C3)),
            "0xC3B4 is how ô stands in UTF-8"
        );
        let body = CloseBody::parse(b"\x0b\xb8so long \xe2\x98\x83").unwrap();
        assert_eq!((body.code.unwrap().get(), body.reason), (3000, "so long ☃"));
    }

    #[test]
    fn a_broken_body_is_a_violation() {
        assert_eq!(CloseBody::parse(&[0x03]), Err(Violation::CloseBodyTooShort));
        for code in [0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65_535] {
            assert_eq!(CloseBody::parse(&u16::to_be_bytes(code)), Err(Violation::CloseCodeIllegal(code)));
        }
        assert_eq!(CloseBody::parse(b"\x03\xe8\xff"), Err(Violation::CloseReasonNotUtf8));
        assert_eq!(CloseBody::parse(b"\x03\xe8\xe2\x98"), Err(Violation::CloseReasonNotUtf8), "cut inside a character");
    }
}
