//! A source in DNS: asked again when its answer is out of date, between the floor and the ceiling of `[resolver]`, and soon after a
//! failure.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::sync::mpsc::Sender;
use tokio::time::sleep;

use super::dns::endpoints_at;
use super::endpoint_set::{EndpointSet, SetError};
use super::source_error::{Found, SourceError};
use super::srv::endpoints_of_services;
use crate::resolver::{LookupError, Resolver};

/// What is asked for.
#[derive(Clone, Debug)]
pub(super) enum Question {
    /// The addresses of a host, each with this port.
    Addresses { host: String, port: u16 },
    /// The services of a name.
    Services(String),
}

/// What is answered.
struct Answer {
    set: Result<EndpointSet, SetError>,
    /// When it is to be asked again.
    ttl: Duration,
}

/// Tells `found` of what `servers` answer, those of `resolver` where there are none, until nobody listens.
pub(super) async fn run(question: Question, servers: Vec<SocketAddr>, resolver: Resolver, found: Sender<Found>) {
    let mut changes = resolver.changes();
    loop {
        let settings = changes.borrow_and_update().clone();
        let (set, again_after) = match question.ask(&resolver, &servers).await {
            Ok(Answer { set: Ok(set), ttl }) => (Ok(set), ttl.min(settings.max_ttl).max(settings.min_ttl)),
            Ok(Answer { set: Err(error), .. }) => (Err(error.into()), AFTER_FAILURE),
            Err(error) => (Err(error.into()), AFTER_FAILURE),
        };
        if found.send(set).await.is_err() {
            return;
        }
        tokio::select! {
            () = sleep(again_after) => {}
            // Others may be asked, or answers be good for less. Its sender is the resolver.
            Ok(()) = changes.changed() => {}
            () = found.closed() => return,
        }
    }
}

impl Question {
    async fn ask(&self, resolver: &Resolver, servers: &[SocketAddr]) -> Result<Answer, LookupError> {
        match self {
            Self::Addresses { host, port } => {
                let found = resolver.all_addresses(host, servers).await?;
                Ok(Answer { set: endpoints_at(found.records, *port), ttl: found.ttl })
            }
            Self::Services(name) => {
                let found = resolver.services(name, servers).await?;
                Ok(Answer { set: endpoints_of_services(found.records), ttl: found.ttl })
            }
        }
    }
}

impl From<LookupError> for SourceError {
    fn from(error: LookupError) -> Self {
        match error {
            // What was answered is no set: an upstream has one endpoint at least.
            LookupError::NoSuchName
            | LookupError::NoRecords
            | LookupError::Nonsense(_)
            | LookupError::Malformed
            | LookupError::TooMany(_) => Self::bad_set(&error),
            _ => Self::no_answer(&error),
        }
    }
}

/// After a failure it is asked again so soon: a server that is well again is noticed within this.
const AFTER_FAILURE: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use tokio::sync::mpsc;
    use tokio::time::Instant;

    use super::*;
    use crate::config::ResolverSettings;
    use crate::resolver::{Found as Records, Scripted};

    const SECOND: Duration = Duration::from_secs(1);

    fn addresses(last: &[u8], ttl: u64) -> Result<Records<IpAddr>, LookupError> {
        let records = last.iter().map(|last| [10, 0, 0, *last].into()).collect();
        Ok(Records { records, ttl: Duration::from_secs(ttl) })
    }

    #[tokio::test(start_paused = true)]
    async fn it_is_asked_again_when_its_answer_is_out_of_date_and_soon_after_a_failure() {
        let script = Scripted::saying(addresses(&[1], 20));
        let (sender, mut found) = mpsc::channel(1);
        let question = Question::Addresses { host: "app".to_owned(), port: 80 };
        let task = tokio::spawn(run(question, Vec::new(), Resolver::scripted(script.clone()), sender));
        let begun = Instant::now();
        let mut next = async || (found.recv().await.unwrap(), begun.elapsed().as_secs());
        let (set, at) = next().await;
        assert_eq!((set.unwrap().endpoints().len(), at), (1, 0));
        script.say(Err(LookupError::TimedOut(SECOND)), Duration::ZERO);
        let (failed, at) = next().await;
        assert!(matches!(failed, Err(SourceError::NoAnswer(_))) && at == 20, "{failed:?} {at}");
        script.say(Err(LookupError::NoSuchName), Duration::ZERO);
        let (absent, at) = next().await;
        assert!(matches!(absent, Err(SourceError::BadSet(_))) && at == 25, "{absent:?} {at}");
        script.say(addresses(&[1, 1], 20), Duration::ZERO);
        let (twice, at) = next().await;
        assert!(matches!(twice, Err(SourceError::BadSet(_))) && at == 30, "{twice:?} {at}");
        script.say(addresses(&[2, 1], 100_000), Duration::ZERO);
        assert_eq!(next().await.0.unwrap().endpoints().len(), 2);
        script.say(addresses(&[3], 0), Duration::ZERO);
        assert_eq!(next().await.1, 335, "max_ttl is 300 s");
        assert_eq!(next().await.1, 336, "min_ttl is 1 s");
        drop(found);
        tokio::time::timeout(SECOND, task).await.unwrap().unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn other_settings_are_kept_to_at_once() {
        let script = Scripted::saying(addresses(&[1], 300));
        let resolver = Resolver::scripted(script.clone());
        let (sender, mut found) = mpsc::channel(1);
        let question = Question::Addresses { host: "app".to_owned(), port: 80 };
        let task = tokio::spawn(run(question, Vec::new(), resolver.clone(), sender));
        let begun = Instant::now();
        found.recv().await.unwrap().unwrap();
        sleep(10 * SECOND).await;
        resolver.keep_to(&resolver.settings());
        resolver.keep_to(&ResolverSettings { max_ttl: 20 * SECOND, ..resolver.settings() });
        let mut next = async || found.recv().await.unwrap().map(|_| begun.elapsed().as_secs());
        assert_eq!((next().await, script.lookups()), (Ok(10), 2));
        assert_eq!(next().await, Ok(30));
        task.abort();
    }
}
