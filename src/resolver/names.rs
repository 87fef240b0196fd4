//! The names that are known: a bounded number of them, each with its task.

use std::collections::{HashMap, HashSet};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::task::AbortHandle;

use super::name_task::Name;

/// The names that are known, by whom they ask. A name that is asked of other servers is another one.
#[derive(Debug, Default)]
pub(super) struct Names(Mutex<ByServers>);

/// The names of each list of servers.
type ByServers = HashMap<Box<[SocketAddr]>, HashMap<Box<str>, KnownName>>;

/// A name and its task, which ends with it.
#[derive(Debug)]
struct KnownName {
    name: Arc<Name>,
    task: AbortHandle,
}

impl Names {
    /// The name, of which `begin` begins the task if it was not known.
    pub(super) fn find(
        &self,
        host: &str,
        servers: &[SocketAddr],
        begin: impl FnOnce(Arc<Name>) -> AbortHandle,
    ) -> Arc<Name> {
        let mut names = self.names();
        if let Some(known) = names.get(servers).and_then(|names| names.get(host)) {
            return Arc::clone(&known.name);
        }
        if names.values().map(HashMap::len).sum::<usize>() >= MOST_NAMES {
            forget_one(&mut names);
        }
        let name = Arc::new(Name::new(host, servers));
        let known = KnownName { name: Arc::clone(&name), task: begin(Arc::clone(&name)) };
        names.entry(servers.into()).or_default().insert(host.into(), known);
        name
    }

    /// Forgets all but these, each by its servers.
    pub(super) fn keep(&self, used: &HashSet<(&[SocketAddr], &str)>) {
        self.names().retain(|servers, names| {
            names.retain(|host, _| used.contains(&(&**servers, &**host)));
            !names.is_empty()
        });
    }

    /// All of them.
    pub(super) fn all(&self) -> Vec<Arc<Name>> {
        self.names().values().flat_map(HashMap::values).map(|known| Arc::clone(&known.name)).collect()
    }

    fn names(&self) -> MutexGuard<'_, ByServers> {
        // Each change leaves it whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Forgets the name for which nobody has asked for longest.
fn forget_one(names: &mut ByServers) {
    let all = names.iter().flat_map(|(servers, names)| names.iter().map(move |(host, known)| (servers, host, known)));
    let oldest = all.min_by_key(|(_, _, known)| known.name.asked());
    let Some((servers, host)) = oldest.map(|(servers, host, _)| (servers.clone(), host.clone())) else { return };
    if let Some(of_servers) = names.get_mut(&servers) {
        of_servers.remove(&host);
        if of_servers.is_empty() {
            names.remove(&servers);
        }
    }
}

impl Drop for KnownName {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// More than any set of endpoints has.
const MOST_NAMES: usize = 32_768;

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn there_are_so_many_names_and_the_one_that_nobody_asks_for_goes_first() {
        let names = Names::default();
        let begin = |_| tokio::spawn(std::future::pending::<()>()).abort_handle();
        let first = names.find("0", &[], begin);
        let asked = async |name: Arc<Name>| {
            tokio::time::advance(std::time::Duration::from_millis(10)).await;
            let _ = name.addresses(std::time::Duration::ZERO).await;
        };
        for number in 1..MOST_NAMES {
            names.find(&number.to_string(), &[], begin);
        }
        asked(first).await;
        names.find("one more", &[], begin);
        let all = names.all();
        assert_eq!(all.len(), MOST_NAMES);
        assert!(all.iter().any(|name| name.host == "0"));
        assert!(all.iter().any(|name| name.host == "one more"));
    }

    #[tokio::test]
    async fn a_name_that_is_asked_of_other_servers_is_another_one() {
        let names = Names::default();
        let begin = |_| tokio::spawn(std::future::pending::<()>()).abort_handle();
        let server = [SocketAddr::from(([127, 0, 0, 1], 53))];
        let here = names.find("app", &[], begin);
        assert!(Arc::ptr_eq(&here, &names.find("app", &[], begin)));
        assert!(!Arc::ptr_eq(&here, &names.find("app", &server, begin)));
        assert_eq!(names.all().len(), 2);
    }

    #[tokio::test]
    async fn what_nobody_uses_any_more_is_forgotten_with_its_task() {
        let names = Names::default();
        let begin = |_| tokio::spawn(std::future::pending::<()>()).abort_handle();
        let server = [SocketAddr::from(([127, 0, 0, 1], 53))];
        let kept = names.find("app", &server, begin);
        let mut gone = None;
        names.find("app", &[], |name| gone.insert(begin(name)).clone());
        names.find("other", &server, begin);
        names.keep(&HashSet::from([(&server[..], "app"), (&[], "never asked for")]));
        let all = names.all();
        assert!(all.len() == 1 && Arc::ptr_eq(&all[0], &kept));
        tokio::task::yield_now().await;
        assert!(gone.unwrap().is_finished());
    }
}
