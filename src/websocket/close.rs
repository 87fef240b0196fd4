//! Close bodies (RFC 6455 §5.5.1).

use super::close_code::CloseCode;
use super::violation::Violation;

/// The most bytes a Close reason may have: a control frame's 125 less the code's 2 (RFC 6455 §5.5).
pub const MAX_REASON: usize = 123;

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
