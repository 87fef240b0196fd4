//! A configuration with everything that was read for it.

use std::collections::BTreeMap;
use std::fmt;
use std::mem::take;
use std::path::Path;
use std::slice;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::UnixTime;

use super::discovery::NamedSets;
use super::logging::{LogPlaceError, foretell};
use super::socket_folder;
use crate::config::{
    self, ListenerName, ListenerSettings, Problem, Problems, Reading, Settings, SourceKind, UpstreamSettings, Warning,
    Warnings, counted,
};
use crate::discovery::read_endpoints;
use crate::process::{Fingerprints, unix_seconds};
use crate::snapshot::{AdminContents, FileContents};
use crate::tls::{DirectoryCredentials, IssuedCertificates};

/// A configuration with everything that was read for it.
#[derive(Debug)]
pub struct Loaded {
    settings: Settings,
    contents: FileContents,
    /// What is odd about them.
    warnings: Warnings,
    /// Of the files that it was read from.
    fingerprints: Fingerprints,
    /// What the sources of endpoints have named that it brings along.
    sets: NamedSets,
}

impl Loaded {
    /// Reads a file, and those that it names.
    ///
    /// Blocks on the file system.
    pub fn read_file(file: &Path) -> Result<Self, Problems> {
        let fingerprints = Fingerprints::of([file]);
        let Reading { settings, named } = config::read(file);
        // Whatever else is wrong, the files are looked at: everything is said at once.
        let settings = settings.map_err(|problems| problems.and(FileContents::problems_of(&named)))?;
        let mut loaded = Self::read(settings)?;
        loaded.fingerprints.update(fingerprints);
        Ok(loaded)
    }

    /// Reads the files that `settings` name.
    ///
    /// Blocks on the file system.
    pub fn read(settings: Settings) -> Result<Self, Problems> {
        let fingerprints = Fingerprints::of(settings.named_files().paths());
        let (odd_sockets, wrong_sockets) = socket_folder::look(&settings.admin);
        let mut contents = match FileContents::read(&settings) {
            Ok(contents) => Problems::check(wrong_sockets).map(|()| contents)?,
            Err(problems) => return Err(problems.and(wrong_sockets)),
        };
        let warnings = settings.warnings.0.clone().and(warnings_of(&settings, &mut contents)).and(odd_sockets);
        Ok(Self { settings, contents, warnings, fingerprints, sets: NamedSets::default() })
    }

    /// What the files looked like that it was read from.
    pub(super) fn take_fingerprints(&mut self) -> Fingerprints {
        take(&mut self.fingerprints)
    }

    /// What was read of the directories that its listeners order certificates of.
    pub(super) fn take_directories(&mut self) -> BTreeMap<ListenerName, DirectoryCredentials> {
        take(&mut self.contents.directories)
    }

    /// `listener` shows these besides those of its files.
    pub(super) fn show(&mut self, listener: &ListenerName, issued: IssuedCertificates) {
        if let Some(credentials) = self.contents.credentials.get_mut(listener) {
            credentials.issued = Some(issued);
        }
    }

    /// What was read for each admin listener.
    pub(super) fn admin_contents(&self) -> &[AdminContents] {
        &self.contents.admin
    }

    /// What the sources of endpoints have named.
    pub(super) fn sets(&mut self) -> &mut NamedSets {
        &mut self.sets
    }

    pub(super) fn into_parts(self) -> (Settings, FileContents, NamedSets) {
        (self.settings, self.contents, self.sets)
    }

    /// What is wrong with the files that endpoints are learned from, as far as it lies on this machine.
    ///
    /// Blocks on the file system.
    ///
    /// # Errors
    /// All of it.
    pub fn check_sources(&self) -> Result<(), Problems> {
        let problem = |upstream: &Arc<UpstreamSettings>| {
            let source = upstream.source.as_ref()?;
            let SourceKind::File(file) = &source.from else { return None };
            let wrong = read_endpoints(&file.path).and_then(|set| Ok(set.fit_for(source)?)).err()?;
            let problem = format!("{}: {wrong}", file.path.display());
            Some(Problem::new(file.location.0.clone(), problem, "let it be as docs/endpoints.md says"))
        };
        Problems::check(self.settings.upstreams.values().filter_map(problem).collect())
    }

    /// Why its log could not be opened, as far as can be seen without making a file; what may come of it and cannot be seen, a line each.
    ///
    /// Blocks on the file system.
    ///
    /// # Errors
    /// It could not.
    pub fn check_log(&self) -> Result<Vec<String>, LogPlaceError> {
        let log = &self.settings.log;
        foretell(Some(&log.to), log.access.as_ref())
    }

    /// What it means.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// What is odd about it.
    pub fn warnings(&self) -> &Warnings {
        &self.warnings
    }
}

impl fmt::Display for Loaded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Settings { listeners, routes, upstreams, .. } = &self.settings;
        let endpoints: usize = upstreams.values().map(|upstream| upstream.endpoints.len()).sum();
        f.write_str("good")?;
        if !self.warnings.is_empty() {
            write!(f, ", with {}", counted(self.warnings.len(), "warning"))?;
        }
        let (listeners, routes) = (counted(listeners.len(), "listener"), counted(routes.len(), "route"));
        let sources: Vec<_> = upstreams.values().filter_map(|upstream| upstream.source.as_ref()).collect();
        let (upstreams, endpoints) = (counted(upstreams.len(), "upstream"), counted(endpoints, "endpoint"));
        write!(f, ": {listeners}, {routes}, {upstreams} with {endpoints}")?;
        sources.iter().try_for_each(|source| write!(f, " and those of {}", source.from))
    }
}

fn warnings_of(settings: &Settings, contents: &mut FileContents) -> Vec<Warning> {
    let now = UnixTime::since_unix_epoch(Duration::from_secs(unix_seconds()));
    let of_listener = |listener: &Arc<ListenerSettings>| {
        let (tls, credentials) = (listener.tls.as_ref()?, contents.credentials.get(&listener.name)?);
        Some(credentials.own.warnings(&tls.certificates, now))
    };
    let of_upstream = |upstream: &Arc<UpstreamSettings>| {
        let shown = upstream.tls.as_ref()?.certificate.as_ref()?;
        let own = contents.endpoint_credentials.get(&upstream.name)?.own()?;
        Some(own.warnings(slice::from_ref(shown), now))
    };
    let of_listeners = settings.listeners.values().filter_map(of_listener).flatten();
    let of_upstreams = settings.upstreams.values().filter_map(of_upstream).flatten();
    let of_admin = settings.admin.listeners.iter().zip(&contents.admin);
    let of_admin = of_admin.flat_map(|(admin, contents)| contents.certificate_warnings(admin, now));
    let warnings: Vec<_> = of_listeners.chain(of_upstreams).chain(of_admin).collect();
    warnings.into_iter().chain(take(&mut contents.warnings)).collect()
}

/// Says in the log what is odd about a configuration that is served.
pub(super) fn warn(warnings: &Warnings) {
    for warning in warnings.iter() {
        let (place, hint) = (warning.location(), warning.hint());
        // Of a start and of a reload alike, under the name that the log has for both.
        tracing::warn!(target: "windlass::app::reload", %place, hint, "configuration: {}", warning.problem());
    }
}
