//! One lookup: `/etc/hosts`, then each name that the search list makes of it, A and AAAA together; all within one deadline.

use std::net::{IpAddr, SocketAddr};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::future::{Either, select};
use hickory_resolver::proto::rr::{Name, RecordType};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::answer::{Found, ServiceRecord, addresses_of, services_of};
use super::error::LookupError;
use super::order::in_order;
use super::queries::{Queries, Servers};
#[cfg(test)]
use super::scripted::Scripted;
use super::search::Search;
use super::system_files::{Paths, SystemFiles, SystemView};
use crate::config::ResolverSettings;

/// Who looks names up; how that went is counted.
pub(super) struct Lookups {
    directory: Directory,
    /// One for each lookup that is under way.
    permits: Semaphore,
    answered: AtomicU64,
    failed: AtomicU64,
}

/// Where names are looked up.
enum Directory {
    System(SystemDirectory),
    #[cfg(test)]
    Scripted(Scripted),
}

struct SystemDirectory {
    files: SystemFiles,
    queries: Queries,
}

/// What is asked for one name.
struct Inquiry {
    servers: Result<Servers, LookupError>,
    search: Search,
    /// The files, where `/etc/hosts` counts.
    files: Option<Arc<SystemView>>,
}

/// How much of an answer must be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Extent {
    /// Any address is better than none.
    Any,
    /// All of it, or it is a failure: who is not in it would seem to be gone.
    Whole,
}

impl Lookups {
    /// Those of this system.
    pub(super) fn of_the_system() -> Self {
        Self::at(Paths::of_the_system())
    }

    /// Those of a system whose files are at these paths.
    pub(super) fn at(paths: Paths) -> Self {
        Self::in_directory(Directory::System(SystemDirectory {
            files: SystemFiles::new(paths),
            queries: Queries::default(),
        }))
    }

    #[cfg(test)]
    pub(super) fn scripted(script: Scripted) -> Self {
        Self::in_directory(Directory::Scripted(script))
    }

    fn in_directory(directory: Directory) -> Self {
        let permits = Semaphore::new(MOST_AT_ONCE);
        Self { directory, permits, answered: AtomicU64::new(0), failed: AtomicU64::new(0) }
    }

    /// The addresses of a name in the order in which they are tried. `own` servers are asked instead of the others.
    pub(super) async fn addresses_to_try(
        &self,
        host: &str,
        own: &[SocketAddr],
        settings: &ResolverSettings,
    ) -> Result<Found<IpAddr>, LookupError> {
        let found = self.addresses(host, own, settings, Extent::Any).await?;
        Ok(Found { records: in_order(found.records), ttl: found.ttl })
    }

    /// Every address of a name.
    pub(super) async fn all_addresses(
        &self,
        host: &str,
        own: &[SocketAddr],
        settings: &ResolverSettings,
    ) -> Result<Found<IpAddr>, LookupError> {
        self.addresses(host, own, settings, Extent::Whole).await
    }

    /// The services of a name.
    pub(super) async fn services(
        &self,
        name: &str,
        own: &[SocketAddr],
        settings: &ResolverSettings,
    ) -> Result<Found<ServiceRecord>, LookupError> {
        let lookup = async {
            match &self.directory {
                Directory::System(system) => system.services(name, own, settings).await,
                #[cfg(test)]
                Directory::Scripted(script) => script.services(name).await,
            }
        };
        self.within(settings.timeout, lookup).await
    }

    /// How many lookups found something, and how many did not.
    pub(super) fn counts(&self) -> (u64, u64) {
        (self.answered.load(Ordering::Relaxed), self.failed.load(Ordering::Relaxed))
    }

    async fn addresses(
        &self,
        host: &str,
        own: &[SocketAddr],
        settings: &ResolverSettings,
        extent: Extent,
    ) -> Result<Found<IpAddr>, LookupError> {
        let lookup = async {
            match &self.directory {
                Directory::System(system) => system.addresses(host, own, settings, extent).await,
                #[cfg(test)]
                Directory::Scripted(script) => script.addresses(host).await,
            }
        };
        self.within(settings.timeout, lookup).await
    }

    /// Waits for its turn, and then so long for the lookup.
    async fn within<T>(
        &self,
        deadline: Duration,
        lookup: impl Future<Output = Result<T, LookupError>>,
    ) -> Result<T, LookupError> {
        // It is never closed, and each turn has an end.
        let _permit = self.permits.acquire().await;
        let found = timeout(deadline, lookup).await.unwrap_or(Err(LookupError::TimedOut(deadline)));
        let counter = if found.is_ok() { &self.answered } else { &self.failed };
        counter.fetch_add(1, Ordering::Relaxed);
        found
    }
}

impl SystemDirectory {
    async fn addresses(
        &self,
        host: &str,
        own: &[SocketAddr],
        settings: &ResolverSettings,
        extent: Extent,
    ) -> Result<Found<IpAddr>, LookupError> {
        let inquiry = self.inquiry(own, settings).await?;
        if let Some(records) = inquiry.files.as_ref().and_then(|files| files.hosts.find(host)) {
            return Ok(Found { records, ttl: HOSTS_TTL });
        }
        let servers = inquiry.servers?;
        first_found(&inquiry.search, host, extent, |name| self.both_families(&servers, name, extent)).await
    }

    async fn services(
        &self,
        name: &str,
        own: &[SocketAddr],
        settings: &ResolverSettings,
    ) -> Result<Found<ServiceRecord>, LookupError> {
        let inquiry = self.inquiry(own, settings).await?;
        let servers = inquiry.servers?;
        let servers = &servers;
        let ask =
            |name: Name| async move { services_of(&self.queries.ask(servers, &name, RecordType::SRV).await?, &name) };
        first_found(&inquiry.search, name, Extent::Whole, ask).await
    }

