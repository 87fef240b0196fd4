//! The keys that the session tickets of a fleet are sealed with.
//!
//! A secret seals nothing itself. Each period has a key of its own, made of the secret and of the number of the period since 1970:
//! the clocks of a fleet may be off by one, and no ticket is older than two of them, however long the file stays as it is.

use std::sync::{PoisonError, RwLock};

use aws_lc_rs::error::Unspecified;
use aws_lc_rs::hmac;
use zeroize::Zeroizing;

use super::identity::Identity;
use super::ticket_key::{NAME, SECRET, TicketKey};
use super::ticket_secrets::TicketSecrets;
use super::tickets::ROTATE_AFTER;

/// The keys that are made of secrets, of the periods that matter now.
#[derive(Debug)]
pub(super) struct FleetKeys {
    secrets: TicketSecrets,
    made: RwLock<Made>,
}

#[derive(Debug, Default)]
struct Made {
    /// Which period it is.
    period: u64,
    /// The first seals, each opens; none before the first use.
    keys: Vec<TicketKey>,
}

impl FleetKeys {
    pub(super) fn new(secrets: TicketSecrets) -> Self {
        Self { secrets, made: RwLock::default() }
    }

    /// What they are made of.
    pub(super) fn secrets(&self) -> &TicketSecrets {
        &self.secrets
    }

    /// Seals a session; `now` is in seconds since 1970.
    pub(super) fn seal(&self, identity: &Identity, session: &[u8], now: u64) -> Option<Vec<u8>> {
        self.turn(now);
        self.made.read().unwrap_or_else(PoisonError::into_inner).keys.first()?.seal(identity, session).ok()
    }

    /// The session of a ticket that any of them has sealed; `now` is in seconds since 1970.
    pub(super) fn open(&self, identity: &Identity, ticket: &[u8], now: u64) -> Option<Vec<u8>> {
        self.turn(now);
        let (name, sealed) = ticket.split_first_chunk::<NAME>()?;
        let made = self.made.read().unwrap_or_else(PoisonError::into_inner);
        made.keys.iter().find(|key| key.name == *name)?.open(identity, sealed).ok()
    }

    /// Makes the keys where it is time.
    fn turn(&self, now: u64) {
        let period = now / ROTATE_AFTER.as_secs();
        let is_due = |made: &Made| made.period != period || made.keys.is_empty();
        if is_due(&self.made.read().unwrap_or_else(PoisonError::into_inner)) {
            let mut made = self.made.write().unwrap_or_else(PoisonError::into_inner);
            // Another thread may have been first.
            if is_due(&made)
                && let Ok(keys) = keys_of(&self.secrets, period)
            {
                *made = Made { period, keys };
            }
        }
    }
}

/// The keys of a period, the first for what is sealed in it, and of those beside it.
fn keys_of(secrets: &TicketSecrets, period: u64) -> Result<Vec<TicketKey>, Unspecified> {
    let periods = [Some(period), period.checked_sub(1), period.checked_add(1)];
    let each = periods.into_iter().flatten().flat_map(|period| secrets.all().map(move |secret| (secret, period)));
    each.map(|(secret, period)| key_of(secret, period)).collect()
}

/// The key of one period (NIST SP 800-108, in counter mode with one block each).
fn key_of(secret: &[u8], period: u64) -> Result<TicketKey, Unspecified> {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
    let derive = |label: &[u8]| {
        let mut context = hmac::Context::with_key(&key);
        context.update(label);
        context.update(&period.to_be_bytes());
        context.sign()
    };
    let (mut name, mut made) = ([0; NAME], Zeroizing::new([0; SECRET]));
    name.iter_mut().zip(derive(b"windlass ticket name").as_ref()).for_each(|(to, from)| *to = *from);
    made.iter_mut().zip(derive(b"windlass ticket key").as_ref()).for_each(|(to, from)| *to = *from);
    TicketKey::new(name, made)
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: &str = "the old secret, which is long enough for it";
    const NEW: &str = "the new secret, which is long enough for it";
    const PERIOD: u64 = ROTATE_AFTER.as_secs();
    const SESSION: &[u8] = b"the state of a session";

    fn keys(text: &str) -> FleetKeys {
        FleetKeys::new(TicketSecrets::parse(text.as_bytes()).unwrap())
    }

    fn me() -> Identity {
        Identity::named("site.test")
    }

    #[test]
    fn whoever_has_the_secret_opens_what_another_sealed_for_the_same_listener() {
        let ticket = keys(OLD).seal(&me(), SESSION, 1_000_000).unwrap();

        assert_eq!(keys(OLD).open(&me(), &ticket, 1_000_000).as_deref(), Some(SESSION));
        assert_eq!(keys(OLD).open(&Identity::named("other.test"), &ticket, 1_000_000), None);
        assert_eq!(keys(NEW).open(&me(), &ticket, 1_000_000), None);
        for index in 0..ticket.len() {
            assert_eq!(keys(OLD).open(&me(), &ticket[..index], 1_000_000), None, "cut at {index}");
        }
    }

    #[test]
    fn the_first_line_seals_and_each_opens() {
        let (by_old, by_new) = (keys(OLD).seal(&me(), SESSION, 0).unwrap(), keys(NEW).seal(&me(), SESSION, 0).unwrap());
        let both = keys(&format!("\n{NEW}\r\n \n  {OLD}\n"));

        assert!(both.open(&me(), &by_old, 0).is_some() && both.open(&me(), &by_new, 0).is_some());
        let sealed = both.seal(&me(), SESSION, 0).unwrap();
        assert!(keys(NEW).open(&me(), &sealed, 0).is_some() && keys(OLD).open(&me(), &sealed, 0).is_none());
    }

    #[test]
    fn a_ticket_lives_for_two_periods_though_the_secret_stays_and_clocks_may_be_off_by_one() {
        let keys = keys(OLD);
        let start = 7 * PERIOD;
        let ticket = keys.seal(&me(), SESSION, start).unwrap();

        for (now, is_open) in [
            (start - PERIOD, true),
            (start - PERIOD - 1, false),
            (start + 2 * PERIOD - 1, true),
            (start + 2 * PERIOD, false),
        ] {
            assert_eq!(keys.open(&me(), &ticket, now).is_some(), is_open, "{now}");
        }
        assert_ne!(keys.seal(&me(), SESSION, start + PERIOD).unwrap()[..NAME], ticket[..NAME], "the next key seals");
    }

    #[test]
    fn a_secret_is_not_shown() {
        let shown = format!("{:?}", keys(OLD));
        assert!(shown.contains("secret") && !shown.contains("long enough"), "{shown}");
    }
}
