//! The keys that a process seals session tickets with, where no fleet shares them.
//!
//! New tickets are sealed with the current key; the one before still opens what it sealed. The keys stand in memory only, and
//! leave it only towards the process that takes over.

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use aws_lc_rs::error::Unspecified;
use rustls::Error;
use zeroize::Zeroizing;

use super::identity::Identity;
use super::ticket_key::{NAME, SECRET, TicketKey};

/// For so long a key seals; for as long again it opens. A random nonce is safe for 2³² tickets: 190,000 a second.
pub(super) const ROTATE_AFTER: Duration = Duration::from_secs(6 * 60 * 60);
/// What clients are told: a ticket of a fresh key lives through both of its halves.
pub(super) const LIFETIME: Duration = Duration::from_secs(12 * 60 * 60);

/// The keys that session tickets are sealed with: made once for a process, given to every configuration.
///
/// rustls otherwise keeps sessions in a cache of 256 entries per `ServerConfig`, and each reload that builds a new one
/// would make every client that comes back shake hands in full. The keys rotate every six hours and a ticket lives for
/// twelve at the most; they are never written anywhere.
#[derive(Clone, Debug)]
pub struct TicketKeys(Arc<RwLock<Ring>>);

/// The keys as one process gives them to the next. Secret.
#[derive(Clone, PartialEq, Eq)]
pub struct ExportedTicketKeys(Zeroizing<Vec<u8>>);

/// Keys of another process cannot be used: they are of a version of Windlass that keeps others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the ticket keys have another shape than this version knows")]
pub struct UnusableTicketKeys;

impl TicketKeys {
    /// Makes new keys; fails only if the system has no randomness to give.
    pub fn generate() -> Result<Self, Error> {
        let current = TicketKey::generate().map_err(|Unspecified| rustls::crypto::GetRandomFailed)?;
        Ok(Self::from(Ring { current, previous: None, since: Instant::now() }))
    }

    /// The keys for the process that takes over: it opens what was sealed here, and rotates when this one would have.
    pub fn export(&self) -> ExportedTicketKeys {
        self.turn(Instant::now());
        let ring = self.0.read().unwrap_or_else(PoisonError::into_inner);
        // As large as it gets: one that grew would leave a copy behind.
        let mut bytes = Zeroizing::new(Vec::with_capacity(size_of::<u64>() + 2 * (NAME + SECRET)));
        bytes.extend(ring.since.elapsed().as_secs().to_be_bytes());
        for key in [Some(&ring.current), ring.previous.as_ref()].into_iter().flatten() {
            bytes.extend(key.name);
            bytes.extend(key.secret.iter());
        }
        ExportedTicketKeys(bytes)
    }

    /// The keys of the process before.
    pub fn import(exported: &ExportedTicketKeys) -> Result<Self, UnusableTicketKeys> {
        let (age, keys) = exported.0.split_first_chunk::<8>().ok_or(UnusableTicketKeys)?;
        let (keys, rest) = keys.as_chunks::<{ NAME + SECRET }>();
        let mut keys = keys.iter().map(TicketKey::from_bytes);
        let (Some(current), previous, None, []) = (keys.next(), keys.next(), keys.next(), rest) else {
            return Err(UnusableTicketKeys);
        };
        let unusable = |Unspecified| UnusableTicketKeys;
        let (current, previous) = (current.map_err(unusable)?, previous.transpose().map_err(unusable)?);
        let age = Duration::from_secs(u64::from_be_bytes(*age));
        // A machine that runs for less than that was not started anew since: then the age is wrong, and the key is new.
        let since = Instant::now().checked_sub(age).unwrap_or_else(Instant::now);
        Ok(Self::from(Ring { current, previous, since }))
    }

    /// Rotates where it is time.
    fn turn(&self, now: Instant) {
        let is_due = |ring: &Ring| now.saturating_duration_since(ring.since) >= ROTATE_AFTER;
        if is_due(&self.0.read().unwrap_or_else(PoisonError::into_inner)) {
            let mut ring = self.0.write().unwrap_or_else(PoisonError::into_inner);
            // Another thread may have been first.
            if is_due(&ring) {
                ring.turn(now);
            }
        }
    }

    pub(super) fn seal(&self, identity: &Identity, session: &[u8], now: Instant) -> Option<Vec<u8>> {
        self.turn(now);
        self.0.read().unwrap_or_else(PoisonError::into_inner).current.seal(identity, session).ok()
    }

    pub(super) fn open(&self, identity: &Identity, ticket: &[u8], now: Instant) -> Option<Vec<u8>> {
        self.turn(now);
        self.0.read().unwrap_or_else(PoisonError::into_inner).open(identity, ticket)
    }
}

impl From<Ring> for TicketKeys {
    fn from(ring: Ring) -> Self {
        Self(Arc::new(RwLock::new(ring)))
    }
}

impl ExportedTicketKeys {
    /// The bytes that [`ExportedTicketKeys::from`] takes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl From<Vec<u8>> for ExportedTicketKeys {
    fn from(bytes: Vec<u8>) -> Self {
        Self(Zeroizing::new(bytes))
    }
}

impl fmt::Debug for ExportedTicketKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ExportedTicketKeys(secret)")
    }
}

/// The key that seals and the one that sealed before.
#[derive(Debug)]
struct Ring {
    current: TicketKey,
    previous: Option<TicketKey>,
    /// When `current` began to seal.
    since: Instant,
}

impl Ring {
    fn turn(&mut self, now: Instant) {
        // Without randomness the old key seals on: no worse than no tickets at all, and tried again at the next one.
        let Ok(next) = TicketKey::generate() else { return };
        let former = std::mem::replace(&mut self.current, next);
        // After a rest of two periods nothing that `former` sealed is young enough.
        let is_recent = now.saturating_duration_since(self.since) < 2 * ROTATE_AFTER;
        self.previous = is_recent.then_some(former);
        self.since = now;
    }

