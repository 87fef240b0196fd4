//! A password as `htpasswd` keeps it: bcrypt, or the SHA-2 of crypt(3). What is broken or plain is none.

use std::fmt;
use std::ops::RangeInclusive;

use bcrypt::HashParts;
use sha_crypt::{PasswordVerifier, ShaCrypt};
use thiserror::Error;

/// How one password is kept. To compare with it takes a worker's time, many times over.
#[derive(Clone, PartialEq, Eq)]
pub struct StoredPassword {
    scheme: Scheme,
    hash: Box<str>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scheme {
    Bcrypt,
    ShaCrypt,
}

/// Why a text is no password that is kept well.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum PasswordFault {
    /// `{SHA}`, which a graphics card tries by the billion.
    #[error("is kept as {{SHA}}, which is guessed in no time")]
    Sha1,
    /// `$apr1$` or `$1$`.
    #[error("is kept as MD5, which is guessed in no time")]
    Md5,
    /// `$2x$` is what a library had wrong.
    #[error("is kept as $2x$, which is a bcrypt that was wrong")]
    WrongBcrypt,
    /// Such as yescrypt.
    #[error("is kept in a way that is not known here")]
    Unknown,
    /// Plain, or of the old crypt(3).
    #[error("is plain text, or kept by the old crypt(3)")]
    Plain,
    /// It is of none of its kind.
    #[error("is cut short, or has something else wrong with it")]
    Malformed,
    /// It would take seconds for each who asks, or no time.
    #[error("is kept with a cost that is not from {} to {}", COSTS.start(), COSTS.end())]
    Cost,
    /// The same.
    #[error("is kept with rounds that are not from {} to {}", ROUNDS.start(), ROUNDS.end())]
    Rounds,
}

/// Those of bcrypt, each twice the work of the one before.
const COSTS: RangeInclusive<u32> = 4..=15;
/// Those of the SHA-2 of crypt(3).
const ROUNDS: RangeInclusive<u32> = 1_000..=1_000_000;

impl StoredPassword {
    /// Reads one as it stands in a file.
    ///
    /// # Errors
    /// It is none, or none that is kept well.
    pub fn parse(text: &str) -> Result<Self, PasswordFault> {
        let scheme = match text.strip_prefix('$').and_then(|rest| rest.split_once('$')) {
            Some(("2a" | "2b" | "2y", _)) => check_bcrypt(text).map(|()| Scheme::Bcrypt),
            Some(("5", rest)) => check_sha_crypt(rest, 43).map(|()| Scheme::ShaCrypt),
            Some(("6", rest)) => check_sha_crypt(rest, 86).map(|()| Scheme::ShaCrypt),
            Some(("2x", _)) => Err(PasswordFault::WrongBcrypt),
            Some(("1" | "apr1", _)) => Err(PasswordFault::Md5),
            Some(_) => Err(PasswordFault::Unknown),
            None if text.starts_with("{SHA}") => Err(PasswordFault::Sha1),
            None => Err(PasswordFault::Plain),
        };
        Ok(Self { scheme: scheme?, hash: text.into() })
    }

    /// Whether this is the password. Takes as long as it was made to: some 50 ms, and not on a worker.
    pub fn is(&self, password: &[u8]) -> bool {
        match self.scheme {
            // What is behind 72 bytes does not count, for `htpasswd` either.
            Scheme::Bcrypt => bcrypt::verify(password, &self.hash).unwrap_or(false),
            Scheme::ShaCrypt => ShaCrypt::default().verify_password(password, &*self.hash).is_ok(),
        }
    }

    /// It as it stands in the file.
    pub fn as_str(&self) -> &str {
        &self.hash
    }
}

impl fmt::Debug for StoredPassword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoredPassword").field("scheme", &self.scheme).finish_non_exhaustive()
    }
}

fn check_bcrypt(text: &str) -> Result<(), PasswordFault> {
    let parts: HashParts = text.parse().map_err(|_| PasswordFault::Malformed)?;
    if COSTS.contains(&parts.get_cost()) { Ok(()) } else { Err(PasswordFault::Cost) }
}

