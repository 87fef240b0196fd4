//! `/etc/hosts` and `/etc/resolv.conf`, read again when they change: before a lookup they are looked at, once a second at the most.

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use hickory_resolver::config::NameServerConfig;
use hickory_resolver::system_conf::parse_resolv_conf;
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::error::LookupError;
use super::hosts::Hosts;
use super::search::Search;
use crate::process::{FileWork, Fingerprints};

/// The two files, and what they said.
#[derive(Debug)]
pub(super) struct SystemFiles {
    paths: Arc<Paths>,
    /// Of its own: a mount that hangs holds up lookups, and no reload.
    work: FileWork,
    seen: Mutex<Seen>,
}

/// Where they are.
#[derive(Debug)]
pub(super) struct Paths {
    pub(super) hosts: PathBuf,
    pub(super) resolv_conf: PathBuf,
}

#[derive(Debug, Default)]
struct Seen {
    view: Option<Arc<SystemView>>,
    /// When they were looked at.
    looked: Option<Instant>,
}

/// What both files say.
#[derive(Debug)]
pub(super) struct SystemView {
    pub(super) hosts: Hosts,
    /// Whom to ask, or why that is not known.
    pub(super) servers: Result<SystemServers, LookupError>,
    fingerprints: Fingerprints,
}

/// What `/etc/resolv.conf` says.
#[derive(Clone, Debug)]
pub(super) struct SystemServers {
    pub(super) addresses: Vec<SocketAddr>,
    pub(super) has_edns: bool,
    pub(super) search: Search,
}

impl SystemFiles {
    /// Those at `paths`.
    pub(super) fn new(paths: Paths) -> Self {
        Self { paths: Arc::new(paths), work: FileWork::default(), seen: Mutex::default() }
    }

    /// What they say.
    ///
    /// # Errors
    /// They cannot be looked at.
    pub(super) async fn view(&self) -> Result<Arc<SystemView>, LookupError> {
        let mut seen = self.seen.lock().await;
        if let (Some(view), Some(looked)) = (&seen.view, seen.looked)
            && looked.elapsed() < LOOKED_AT_EVERY
        {
            return Ok(Arc::clone(view));
        }
        let (paths, previous) = (Arc::clone(&self.paths), seen.view.clone());
        let looked = match self.work.begin(move || paths.view(previous)) {
            Ok(mut looking) => looking.done().await,
            Err(held) => Err(held),
        };
        let view = looked.map_err(|held| LookupError::NotAsked(format!("{} {held}", self.paths.hosts.display())))?;
        *seen = Seen { view: Some(Arc::clone(&view)), looked: Some(Instant::now()) };
        Ok(view)
    }
}

impl Paths {
    /// Those of this system.
    pub(super) fn of_the_system() -> Self {
        Self { hosts: "/etc/hosts".into(), resolv_conf: "/etc/resolv.conf".into() }
    }

    fn view(&self, previous: Option<Arc<SystemView>>) -> Arc<SystemView> {
        // Before they are read: one that changes meanwhile is read again.
        let fingerprints = Fingerprints::of([self.hosts.as_path(), self.resolv_conf.as_path()]);
        if let Some(previous) = previous.filter(|previous| previous.fingerprints == fingerprints) {
            return previous;
        }
        // Without the file there are no names in it.
        let hosts = fs::read(&self.hosts).unwrap_or_default();
        let hosts = Hosts::parse(&String::from_utf8_lossy(&hosts));
        Arc::new(SystemView { hosts, servers: self.servers(), fingerprints })
    }

    fn servers(&self) -> Result<SystemServers, LookupError> {
        let path = self.resolv_conf.display();
        let no_server = |error: String| LookupError::NoServer(format!("no DNS server is known: {path}: {error}"));
        let text = fs::read(&self.resolv_conf).map_err(|error| no_server(error.to_string()))?;
        let (config, options) = parse_resolv_conf(text).map_err(|error| no_server(error.to_string()))?;
        let (domain, search, servers) = config.into_parts();
        let domains = if search.is_empty() { domain.into_iter().collect() } else { search };
        let port = |server: &NameServerConfig| server.connections.first().map_or(53, |connection| connection.port);
        Ok(SystemServers {
            addresses: servers.iter().map(|server| SocketAddr::new(server.ip, port(server))).collect(),
            has_edns: options.edns0,
            search: Search { domains, ndots: options.ndots },
        })
    }
}

/// How often they are looked at while names are looked up.
const LOOKED_AT_EVERY: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn files(folder: &Path) -> SystemFiles {
        SystemFiles::new(Paths { hosts: folder.join("hosts"), resolv_conf: folder.join("resolv.conf") })
    }

    #[tokio::test]
    async fn a_file_that_changes_is_read_again_and_only_then() {
        let folder = tempfile::tempdir().unwrap();
        let files = files(folder.path());
        fs::write(&files.paths.hosts, "10.0.0.1 app").unwrap();
        let first = files.view().await.unwrap();
        assert!(first.servers.is_err());
        fs::write(&files.paths.hosts, "10.0.0.2 app").unwrap();
        assert!(Arc::ptr_eq(&first, &files.view().await.unwrap()), "it was looked at a moment ago");
        tokio::time::sleep(LOOKED_AT_EVERY).await;
        let second = files.view().await.unwrap();
        assert_eq!(second.hosts.find("app").unwrap(), ["10.0.0.2".parse::<std::net::IpAddr>().unwrap()]);
        tokio::time::sleep(LOOKED_AT_EVERY).await;
        assert!(Arc::ptr_eq(&second, &files.view().await.unwrap()));
    }

    #[tokio::test]
    async fn resolv_conf_says_whom_to_ask_and_how_names_are_completed() {
        let folder = tempfile::tempdir().unwrap();
        let files = files(folder.path());
        let text =
            "nameserver 10.96.0.10\nnameserver fd00::53\nsearch shop.svc.cluster.local lan\noptions ndots:5 edns0\n";
        fs::write(&files.paths.resolv_conf, text).unwrap();
        let servers = files.view().await.unwrap().servers.clone().unwrap();
        assert_eq!(servers.addresses, ["10.96.0.10:53", "[fd00::53]:53"].map(|it| it.parse::<SocketAddr>().unwrap()));
        assert!(servers.has_edns);
        assert_eq!(servers.search.ndots, 5);
        assert_eq!(servers.search.candidates("app").unwrap().len(), 3);
    }

    #[tokio::test]
    async fn why_nobody_can_be_asked_is_said() {
        let folder = tempfile::tempdir().unwrap();
        let error = files(folder.path()).view().await.unwrap().servers.as_ref().unwrap_err().to_string();
        assert!(error.contains("resolv.conf: No such file"), "{error}");
    }
}
