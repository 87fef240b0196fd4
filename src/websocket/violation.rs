//! A frame that breaks RFC 6455 or a limit: what is wrong with it, and which close code says so.

use std::fmt;

use super::close_code::CloseCode;

/// What is wrong with a frame. Whose fault it was is the direction it was found in.
///
/// Its text fits into the reason of a Close frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(test, derive(strum::EnumIter))]
pub enum Violation {
    /// A reserved bit is set that no negotiated extension defines.
    ReservedBits,
    /// RSV1 is set on a frame that is not the first of its message.
    CompressedContinuation,
    /// A reserved bit is set on a control frame.
    CompressedControl,
    /// An opcode that RFC 6455 reserves.
    ReservedOpcode(u8),
    /// A frame from the client is not masked.
    NotMasked,
    /// A frame from the endpoint is masked.
    Masked,
    /// The length would fit into a shorter form.
    LengthNotMinimal,
    /// The length has its top bit set.
    LengthTooLarge,
    /// A control frame without FIN.
    ControlFragmented,
    /// A control frame with more than 125 bytes of payload.
    ControlTooLong,
    /// A continuation frame, and no message to continue.
    NothingToContinue,
    /// A new message before the last one was finished.
    MessageUnfinished,
    /// A data frame after a Close frame.
    DataAfterClose,
    /// A Close body of one byte.
    CloseBodyTooShort,
    /// A close code that must not be sent.
    CloseCodeIllegal(u16),
    /// A Close reason that is not UTF-8.
    CloseReasonNotUtf8,
    /// A compressed message that cannot be decompressed.
    DeflateCorrupt,
    /// A frame longer than the limit, in bytes.
    FrameTooBig(u64),
    /// A message longer than the limit, in bytes on the wire.
    MessageTooBig(u64),
    /// A message longer than the limit, in bytes after decompression.
    InflatedTooBig(u64),
    /// A message of more frames than the limit.
    TooManyFragments(u64),
    /// More messages a second than the limit.
    TooManyMessages(u64),
    /// More control frames a second than the limit.
    TooManyControlFrames(u64),
    /// More bytes a second than the limit.
    TooManyBytes(u64),
}

impl Violation {
    /// What the side that did it reads in its Close frame (RFC 6455 §7.4.1).
    pub fn close_code(self) -> CloseCode {
        match self {
            Self::ReservedBits
            | Self::CompressedContinuation
            | Self::CompressedControl
            | Self::ReservedOpcode(_)
            | Self::NotMasked
            | Self::Masked
            | Self::LengthNotMinimal
            | Self::LengthTooLarge
            | Self::ControlFragmented
            | Self::ControlTooLong
            | Self::NothingToContinue
            | Self::MessageUnfinished
            | Self::DataAfterClose
            | Self::CloseBodyTooShort
            | Self::CloseCodeIllegal(_)
            | Self::CloseReasonNotUtf8 => CloseCode::PROTOCOL_ERROR,
            Self::DeflateCorrupt => CloseCode::INVALID_PAYLOAD,
            Self::FrameTooBig(_) | Self::MessageTooBig(_) | Self::InflatedTooBig(_) | Self::TooManyFragments(_) => {
                CloseCode::MESSAGE_TOO_BIG
            }
            Self::TooManyMessages(_) | Self::TooManyControlFrames(_) | Self::TooManyBytes(_) => {
                CloseCode::POLICY_VIOLATION
            }
        }
    }

    /// Whether a limit of ours was broken, and the frames that follow are frames still.
    pub fn is_limit(self) -> bool {
        self.rfc().is_none()
    }

