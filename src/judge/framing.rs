//! What a head says of its body: Content-Length and Transfer-Encoding, read strictly (RFC 9112 §6).

use http::Version;

use super::flaw::Flaw;
use super::text::is_blank;

/// Whose head it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sender {
    /// A client: one number, once.
    Client,
    /// An endpoint: it may tell the same number again (RFC 9110 §8.6), and what is chunked has no other length
    /// (RFC 9112 §6.3).
    Endpoint,
}

/// A field that says how a message is framed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FramingField {
    Length,
    Coding,
}

/// What was read of these fields so far.
#[derive(Clone, Copy, Debug)]
pub(super) struct Framing {
    sender: Sender,
    version: Version,
    length: Option<u64>,
    is_chunked: bool,
    value: ValueSoFar,
}

/// The value at hand.
#[derive(Clone, Copy, Debug)]
enum ValueSoFar {
    /// White space before it, or before another member of a list.
    Before,
    /// A number.
    Digits(u64),
    /// So many bytes of a coding.
    Coding(u8),
    /// White space behind what was read.
    After,
}

/// How a message goes on behind its head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Length {
    /// So many bytes.
    Sized(u64),
    Chunked,
    /// Nothing is said.
    Unsaid,
}

impl Framing {
    pub(super) fn of(sender: Sender, version: Version) -> Self {
        Self { sender, version, length: None, is_chunked: false, value: ValueSoFar::Before }
    }

    /// What it all comes to.
    pub(super) fn length(&self) -> Length {
        match self.length {
            _ if self.is_chunked => Length::Chunked,
            Some(length) => Length::Sized(length),
            None => Length::Unsaid,
        }
    }

    /// The value of a line begins.
    pub(super) fn begin_value(&mut self, field: FramingField) -> Result<(), Flaw> {
        let is_request = self.sender == Sender::Client;
        match field {
            FramingField::Length if is_request && self.length.is_some() => return Err(Flaw::RepeatedLength),
            FramingField::Length if is_request && self.is_chunked => return Err(Flaw::TwoLengths),
            FramingField::Coding if self.version == Version::HTTP_10 => return Err(Flaw::TransferEncodingOnHttp10),
            FramingField::Coding if self.is_chunked => return Err(Flaw::TransferEncoding),
            FramingField::Coding if is_request && self.length.is_some() => return Err(Flaw::TwoLengths),
            FramingField::Length | FramingField::Coding => {}
        }
        self.value = ValueSoFar::Before;
        Ok(())
    }

    /// The next byte of the value.
    pub(super) fn read(&mut self, field: FramingField, byte: u8) -> Result<(), Flaw> {
        self.value = match field {
            FramingField::Length => self.read_length(byte)?,
            FramingField::Coding => self.read_coding(byte)?,
        };
        Ok(())
    }

    /// The line is over.
    pub(super) fn end_value(&mut self, field: FramingField) -> Result<(), Flaw> {
        match field {
            FramingField::Length => self.end_number(),
            FramingField::Coding if self.is_chunked => Ok(()),
            FramingField::Coding => Err(Flaw::TransferEncoding),
        }
    }

    fn read_length(&mut self, byte: u8) -> Result<ValueSoFar, Flaw> {
        match (self.value, byte) {
            (ValueSoFar::Before, byte) if is_blank(byte) => Ok(ValueSoFar::Before),
            (ValueSoFar::Before, b'0'..=b'9') => Ok(ValueSoFar::Digits(u64::from(byte - b'0'))),
            (ValueSoFar::Digits(number), b'0'..=b'9') => longer(number, byte).map(ValueSoFar::Digits),
            (ValueSoFar::Digits(_), byte) if is_blank(byte) => {
                self.end_number()?;
                Ok(ValueSoFar::After)
            }
            (ValueSoFar::After, byte) if is_blank(byte) => Ok(ValueSoFar::After),
            (ValueSoFar::Digits(_) | ValueSoFar::After, b',') if self.sender == Sender::Client => {
                Err(Flaw::RepeatedLength)
            }
            (ValueSoFar::Digits(_), b',') => {
                self.end_number()?;
                Ok(ValueSoFar::Before)
            }
            (ValueSoFar::After, b',') => Ok(ValueSoFar::Before),
            _ => Err(Flaw::InvalidLength),
        }
    }

    /// A member of the list is over.
    fn end_number(&mut self) -> Result<(), Flaw> {
        match (self.value, self.length) {
            (ValueSoFar::Digits(number), Some(other)) if number != other => Err(Flaw::RepeatedLength),
            (ValueSoFar::Digits(number), _) => {
                self.length = Some(number);
                Ok(())
            }
            (ValueSoFar::After, _) => Ok(()),
            (ValueSoFar::Before | ValueSoFar::Coding(_), _) => Err(Flaw::InvalidLength),
        }
    }

    fn read_coding(&mut self, byte: u8) -> Result<ValueSoFar, Flaw> {
        let read = match self.value {
            ValueSoFar::Before if is_blank(byte) => return Ok(ValueSoFar::Before),
            ValueSoFar::Before => 0,
            ValueSoFar::Coding(read) => read,
            ValueSoFar::Digits(_) | ValueSoFar::After => u8::MAX,
        };
        match CHUNKED.get(usize::from(read)) {
            Some(expected) if byte.eq_ignore_ascii_case(expected) => {
                self.is_chunked = usize::from(read) + 1 == CHUNKED.len();
                Ok(ValueSoFar::Coding(read + 1))
            }
            None if self.is_chunked && is_blank(byte) => Ok(ValueSoFar::After),
            _ => Err(Flaw::TransferEncoding),
        }
    }
}

/// A number with one more digit.
fn longer(number: u64, digit: u8) -> Result<u64, Flaw> {
    let number = number.checked_mul(10).and_then(|number| number.checked_add(u64::from(digit - b'0')));
    number.filter(|&number| number < ABSURD).ok_or(Flaw::LengthTooLarge)
}

/// Nothing that is sent has so many bytes, and there are those that count in signed numbers.
pub(super) const ABSURD: u64 = 1 << 63;

const CHUNKED: &[u8] = b"chunked";