    fn open(&self, identity: &Identity, ticket: &[u8]) -> Option<Vec<u8>> {
        let (name, sealed) = ticket.split_first_chunk::<NAME>()?;
        let key = [Some(&self.current), self.previous.as_ref()].into_iter().flatten().find(|key| key.name == *name)?;
        key.open(identity, sealed).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SESSION: &[u8] = b"the state of a session";

    fn me() -> Identity {
        Identity::named("site.test")
    }

    #[test]
    fn opens_nothing_that_another_listener_sealed() {
        let keys = TicketKeys::generate().unwrap();
        let now = Instant::now();
        let ticket = keys.seal(&me(), SESSION, now).unwrap();

        assert_eq!(keys.open(&Identity::named("other.test"), &ticket, now), None);
        assert_eq!(keys.open(&me(), &ticket, now).as_deref(), Some(SESSION));
    }

    #[test]
    fn opens_what_it_sealed() {
        let keys = TicketKeys::generate().unwrap();
        let (one, other) =
            (keys.seal(&me(), SESSION, Instant::now()).unwrap(), keys.seal(&me(), SESSION, Instant::now()).unwrap());

        assert_ne!(one, other, "a nonce is used once");
        assert_eq!(keys.open(&me(), &one, Instant::now()).as_deref(), Some(SESSION));
        assert_eq!(keys.open(&me(), &other, Instant::now()).as_deref(), Some(SESSION));
    }

    #[test]
    fn opens_nothing_that_was_tampered_with_or_cut() {
        let keys = TicketKeys::generate().unwrap();
        let ticket = keys.seal(&me(), SESSION, Instant::now()).unwrap();

        for index in 0..ticket.len() {
            let mut tampered = ticket.clone();
            tampered[index] ^= 1;
            assert_eq!(keys.open(&me(), &tampered, Instant::now()), None, "byte {index}");
            assert_eq!(keys.open(&me(), &ticket[..index], Instant::now()), None, "cut at {index}");
        }
    }

    #[test]
    fn opens_nothing_of_other_keys() {
        let ticket = TicketKeys::generate().unwrap().seal(&me(), SESSION, Instant::now()).unwrap();

        assert_eq!(TicketKeys::generate().unwrap().open(&me(), &ticket, Instant::now()), None);
    }

    #[test]
    fn a_ticket_outlives_one_rotation_and_not_two() {
        let keys = TicketKeys::generate().unwrap();
        let start = Instant::now();
        let ticket = keys.seal(&me(), SESSION, start).unwrap();

        assert!(keys.open(&me(), &ticket, start + ROTATE_AFTER).is_some());
        let renewed = keys.seal(&me(), SESSION, start + ROTATE_AFTER).unwrap();
        assert_ne!(renewed[..NAME], ticket[..NAME], "the next key seals");
        assert!(keys.open(&me(), &ticket, start + 2 * ROTATE_AFTER + Duration::from_secs(1)).is_none());
        assert!(keys.open(&me(), &renewed, start + 2 * ROTATE_AFTER + Duration::from_secs(1)).is_some());
    }

    #[test]
    fn after_a_long_rest_the_key_before_opens_nothing() {
        let keys = TicketKeys::generate().unwrap();
        let start = Instant::now();
        let ticket = keys.seal(&me(), SESSION, start).unwrap();

        assert!(keys.open(&me(), &ticket, start + LIFETIME + Duration::from_secs(1)).is_none());
    }

    #[test]
    fn another_process_opens_with_exported_keys() {
        let keys = TicketKeys::generate().unwrap();
        let start = Instant::now();
        let old = keys.seal(&me(), SESSION, start).unwrap();
        keys.turn(start + ROTATE_AFTER);
        let recent = keys.seal(&me(), SESSION, start + ROTATE_AFTER).unwrap();

        let exported = ExportedTicketKeys::from(keys.export().as_bytes().to_vec());
        let successor = TicketKeys::import(&exported).unwrap();

        assert_eq!(successor.open(&me(), &old, Instant::now()).as_deref(), Some(SESSION));
        assert_eq!(successor.open(&me(), &recent, Instant::now()).as_deref(), Some(SESSION));
        assert_eq!(
            keys.open(&me(), &successor.seal(&me(), SESSION, Instant::now()).unwrap(), Instant::now()).as_deref(),
            Some(SESSION)
        );
    }

    #[test]
    fn another_process_rotates_when_this_one_would_have() {
        let keys = TicketKeys::generate().unwrap();
        let since = Instant::now() - Duration::from_secs(3600);
        keys.0.write().unwrap().since = since;

        let successor = TicketKeys::import(&keys.export()).unwrap();

        let taken_over = successor.0.read().unwrap().since;
        let off = taken_over.saturating_duration_since(since) + since.saturating_duration_since(taken_over);
        assert!(off < Duration::from_secs(10), "{off:?}");
    }

    #[test]
    fn keys_of_another_shape_are_refused() {
        let exported = TicketKeys::generate().unwrap().export();

        for length in [0, 7, 8, 8 + 47, 8 + 49] {
            let mut bytes = exported.as_bytes().to_vec();
            bytes.resize(length, 0);
            assert_eq!(TicketKeys::import(&bytes.into()).unwrap_err(), UnusableTicketKeys, "{length} bytes");
        }
    }

    #[test]
    fn a_secret_is_not_shown() {
        let keys = TicketKeys::generate().unwrap();
        let shown = format!("{keys:?} {:?}", keys.export());

        assert!(shown.contains("secret") && !shown.contains('['), "{shown}");
    }
}
