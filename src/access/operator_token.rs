//! What operators show over a network: a secret that both sides have read from a file.

use std::fmt;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use thiserror::Error;
use zeroize::Zeroizing;

/// The token of operators. It is never told, and compared in a time that says nothing about it but its length.
#[derive(Clone)]
pub struct OperatorToken(Zeroizing<Vec<u8>>);

/// What is wrong with the contents of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum OperatorTokenFault {
    /// Somebody would guess it.
    #[error("has fewer than {SHORTEST} bytes")]
    TooShort,
    /// It would be no header line that anybody sends.
    #[error("has more than {LONGEST} bytes")]
    TooLong,
    /// It cannot be sent (RFC 6750 §2.1).
    #[error("has other characters than letters, digits and -._~+/= in it")]
    BadCharacter,
}

impl OperatorToken {
    /// Reads it; blanks and line ends around it are none of it.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(bytes: &[u8]) -> Result<Self, OperatorTokenFault> {
        let token = bytes.trim_ascii();
        let is_sent = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~+/=".contains(byte);
        match token.len() {
            0..SHORTEST => Err(OperatorTokenFault::TooShort),
            _ if token.len() > LONGEST => Err(OperatorTokenFault::TooLong),
            _ if !token.iter().all(is_sent) => Err(OperatorTokenFault::BadCharacter),
            _ => Ok(Self(Zeroizing::new(token.to_vec()))),
        }
    }

    /// Whether this is it.
    pub fn is(&self, shown: &[u8]) -> bool {
        verify_slices_are_equal(&self.0, shown).is_ok()
    }

    /// It, to be shown to who asks for it.
    pub fn reveal(&self) -> &[u8] {
        &self.0
    }
}

impl PartialEq for OperatorToken {
    fn eq(&self, other: &Self) -> bool {
        self.is(&other.0)
    }
}

impl Eq for OperatorToken {}

impl fmt::Debug for OperatorToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OperatorToken(…)")
    }
}

/// What 128 bits are in the densest of what is written.
const SHORTEST: usize = 16;
/// More than anybody needs, in bytes.
const LONGEST: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_what_stands_between_the_blanks() {
        let token = OperatorToken::parse(b" 0123456789abcdef\r\n").unwrap();
        assert!(token.is(b"0123456789abcdef"));
        for other in [&b"0123456789abcdeg"[..], b"0123456789abcde", b"", b"0123456789abcdef0", b"0123456789abcdef\n"] {
            assert!(!token.is(other), "{other:?}");
        }
        assert_eq!(format!("{token:?}"), "OperatorToken(…)");
    }

    #[test]
    fn what_can_be_guessed_or_not_be_sent_is_none() {
        for (text, fault) in [
            (&b"0123456789abcde"[..], OperatorTokenFault::TooShort),
            (b"  0123456789abcde\n", OperatorTokenFault::TooShort),
            (b"", OperatorTokenFault::TooShort),
            (b"0123456789 abcdef", OperatorTokenFault::BadCharacter),
            (b"0123456789abcdef\xff", OperatorTokenFault::BadCharacter),
            (&[b'a'; LONGEST + 1], OperatorTokenFault::TooLong),
        ] {
            assert_eq!(OperatorToken::parse(text), Err(fault), "{text:?}");
        }
    }
}
