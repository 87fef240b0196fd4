//! Whether a name and a password are of somebody who may enter.
//!
//! To compare takes tens of milliseconds, and is for a thread that nobody waits on; what was right a moment ago is known at once.
//! Who is not in the file takes as long as who is: the password is compared with that of somebody else, always the same one for the
//! same name, and is wrong whatever comes of it.

use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;

use super::basic_credentials::BasicCredentials;
use super::htpasswd::PasswordFile;
use super::verified::Verified;

/// The passwords of a route, as its file has them.
pub struct Passwords {
    file: PasswordFile,
    /// Nobody can tell from a key what it was made of.
    key: hmac::Key,
    verified: Mutex<Verified<CredentialKey>>,
}

/// Stands for a name, a password and what is kept of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CredentialKey([u8; 32]);

impl Passwords {
    /// Those of a file.
    pub fn new(file: PasswordFile) -> Self {
        let key = hmac::Key::generate(hmac::HMAC_SHA256, &SystemRandom::new());
        Self { file, key: key.expect("the system has random numbers"), verified: Mutex::new(Verified::new()) }
    }

    /// Whether they are of this file.
    pub fn are_of(&self, file: &PasswordFile) -> bool {
        self.file == *file
    }

    /// What stands for these credentials here, and nowhere else.
    pub fn key_of(&self, credentials: &BasicCredentials) -> CredentialKey {
        let BasicCredentials { user, password } = credentials;
        let stored = self.file.of(user).map_or("", |stored| stored.as_str());
        let mut context = hmac::Context::with_key(&self.key);
        for part in [user.as_bytes(), password.as_slice(), stored.as_bytes()] {
            context.update(&(part.len() as u64).to_be_bytes());
            context.update(part);
        }
        let mut key = [0; 32];
        key.iter_mut().zip(context.sign().as_ref()).for_each(|(byte, of_tag)| *byte = *of_tag);
        CredentialKey(key)
    }

    /// Whether they were found right a moment ago.
    pub fn are_verified(&self, key: &CredentialKey, now: Duration) -> bool {
        self.verified.lock().unwrap_or_else(PoisonError::into_inner).holds(key, now)
    }

    /// They were found right.
    pub fn note_verified(&self, key: CredentialKey, now: Duration) {
        self.verified.lock().unwrap_or_else(PoisonError::into_inner).note(key, now);
    }

    /// Whether they are right. Takes its time; not for a worker.
    pub fn verify(&self, credentials: &BasicCredentials) -> bool {
        let BasicCredentials { user, password } = credentials;
        if let Some(stored) = self.file.of(user) {
            return stored.is(password);
        }
        let number = hmac::sign(&self.key, user.as_bytes()).as_ref().first().copied().unwrap_or(0);
        if let Some(other) = self.file.some(number.into()) {
            std::hint::black_box(other.is(password));
        }
        false
    }
}

impl fmt::Debug for Passwords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Passwords").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use zeroize::Zeroizing;

    use super::*;

    fn passwords() -> Passwords {
        Passwords::new(PasswordFile::parse(b"ada:$2y$04$uSE2WOvBfwvPe2yDzCcCQutzAWqobrSJXhMA88lj3tpUaymwB5.XK\nbob:$2b$05$b2jZGl0tLi7oNnpnAg.ZvO.6N1vuJ2BYmZBL7FoUOfs1y..fXk.gu\n").unwrap())
    }

    fn credentials(user: &str, password: &str) -> BasicCredentials {
        BasicCredentials { user: user.into(), password: Zeroizing::new(password.as_bytes().to_vec()) }
    }

    #[test]
    fn who_is_not_in_the_file_is_wrong_by_whatever_password() {
        let passwords = passwords();
        assert!(passwords.verify(&credentials("ada", "secret")) && passwords.verify(&credentials("bob", "secret")));
        for (user, password) in [("ada", "wrong"), ("cid", "secret"), ("", "secret"), ("ada:", "secret")] {
            assert!(!passwords.verify(&credentials(user, password)), "{user}");
        }
    }

    /// By the least of a few, which nothing else on the machine makes less.
    #[test]
    fn who_is_not_in_the_file_takes_about_as_long() {
        let passwords = passwords();
        let least = |user: &str| {
            let times = (0..5).map(|_| {
                let begun = Instant::now();
                assert!(!passwords.verify(&credentials(user, "wrong")));
                begun.elapsed()
            });
            times.min().unwrap()
        };
        let known = least("ada").min(least("bob"));
        assert!(least("cid") > known / 4 && least("dan") > known / 4, "{known:?}");
    }

    #[test]
    fn a_key_stands_for_one_pair_and_one_file() {
        let (here, elsewhere) = (passwords(), passwords());
        let pair = credentials("ada", "secret");
        assert_eq!(here.key_of(&pair), here.key_of(&pair));
        assert_ne!(here.key_of(&pair), elsewhere.key_of(&pair));
        for other in [credentials("ada", "secre"), credentials("adas", "ecret"), credentials("bob", "secret")] {
            assert_ne!(here.key_of(&pair), here.key_of(&other));
        }
        here.note_verified(here.key_of(&pair), Duration::ZERO);
        assert!(here.are_verified(&here.key_of(&pair), Duration::from_secs(299)));
        assert!(!here.are_verified(&here.key_of(&pair), Duration::from_secs(300)));
        assert!(!elsewhere.are_verified(&here.key_of(&pair), Duration::ZERO));
    }
}