/// `[rounds=N$]salt$digest`, in the digits of crypt(3).
fn check_sha_crypt(rest: &str, length: usize) -> Result<(), PasswordFault> {
    let rest = match rest.strip_prefix("rounds=").map(|rest| rest.split_once('$')) {
        None => rest,
        Some(None) => return Err(PasswordFault::Malformed),
        Some(Some((rounds, rest))) => {
            let is_allowed = rounds.parse::<u32>().is_ok_and(|rounds| ROUNDS.contains(&rounds));
            if !is_allowed {
                return Err(PasswordFault::Rounds);
            }
            rest
        }
    };
    let is_plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"./".contains(&byte));
    match rest.split_once('$') {
        Some((salt, digest))
            if (1..=16).contains(&salt.len()) && digest.len() == length && is_plain(salt) && is_plain(digest) =>
        {
            Ok(())
        }
        _ => Err(PasswordFault::Malformed),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    // Each made by another program: `htpasswd -nbB -C 4`, `-nb2`, `-nb5` and `openssl passwd -5 / -6`.
    const SECRETS: [&str; 6] = [
        "$2y$04$uSE2WOvBfwvPe2yDzCcCQutzAWqobrSJXhMA88lj3tpUaymwB5.XK",
        "$2b$05$b2jZGl0tLi7oNnpnAg.ZvO.6N1vuJ2BYmZBL7FoUOfs1y..fXk.gu",
        "$5$HTG5A1nAT.LtM758$eaRR2csrohCRw/dxsfEUkKyq4/R0ADuqOVnqbFdU5t.",
        "$6$jefSMxGjDkl5AoSf$qfzrJ.NKCM7yv8wTZXCXulP0663pJpntl41tARNxU7EW/Gse8uohG25d0Y4aiCUqWYJiAsuA.H6WexvPwF1N11",
        "$5$rounds=1000$YJt3.Mj5EpjCZlQM$7Ov0bxNBGKzhyW/7Bl8/UTxvlJ0.JdE.kgLE5bgfR.4",
        "$6$rounds=1000$bmBND8mxueyUC5Jx$ubjwc7arjki1sQ/ntTsGa5bVvvD7dcXTRAy.900TsRFnmo/Ce.Pd6j0w549YQ/t4LvGWQEX4cppUckTb950dY.",
    ];

    #[test]
    fn what_htpasswd_and_openssl_keep_is_known_again() {
        for text in SECRETS {
            let stored = StoredPassword::parse(text).unwrap_or_else(|fault| panic!("{text}: {fault}"));
            assert!(stored.is(b"secret"), "{text}");
            for wrong in [&b""[..], b"Secret", b"secret ", b"secret\0"] {
                assert!(!stored.is(wrong), "{text}");
            }
        }
    }

    #[test]
    fn what_is_guessed_in_no_time_is_refused() {
        for (text, fault) in [
            ("{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=", PasswordFault::Sha1),
            ("$apr1$m0iI/X5B$5XLGVpDKtuOGE0RxPyAxi1", PasswordFault::Md5),
            ("$1$m0iI/X5B$5XLGVpDKtuOGE0RxPyAxi1", PasswordFault::Md5),
            ("$y$j9T$abc$def", PasswordFault::Unknown),
            ("$2x$04$aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", PasswordFault::WrongBcrypt),
            ("secret", PasswordFault::Plain),
            ("rqXexS6ZhobKA", PasswordFault::Plain),
            ("", PasswordFault::Plain),
            ("$", PasswordFault::Plain),
        ] {
            assert_eq!(StoredPassword::parse(text).unwrap_err(), fault, "{text}");
        }
    }

    #[test]
    fn what_takes_too_long_or_is_cut_short_is_refused() {
        let fault = |text: &str| StoredPassword::parse(text).unwrap_err();
        assert_eq!(fault(&SECRETS[0].replacen("$04$", "$16$", 1)), PasswordFault::Cost);
        assert_eq!(fault(&SECRETS[0].replacen("$04$", "$03$", 1)), PasswordFault::Cost);
        assert_eq!(fault(&SECRETS[4].replacen("rounds=1000", "rounds=1000001", 1)), PasswordFault::Rounds);
        assert_eq!(fault(&SECRETS[4].replacen("rounds=1000", "rounds=10", 1)), PasswordFault::Rounds);
        for text in SECRETS {
            assert_eq!(fault(text.strip_suffix(|_: char| true).unwrap()), PasswordFault::Malformed, "{text}");
            assert_eq!(fault(&format!("{text}a")), PasswordFault::Malformed, "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text in r"(\$(2y|2a|5|6)\$)?(rounds=[0-9]{0,12}\$)?.{0,70}") {
            let _ = StoredPassword::parse(&text);
        }
    }
}