    /// Names are found in `/etc/hosts` first, unless a source has servers of its `own`; they are completed where the system's servers
    /// are asked, and those that are named are asked for what is written.
    async fn inquiry(&self, own: &[SocketAddr], settings: &ResolverSettings) -> Result<Inquiry, LookupError> {
        // So there is time for a second attempt.
        let timeout = settings.timeout / 2;
        let named = |addresses: &[SocketAddr]| Servers { addresses: addresses.to_vec(), has_edns: true, timeout };
        if !own.is_empty() {
            return Ok(Inquiry { servers: Ok(named(own)), search: Search::default(), files: None });
        }
        let files = self.files.view().await?;
        if !settings.servers.is_empty() {
            let servers = Ok(named(&settings.servers));
            return Ok(Inquiry { servers, search: Search::default(), files: Some(files) });
        }
        let (servers, search) = match files.servers.clone() {
            Ok(it) => (Ok(Servers { addresses: it.addresses, has_edns: it.has_edns, timeout }), it.search),
            Err(error) => (Err(error), Search::default()),
        };
        Ok(Inquiry { servers, search, files: Some(files) })
    }

    /// Asks for A and AAAA at once (RFC 8305 §3).
    async fn both_families(&self, servers: &Servers, name: Name, extent: Extent) -> Result<Found<IpAddr>, LookupError> {
        let name = &name;
        let ask = |record_type| async move {
            addresses_of(&self.queries.ask(servers, name, record_type).await?, name, record_type)
        };
        let (six, four) = (pin!(ask(RecordType::AAAA)), pin!(ask(RecordType::A)));
        let (first, second) = match select(six, four).await {
            Either::Left((first, second)) => (first, Either::Left(second)),
            Either::Right((first, second)) => (first, Either::Right(second)),
        };
        let second = match extent {
            Extent::Any if first.is_ok() => {
                timeout(OTHER_FAMILY, second).await.unwrap_or(Err(LookupError::TimedOut(OTHER_FAMILY)))
            }
            _ => second.await,
        };
        merged(first, second, extent)
    }
}

/// The first name of those that the search list makes that has something. As with the system's own resolver, a name that cannot
/// be looked up does not end the search, unless the answer must be whole: then the next one might be somebody else's.
async fn first_found<T, F>(
    search: &Search,
    host: &str,
    extent: Extent,
    ask: impl Fn(Name) -> F,
) -> Result<Found<T>, LookupError>
where
    F: Future<Output = Result<Found<T>, LookupError>>,
{
    let mut nothing = LookupError::NoSuchName;
    for name in search.candidates(host)? {
        match ask(name).await {
            Ok(found) => return Ok(found),
            Err(error) if !error.is_absence() && extent == Extent::Whole => return Err(error),
            // A failure says more than an absence, and which absence the last name has does.
            Err(error) if nothing.is_absence() => nothing = error,
            Err(_) => {}
        }
    }
    Err(nothing)
}

/// What the answers of both families come to.
fn merged(
    first: Result<Found<IpAddr>, LookupError>,
    second: Result<Found<IpAddr>, LookupError>,
    extent: Extent,
) -> Result<Found<IpAddr>, LookupError> {
    match (first, second) {
        (Ok(first), Ok(second)) => {
            let records = [first.records, second.records].concat();
            Ok(Found { records, ttl: first.ttl.min(second.ttl) })
        }
        (Ok(found), Err(error)) | (Err(error), Ok(found)) => {
            let is_a_lie = matches!(error, LookupError::Nonsense(_) | LookupError::Malformed | LookupError::TooMany(_));
            let is_enough = error.is_absence() || (extent == Extent::Any && !is_a_lie);
            if is_enough { Ok(found) } else { Err(error) }
        }
        (Err(absence), Err(error)) | (Err(error), Err(absence)) if absence.is_absence() => Err(error),
        (Err(error), Err(_)) => Err(error),
    }
}

/// How many lookups are under way at once: two sockets each.
const MOST_AT_ONCE: usize = 64;
/// When an address of one family is there, the other family is waited for so long.
const OTHER_FAMILY: Duration = Duration::from_millis(500);
/// For how long what `/etc/hosts` says is kept: looking again costs no query.
const HOSTS_TTL: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use super::*;

    fn found(last: u8) -> Result<Found<IpAddr>, LookupError> {
        Ok(Found { records: vec![[10, 0, 0, last].into()], ttl: Duration::from_secs(last.into()) })
    }

    #[test]
    fn one_family_is_enough_to_connect_and_a_failure_of_the_other_too_little_for_a_set() {
        let slow = || Err(LookupError::TimedOut(Duration::from_secs(1)));
        let absent = || Err(LookupError::NoRecords);
        assert_eq!(merged(found(1), found(2), Extent::Whole).unwrap().records.len(), 2);
        assert_eq!(merged(found(9), found(2), Extent::Any).unwrap().ttl, Duration::from_secs(2));
        assert_eq!(merged(absent(), found(1), Extent::Whole), found(1));
        assert_eq!(merged(found(1), slow(), Extent::Any), found(1));
        assert_eq!(merged(found(1), slow(), Extent::Whole), slow());
        assert_eq!(merged(absent(), slow(), Extent::Any), slow());
        assert_eq!(merged(slow(), absent(), Extent::Any), slow());
        assert_eq!(merged(absent(), absent(), Extent::Any), absent());
    }

    #[test]
    fn a_lie_about_one_family_is_a_failure_of_both() {
        for lie in [LookupError::Nonsense([0, 0, 0, 0].into()), LookupError::Malformed, LookupError::TooMany(20_001)] {
            assert_eq!(merged(found(1), Err(lie.clone()), Extent::Any), Err(lie));
        }
    }
}
