//! A configuration with everything that was read for it.

use std::fmt;
use std::mem::take;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::UnixTime;

use super::fingerprints::Fingerprints;
use super::socket_folder;
use crate::config::{self, ListenerSettings, Problems, Reading, Settings, Warning, Warnings, counted};
use crate::process::unix_seconds;
use crate::snapshot::FileContents;

/// A configuration with everything that was read for it.
#[derive(Debug)]
pub struct Loaded {
    settings: Settings,
    contents: FileContents,
    /// What is odd about them.
    warnings: Warnings,
    /// Of the files that it was read from.
    fingerprints: Fingerprints,
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
        let socket = socket_folder::look(&settings.admin);
        let (contents, socket) = match (FileContents::read(&settings), socket) {
            (Ok(contents), Ok(warning)) => (contents, warning),
            (Ok(_), Err(problem)) => return Err(problem.into()),
            (Err(problems), socket) => return Err(problems.and(socket.err())),
        };
        let warnings = settings.warnings.0.clone().and(warnings_of(&settings, &contents)).and(socket);
        Ok(Self { settings, contents, warnings, fingerprints })
    }

    /// What the files looked like that it was read from.
    pub(super) fn take_fingerprints(&mut self) -> Fingerprints {
        take(&mut self.fingerprints)
    }

    pub(super) fn into_parts(self) -> (Settings, FileContents) {
        (self.settings, self.contents)
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
        let (upstreams, endpoints) = (counted(upstreams.len(), "upstream"), counted(endpoints, "endpoint"));
        write!(f, ": {listeners}, {routes}, {upstreams} with {endpoints}")
    }
}

fn warnings_of(settings: &Settings, contents: &FileContents) -> Vec<Warning> {
    let now = UnixTime::since_unix_epoch(Duration::from_secs(unix_seconds()));
    let of_listener = |listener: &Arc<ListenerSettings>| {
        let (tls, credentials) = (listener.tls.as_ref()?, contents.credentials.get(&listener.name)?);
        Some(credentials.own.warnings(&tls.certificates, now))
    };
    settings.listeners.values().filter_map(of_listener).flatten().collect()
}

/// Says in the log what is odd about a configuration that is served.
pub(super) fn warn(warnings: &Warnings) {
    for warning in warnings.iter() {
        let (place, hint) = (warning.location(), warning.hint());
        // Of a start and of a reload alike, under the name that the log has for both.
        tracing::warn!(target: "windlass::app::reload", %place, hint, "configuration: {}", warning.problem());
    }
}