    /// The section that the frame breaks; `None` if it breaks a limit of ours.
    pub fn rfc(self) -> Option<&'static str> {
        match self {
            Self::NotMasked | Self::Masked => Some("RFC 6455 §5.1"),
            Self::ReservedBits | Self::ReservedOpcode(_) | Self::LengthNotMinimal | Self::LengthTooLarge => {
                Some("RFC 6455 §5.2")
            }
            Self::NothingToContinue | Self::MessageUnfinished => Some("RFC 6455 §5.4"),
            Self::ControlFragmented | Self::ControlTooLong => Some("RFC 6455 §5.5"),
            Self::DataAfterClose | Self::CloseBodyTooShort | Self::CloseReasonNotUtf8 => Some("RFC 6455 §5.5.1"),
            Self::CloseCodeIllegal(_) => Some("RFC 6455 §7.4"),
            Self::CompressedContinuation | Self::CompressedControl => Some("RFC 7692 §6.1"),
            Self::DeflateCorrupt => Some("RFC 7692 §7.2.2"),
            Self::FrameTooBig(_)
            | Self::MessageTooBig(_)
            | Self::InflatedTooBig(_)
            | Self::TooManyFragments(_)
            | Self::TooManyMessages(_)
            | Self::TooManyControlFrames(_)
            | Self::TooManyBytes(_) => None,
        }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ReservedBits => f.write_str("a reserved bit is set that no extension defines"),
            Self::CompressedContinuation => f.write_str("RSV1 is set on a continuation frame"),
            Self::CompressedControl => f.write_str("a reserved bit is set on a control frame"),
            Self::ReservedOpcode(opcode) => write!(f, "opcode {opcode} is reserved"),
            Self::NotMasked => f.write_str("a frame from a client is not masked"),
            Self::Masked => f.write_str("a frame from a server is masked"),
            Self::LengthNotMinimal => f.write_str("a frame length is not in its shortest form"),
            Self::LengthTooLarge => f.write_str("a frame length has its top bit set"),
            Self::ControlFragmented => f.write_str("a control frame is fragmented"),
            Self::ControlTooLong => f.write_str("a control frame has more than 125 bytes"),
            Self::NothingToContinue => f.write_str("a continuation frame continues no message"),
            Self::MessageUnfinished => f.write_str("a message starts before the last one is finished"),
            Self::DataAfterClose => f.write_str("a data frame follows a Close frame"),
            Self::CloseBodyTooShort => f.write_str("a Close body has one byte"),
            Self::CloseCodeIllegal(code) => write!(f, "close code {code} must not be sent"),
            Self::CloseReasonNotUtf8 => f.write_str("a Close reason is not UTF-8"),
            Self::DeflateCorrupt => f.write_str("a compressed message cannot be decompressed"),
            Self::FrameTooBig(limit) => write!(f, "a frame is larger than {limit} bytes"),
            Self::MessageTooBig(limit) => write!(f, "a message is larger than {limit} bytes"),
            Self::InflatedTooBig(limit) => write!(f, "a message is larger than {limit} bytes when decompressed"),
            Self::TooManyFragments(limit) => write!(f, "a message has more than {limit} frames"),
            Self::TooManyMessages(limit) => write!(f, "more than {limit} messages a second"),
            Self::TooManyControlFrames(limit) => write!(f, "more than {limit} control frames a second"),
            Self::TooManyBytes(limit) => write!(f, "more than {limit} bytes a second"),
        }
    }
}

#[cfg(test)]
mod tests {
    use strum::IntoEnumIterator;

    use super::*;

    /// Every one there is, with the largest numbers in it.
    fn all() -> impl Iterator<Item = Violation> {
        Violation::iter().map(|violation| match violation {
            Violation::ReservedOpcode(_) => Violation::ReservedOpcode(u8::MAX),
            Violation::CloseCodeIllegal(_) => Violation::CloseCodeIllegal(u16::MAX),
            Violation::FrameTooBig(_) => Violation::FrameTooBig(u64::MAX),
            Violation::MessageTooBig(_) => Violation::MessageTooBig(u64::MAX),
            Violation::InflatedTooBig(_) => Violation::InflatedTooBig(u64::MAX),
            Violation::TooManyFragments(_) => Violation::TooManyFragments(u64::MAX),
            Violation::TooManyMessages(_) => Violation::TooManyMessages(u64::MAX),
            Violation::TooManyControlFrames(_) => Violation::TooManyControlFrames(u64::MAX),
            Violation::TooManyBytes(_) => Violation::TooManyBytes(u64::MAX),
            without_a_number => without_a_number,
        })
    }

    #[test]
    fn every_text_fits_into_a_close_reason() {
        for violation in all() {
            let text = violation.to_string();
            assert!(text.len() <= 123, "{text}");
            assert!(!text.ends_with('.'), "{text}");
        }
    }

    #[test]
    fn a_broken_rfc_is_1002_or_1007_and_a_limit_is_1009_or_1008() {
        for violation in all() {
            let code = violation.close_code().get();
            let of_the_rfc = matches!(code, 1002 | 1007);
            assert_eq!(violation.rfc().is_some(), of_the_rfc, "{violation:?}: {code}");
        }
        assert_eq!(Violation::TooManyFragments(1).close_code().get(), 1009);
        assert_eq!(Violation::TooManyBytes(1).close_code().get(), 1008);
    }
}
