//! The session tickets of one listener: what seals them, and everything that opens them.

use std::sync::Arc;
use std::time::Instant;

use rustls::pki_types::UnixTime;
use rustls::server::ProducesTickets;

use super::fleet_keys::FleetKeys;
use super::identity::Identity;
use super::ticket_secrets::TicketSecrets;
use super::tickets::{LIFETIME, TicketKeys};

/// What the session tickets of a listener are sealed with and opened by.
///
/// Where it has the secrets of a fleet, they seal. What they sealed before a reload exchanged them is opened for as long as a
/// ticket lives, and so is what the keys of this process have sealed.
#[derive(Clone, Debug)]
pub struct SessionTickets {
    process: TicketKeys,
    fleet: Option<Arc<FleetKeys>>,
    retired: Vec<Retired>,
}

/// Secrets that a reload has taken out.
#[derive(Clone, Debug)]
struct Retired {
    keys: Arc<FleetKeys>,
    /// When the last ticket that they sealed is over.
    until: Instant,
}

/// The tickets of the listeners with one identity.
#[derive(Debug)]
pub(super) struct Tickets {
    sealed_by: SessionTickets,
    identity: Identity,
}

impl SessionTickets {
    /// Tickets under the keys of this process alone.
    pub fn of_process(keys: &TicketKeys) -> Self {
        Self { process: keys.clone(), fleet: None, retired: Vec::new() }
    }

    /// The same, under the secrets of a fleet; `before` are those of the same listener until now.
    pub fn shared(keys: &TicketKeys, secrets: Option<&TicketSecrets>, before: Option<&Self>) -> Self {
        Self::at(keys, secrets, before, Instant::now())
    }

    fn at(keys: &TicketKeys, secrets: Option<&TicketSecrets>, before: Option<&Self>, now: Instant) -> Self {
        let fleet_before = before.and_then(|before| before.fleet.as_ref());
        let same = fleet_before.filter(|fleet| Some(fleet.secrets()) == secrets).cloned();
        let retired = fleet_before.filter(|_| same.is_none());
        let retired = retired.map(|keys| Retired { keys: Arc::clone(keys), until: now + LIFETIME });
        let still =
            before.into_iter().flat_map(|before| &before.retired).filter(|retired| retired.until > now).cloned();
        Self {
            process: keys.clone(),
            fleet: same.or_else(|| secrets.cloned().map(FleetKeys::new).map(Arc::new)),
            retired: retired.into_iter().chain(still).take(MOST_RETIRED).collect(),
        }
    }

    fn seal(&self, identity: &Identity, session: &[u8]) -> Option<Vec<u8>> {
        match &self.fleet {
            Some(fleet) => fleet.seal(identity, session, UnixTime::now().as_secs()),
            None => self.process.seal(identity, session, Instant::now()),
        }
    }

    fn open(&self, identity: &Identity, ticket: &[u8]) -> Option<Vec<u8>> {
        let now = Instant::now();
        let retired = self.retired.iter().filter(|retired| retired.until > now).map(|retired| &retired.keys);
        let mut of_fleets = self.fleet.iter().chain(retired);
        let by_fleet = || of_fleets.find_map(|fleet| fleet.open(identity, ticket, UnixTime::now().as_secs()));
        self.process.open(identity, ticket, now).or_else(by_fleet)
    }
}

impl Tickets {
    pub(super) fn new(sealed_by: &SessionTickets, identity: Identity) -> Self {
        Self { sealed_by: sealed_by.clone(), identity }
    }
}

impl ProducesTickets for Tickets {
    fn enabled(&self) -> bool {
        true
    }

    fn lifetime(&self) -> u32 {
        u32::try_from(LIFETIME.as_secs()).unwrap_or(u32::MAX)
    }

    fn encrypt(&self, plain: &[u8]) -> Option<Vec<u8>> {
        self.sealed_by.seal(&self.identity, plain)
    }

    fn decrypt(&self, cipher: &[u8]) -> Option<Vec<u8>> {
        self.sealed_by.open(&self.identity, cipher)
    }
}

/// Who exchanges them more often within a day has forgotten them already.
const MOST_RETIRED: usize = 8;

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt;
    use std::time::Duration;

    use super::*;
    use crate::config::NamedFile;
    use crate::tls::tests::Folder;

    const SESSION: &[u8] = b"the state of a session";

    fn secrets(text: &str) -> TicketSecrets {
        let folder = Folder::new();
        let path = folder.write("tickets.secret", text.repeat(32));
        fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
        TicketSecrets::load(&NamedFile { path, location: Default::default() }).unwrap()
    }

    fn me() -> Identity {
        Identity::named("site.test")
    }

    #[test]
    fn secrets_that_were_exchanged_open_for_as_long_as_a_ticket_lives() {
        let (process, now) = (TicketKeys::generate().unwrap(), Instant::now());
        let (a, b) = (secrets("a"), secrets("b"));
        let first = SessionTickets::at(&process, Some(&a), None, now);
        let ticket = first.seal(&me(), SESSION).unwrap();

        let second = SessionTickets::at(&process, Some(&b), Some(&first), now);
        let third = SessionTickets::at(&process, Some(&b), Some(&second), now);
        let none = SessionTickets::at(&process, None, Some(&third), now);
        for later in [&second, &third, &none] {
            assert_eq!(later.open(&me(), &ticket).as_deref(), Some(SESSION));
        }
        let past = now.checked_sub(LIFETIME + Duration::from_secs(1)).unwrap();
        let long_ago = SessionTickets::at(&process, Some(&b), Some(&first), past);
        assert_eq!(long_ago.open(&me(), &ticket), None);
        assert!(SessionTickets::at(&process, Some(&b), Some(&long_ago), now).retired.is_empty());
    }

    #[test]
    fn tickets_of_the_process_open_after_a_fleet_has_its_secret() {
        let process = TicketKeys::generate().unwrap();
        let alone = SessionTickets::of_process(&process);
        let ticket = alone.seal(&me(), SESSION).unwrap();
        let shared = SessionTickets::shared(&process, Some(&secrets("a")), Some(&alone));

        assert_eq!(shared.open(&me(), &ticket).as_deref(), Some(SESSION));
        assert_eq!(alone.open(&me(), &shared.seal(&me(), SESSION).unwrap()), None, "the fleet's seals");
    }

    #[test]
    fn another_process_of_the_fleet_opens_what_this_one_sealed() {
        let [one, other] =
            [(); 2].map(|()| SessionTickets::shared(&TicketKeys::generate().unwrap(), Some(&secrets("a")), None));
        let ticket = one.seal(&me(), SESSION).unwrap();

        assert_eq!(other.open(&me(), &ticket).as_deref(), Some(SESSION));
        assert_eq!(other.open(&Identity::named("other.test"), &ticket), None);
    }
}
