//! The secrets that pin tokens are made with, as a file has them: one a line, the first for new tokens, each for those that come.

use aws_lc_rs::hmac;
use thiserror::Error;

/// The secrets of one upstream, at least one. They show nothing of themselves, in no log.
#[derive(Clone, Debug)]
pub struct PinSecrets {
    current: PinSecret,
    older: Vec<PinSecret>,
}

/// One of them.
#[derive(Clone, Debug)]
pub struct PinSecret(hmac::Key);

/// Why a file is none of secrets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum PinSecretFault {
    /// There is none.
    #[error("holds no secret")]
    Empty,
    /// Whoever tries all would find it.
    #[error("has a secret of {bytes} bytes in line {line}")]
    Short {
        /// The line, the first is 1.
        line: usize,
        /// How long it is.
        bytes: usize,
    },
    /// Of which the first line is the same in each.
    #[error("is PEM, of which everybody knows the first line")]
    Pem,
    /// It is something else, or nobody ever takes one out.
    #[error("holds {0} secrets")]
    TooMany(usize),
}

impl PinSecrets {
    /// Reads what a file holds: blanks around a line, and lines of nothing else, do not count.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &[u8]) -> Result<Self, PinSecretFault> {
        let lines = text.split(|&byte| byte == b'\n').map(<[u8]>::trim_ascii).zip(1..);
        let lines: Vec<_> = lines.filter(|(line, _)| !line.is_empty()).collect();
        if lines.iter().any(|(line, _)| line.starts_with(b"-----BEGIN ")) {
            return Err(PinSecretFault::Pem);
        }
        if let Some((short, line)) = lines.iter().find(|(line, _)| line.len() < SHORTEST) {
            return Err(PinSecretFault::Short { line: *line, bytes: short.len() });
        }
        if lines.len() > MOST {
            return Err(PinSecretFault::TooMany(lines.len()));
        }
        let mut secrets = lines.iter().map(|(line, _)| PinSecret::new(line));
        let current = secrets.next().ok_or(PinSecretFault::Empty)?;
        Ok(Self { current, older: secrets.collect() })
    }

    /// Each that a token may have been made with, the current one first.
    pub fn all(&self) -> impl Iterator<Item = &PinSecret> {
        std::iter::once(&self.current).chain(&self.older)
    }
}

impl PinSecret {
    fn new(secret: &[u8]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, secret))
    }

    /// The first 128 bits of the HMAC-SHA-256 of both names (RFC 2104 §5). Neither can have the NUL between them.
    pub(super) fn sign(&self, upstream: &str, endpoint: &str) -> u128 {
        let mut context = hmac::Context::with_key(&self.0);
        for part in [upstream.as_bytes(), b"\0", endpoint.as_bytes()] {
            context.update(part);
        }
        let tag = context.sign();
        tag.as_ref().iter().take(size_of::<u128>()).fold(0, |bits, byte| bits << 8 | u128::from(*byte))
    }
}

impl PinSecretFault {
    /// What the operator can do about it.
    pub fn hint(self) -> &'static str {
        match self {
            Self::Empty | Self::Pem => "have `openssl rand -base64 32` write its first line",
            Self::Short { .. } => "a secret has 16 bytes or more, as `openssl rand -base64 32` writes them, one a line",
            Self::TooMany(_) => "it holds 16 at the most: take out those that no client needs any more",
        }
    }
}

/// The least that nobody finds by trying, in bytes.
const SHORTEST: usize = 16;

/// Each endpoint has a token of each.
const MOST: usize = 16;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NEW: &str = "the new secret of ours";
    const OLD: &str = "the old secret of ours";

    fn signs(text: impl AsRef<[u8]>) -> Vec<u128> {
        PinSecrets::parse(text.as_ref()).unwrap().all().map(|secret| secret.sign("chat", "b")).collect()
    }

    #[test]
    fn a_secret_is_a_line_and_the_first_is_the_current_one() {
        let [new, old] = [NEW, OLD].map(|secret| PinSecret::new(secret.as_bytes()).sign("chat", "b"));
        assert_eq!(signs(NEW), [new]);
        for text in [format!("{NEW}\n{OLD}"), format!("\n\n {NEW}\r\n\t\n{OLD} \n\n")] {
            assert_eq!(signs(&text), [new, old], "{text:?}");
            assert_eq!(PinSecrets::parse(text.as_bytes()).unwrap().all().next().unwrap().sign("chat", "b"), new);
        }
    }

    #[test]
    fn what_is_no_secret_is_said_with_its_line() {
        let fault = |text: &str| PinSecrets::parse(text.as_bytes()).unwrap_err();
        assert_eq!(fault(""), PinSecretFault::Empty);
        assert_eq!(fault(" \n\r\n"), PinSecretFault::Empty);
        assert_eq!(fault("0123456789abcde\n"), PinSecretFault::Short { line: 1, bytes: 15 });
        assert_eq!(fault(&format!("{NEW}\n\nchangeme\n")), PinSecretFault::Short { line: 3, bytes: 8 });
        assert_eq!(fault("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"), PinSecretFault::Pem);
        assert_eq!(fault(&format!("{NEW}\n").repeat(17)), PinSecretFault::TooMany(17));
        assert_eq!(signs(format!("{NEW}\n").repeat(16)).len(), 16);
    }

    #[test]
    fn golden_vectors_of_the_signatures() {
        let secret = PinSecret::new(b"0123456789abcdef");
        assert_eq!(secret.sign("chat", "b"), 0x1fcc6be6c794bba3d68a2ed4ba5edaae);
        assert_eq!(secret.sign("chat", "10.0.0.11:8080"), 0xabf2bc93f8cfe87720e201f9f680024c);
    }

    #[test]
    fn nothing_is_shown_of_a_secret() {
        assert!(!format!("{:?}", PinSecrets::parse(NEW.as_bytes())).contains("secret of ours"));
    }

    proptest! {
        #[test]
        fn any_bytes_are_secrets_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            if let Ok(secrets) = PinSecrets::parse(&bytes) {
                prop_assert!((1..=MOST).contains(&secrets.all().count()));
            }
        }

        #[test]
        fn any_line_without_blanks_around_it_is_one_secret(line in "[!-~][ -~]{14,60}[!-~]") {
            prop_assume!(!line.starts_with("-----BEGIN "));
            prop_assert_eq!(signs(&line), [PinSecret::new(line.as_bytes()).sign("chat", "b")]);
        }

        #[test]
        fn another_secret_or_another_name_is_another_signature(
            secrets in prop::array::uniform2("[a-z]{16,20}"), names in prop::array::uniform4("[a-z]{0,3}"),
        ) {
            let sign = |secret: &str, upstream, endpoint| PinSecret::new(secret.as_bytes()).sign(upstream, endpoint);
            let [secret, other] = &secrets;
            let [upstream, endpoint, upstream_2, endpoint_2] = &names;
            let is_same = (upstream, endpoint) == (upstream_2, endpoint_2);
            prop_assert_eq!(sign(secret, upstream, endpoint) == sign(secret, upstream_2, endpoint_2), is_same);
            prop_assert_eq!(sign(secret, upstream, endpoint) == sign(other, upstream, endpoint), secret == other);
        }
    }
}
