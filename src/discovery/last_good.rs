//! The last good set of each source, kept where it survives a restart: a small file an upstream, whole or not at all.
//!
//! It is of one source: after a change of the source nobody uses it. What is read is checked as what a source says is.

use std::fs::{self, DirBuilder, File};
use std::io::{self, Write};
use std::net::SocketAddr;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tempfile::NamedTempFile;
use thiserror::Error;

use super::endpoint_set::{EndpointSet, SetError};
use crate::config::{
    EndpointRole, EndpointSettings, FileError, SourceSettings, SyntaxError, UpstreamName, parse_endpoint, read_file,
};
use crate::process::unix_seconds;

/// The folder where sets are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateFiles {
    folder: PathBuf,
}

/// A set that was kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptSet {
    /// The set.
    pub set: EndpointSet,
    /// How long ago its source named it.
    pub age: Duration,
}

/// Why what was kept cannot be used.
#[derive(Debug, Error)]
pub enum KeptSetError {
    /// It cannot be read.
    #[error("{0}")]
    Read(#[from] FileError),
    /// It is not what we write.
    #[error("{0}")]
    Json(#[from] serde_json::Error),
    /// It names an endpoint that there cannot be.
    #[error("{0}")]
    Endpoint(#[from] SyntaxError),
    /// It is no set.
    #[error("{0}")]
    Set(#[from] SetError),
}

/// What the file holds.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Kept {
    upstream: String,
    source: String,
    servers: Vec<SocketAddr>,
    /// When its source named it last, in seconds since 1970.
    answered: u64,
    endpoints: Vec<KeptEndpoint>,
}

/// By what a file is known to be one of these, of whichever version: no file of endpoints may have such keys.
#[derive(Debug, Deserialize)]
struct Mark {
    #[serde(rename = "upstream")]
    _upstream: String,
    #[serde(rename = "answered")]
    _answered: u64,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct KeptEndpoint {
    /// None where it is called by its address, which need not be a name as one is written.
    name: Option<String>,
    address: String,
    weight: u64,
    state: KeptState,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum KeptState {
    Ready,
    Backup,
    Leaving,
}

impl StateFiles {
    /// Those in `folder`, which need not be there yet.
    pub fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// Keeps the set that `source` names now. Only who runs this process can read it.
    ///
    /// Blocks on the file system.
    ///
    /// # Errors
    /// What the system says, or that there is a file that we did not write; what was kept before is kept then.
    pub fn keep(&self, upstream: &UpstreamName, source: &SourceSettings, set: &EndpointSet) -> io::Result<()> {
        match DirBuilder::new().mode(0o700).create(&self.folder) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
        let path = self.path(upstream);
        if path.exists() && !is_ours(&path) {
            let problem = format!("{} is somebody else's file: let the folder be for this alone", path.display());
            return Err(io::Error::new(io::ErrorKind::AlreadyExists, problem));
        }
        // Its mode is 0600.
        let mut file = NamedTempFile::new_in(&self.folder)?;
        file.write_all(KeptSet { set: set.clone(), age: Duration::ZERO }.text(upstream, source).as_bytes())?;
        file.as_file().sync_all()?;
        file.persist(path)?;
        File::open(&self.folder)?.sync_all()
    }

    /// What was kept of `source`, if anything was.
    ///
    /// Blocks on the file system.
    ///
    /// # Errors
    /// Why it cannot be used.
    pub fn read(&self, upstream: &UpstreamName, source: &SourceSettings) -> Result<Option<KeptSet>, KeptSetError> {
        let bytes = match read_file(&self.path(upstream)) {
            Err(error) if error.kind() == Some(io::ErrorKind::NotFound) => return Ok(None),
            read => read?,
        };
        KeptSet::parse(&bytes, upstream, source)
    }

    /// Forgets what was kept of upstreams that have no source any more; files of others stay.
    ///
    /// Blocks on the file system.
    ///
    /// # Errors
    /// What the system says of the folder.
    pub fn forget_all_but(&self, is_kept: impl Fn(&str) -> bool) -> io::Result<()> {
        let entries = match fs::read_dir(&self.folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            entries => entries?,
        };
        for entry in entries {
            let entry = entry?;
            let name = entry.file_name();
            let upstream = name.to_str().and_then(|name| name.strip_prefix(PREFIX)?.strip_suffix(SUFFIX));
            if upstream.is_some_and(|upstream| !is_kept(upstream)) && is_ours(&entry.path()) {
                fs::remove_file(entry.path())?;
            }
        }
        Ok(())
    }

    fn path(&self, upstream: &UpstreamName) -> PathBuf {
        // Such a name has no slash.
        self.folder.join(format!("{PREFIX}{upstream}{SUFFIX}"))
    }
}

impl KeptSet {
    /// As a text, for who reads it as that of the same source.
    pub fn text(&self, upstream: &UpstreamName, source: &SourceSettings) -> String {
        let kept = Kept {
            upstream: upstream.to_string(),
            source: source.from.to_string(),
            servers: source.servers.clone(),
            answered: unix_seconds().saturating_sub(self.age.as_secs()),
            endpoints: self.set.endpoints().iter().map(KeptEndpoint::of).collect(),
        };
        serde_json::to_string(&kept).expect("texts and numbers can be written")
    }

    /// What a text says of `source`; `None` where it is of another one.
    ///
    /// # Errors
    /// Why it cannot be used.
    pub fn parse(text: &[u8], upstream: &UpstreamName, source: &SourceSettings) -> Result<Option<Self>, KeptSetError> {
        let kept: Kept = serde_json::from_slice(text)?;
        let is_of_it = kept.upstream == upstream.as_str()
            && kept.source == source.from.to_string()
            && kept.servers == source.servers;
        if !is_of_it {
            return Ok(None);
        }
        let endpoints: Result<Vec<_>, _> = kept.endpoints.iter().map(KeptEndpoint::meant).collect();
        let age = Duration::from_secs(unix_seconds().saturating_sub(kept.answered));
        Ok(Some(Self { set: EndpointSet::new(endpoints?)?, age }))
    }
}

impl KeptEndpoint {
    fn of(endpoint: &EndpointSettings) -> Self {
        let state = match endpoint.role {
            EndpointRole::Ready => KeptState::Ready,
            EndpointRole::Backup => KeptState::Backup,
            EndpointRole::Leaving => KeptState::Leaving,
        };
        let (name, address) = (endpoint.name.to_string(), endpoint.address.to_string());
        Self { name: Some(name).filter(|name| *name != address), address, weight: endpoint.weight.get().into(), state }
    }

    fn meant(&self) -> Result<EndpointSettings, SyntaxError> {
        let role = match self.state {
            KeptState::Ready => EndpointRole::Ready,
            KeptState::Backup => EndpointRole::Backup,
            KeptState::Leaving => EndpointRole::Leaving,
        };
        parse_endpoint(&self.address, self.name.as_deref(), Some(self.weight), role)
    }
}

fn is_ours(path: &Path) -> bool {
    read_file(path).is_ok_and(|bytes| serde_json::from_slice::<Mark>(&bytes).is_ok())
}

/// What the name of such a file is, around that of its upstream.
const PREFIX: &str = "endpoints-";
const SUFFIX: &str = ".json";

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::super::file_syntax::{FileFormat, parse_endpoints};
    use super::*;
    use crate::config::SourceKind;

    const CHAT: &str = "chat";

    fn dns(host: &str) -> SourceSettings {
        let from = SourceKind::Dns { host: host.into(), port: 8080 };
        SourceSettings { from, servers: vec!["10.0.0.53:53".parse().unwrap()], min_endpoints: 1, no_unix: None }
    }

    fn set() -> EndpointSet {
        let text = br#"{"endpoints": ["10.0.0.1:80", "[2001:db8::1]:80", {"address": "unix:/run/a.sock", "name": "u", "state": "backup"},
            {"address": "app.internal:80", "name": "b", "weight": 3, "state": "leaving"}]}"#;
        parse_endpoints(text, FileFormat::Json).unwrap()
    }

    #[test]
    fn what_was_kept_is_read_again_and_by_nobody_else() {
        let folder = tempfile::tempdir().unwrap();
        let files = StateFiles::new(folder.path().join("state"));
        assert!(files.read(&CHAT.into(), &dns("a")).unwrap().is_none(), "there is not even a folder");
        files.keep(&CHAT.into(), &dns("a"), &EndpointSet::default()).unwrap();
        files.keep(&CHAT.into(), &dns("a"), &set()).unwrap();
        let KeptSet { set: read, age } = files.read(&CHAT.into(), &dns("a")).unwrap().unwrap();
        assert_eq!(read, set());
        assert!(age <= Duration::from_secs(2), "{age:?}");
        let fewer = SourceSettings { min_endpoints: 9, ..dns("a") };
        assert!(files.read(&CHAT.into(), &fewer).unwrap().is_some(), "it is still the same source");
        for other in [dns("b"), SourceSettings { servers: Vec::new(), ..dns("a") }] {
            assert!(files.read(&CHAT.into(), &other).unwrap().is_none(), "{other:?}");
        }
        assert!(files.read(&"games".into(), &dns("a")).unwrap().is_none());
        let mode = fs::metadata(folder.path().join("state/endpoints-chat.json")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let left: Vec<_> = fs::read_dir(folder.path().join("state")).unwrap().collect();
        assert_eq!(left.len(), 1, "nothing half written is left behind: {left:?}");
    }

    #[test]
    fn whatever_is_not_ours_is_told_and_not_used() {
        let folder = tempfile::tempdir().unwrap();
        let files = StateFiles::new(folder.path().to_owned());
        files.keep(&CHAT.into(), &dns("a"), &set()).unwrap();
        let path = folder.path().join("endpoints-chat.json");
        let good = fs::read_to_string(&path).unwrap();
        for (bad, said) in [
            (good.replace("\"weight\":3", "\"weight\":0"), "weight"),
            (good.replace("\"name\":\"b\"", "\"name\":\"u\""), "two endpoints are called u"),
            (good.split_at(good.len() / 2).0.to_owned(), "EOF"),
        ] {
            fs::write(&path, &bad).unwrap();
            let error = files.read(&CHAT.into(), &dns("a")).unwrap_err().to_string();
            assert!(error.contains(said), "{error}");
        }
    }

    #[test]
    fn a_file_of_somebody_else_is_neither_replaced_nor_removed() {
        let folder = tempfile::tempdir().unwrap();
        let (files, path) = (StateFiles::new(folder.path().to_owned()), folder.path().join("endpoints-chat.json"));
        for theirs in [r#"{"endpoints": ["10.0.0.1:80"]}"#, "", "endpoints = []"] {
            fs::write(&path, theirs).unwrap();
            let refused = files.keep(&CHAT.into(), &dns("a"), &set()).unwrap_err().to_string();
            assert!(refused.contains("somebody else's"), "{refused}");
            files.forget_all_but(|_| false).unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), theirs);
        }
    }

    #[test]
    fn what_nobody_asks_for_any_more_is_forgotten() {
        let folder = tempfile::tempdir().unwrap();
        StateFiles::new(folder.path().join("absent")).forget_all_but(|_| false).unwrap();
        let files = StateFiles::new(folder.path().to_owned());
        for upstream in [CHAT, "games"] {
            files.keep(&upstream.into(), &dns("a"), &set()).unwrap();
        }
        fs::write(folder.path().join("another.json"), "").unwrap();
        files.forget_all_but(|upstream| upstream == CHAT).unwrap();
        let mut left: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|it| it.unwrap().file_name()).collect();
        left.sort();
        assert_eq!(left, ["another.json", "endpoints-chat.json"]);
    }
}
