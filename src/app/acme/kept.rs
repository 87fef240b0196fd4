//! What is kept of what a configuration orders, read before that is served.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;

use super::super::loaded::Loaded;
use super::orders::Orders;
use super::prepared::{PreparedOrders, Wanted};
use crate::acme::kept_certificate;
use crate::config::{AcmeSettings, AcmeStorage, Problem, Problems, Settings, StateFolder};
use crate::tls::IssuedCertificate;

/// How long the storage may take to say what is kept: by then whoever starts or reloads goes on.
const WITHIN: Duration = Duration::from_secs(5);

/// What is kept for a name.
type Kept = (String, Result<IssuedCertificate, String>);

impl Orders {
    /// Looks what `loaded` orders, and has its listeners show from the first handshake on what is kept of that.
    ///
    /// # Errors
    /// There is nowhere to keep it.
    pub(in crate::app) async fn prepare(&self, loaded: &mut Loaded) -> Result<PreparedOrders, Problems> {
        let mut prepared = PreparedOrders::default();
        for (listener, credentials) in loaded.take_directories() {
            let settings = loaded.settings();
            let of_listener = settings.listeners.get(&listener).and_then(|it| it.tls.as_ref()?.acme.as_ref());
            let Some(acme) = of_listener else { continue };
            let wanted = Wanted { settings: Arc::new(acme.clone()), credentials, folder: self.folder(acme, settings)? };
            prepared.wanted.extend(acme.names.iter().map(|name| (name.clone(), wanted.clone())));
            prepared.tables.insert(listener.clone(), self.shown.table(&listener, &acme.names));
        }
        let is_unknown = |(name, wanted): &(&String, &Wanted)| self.shown.certificate(name, &wanted.origin()).is_none();
        let unknown = prepared.wanted.iter().filter(is_unknown);
        let unknown: Vec<_> = unknown.map(|(name, wanted)| (name.clone(), wanted.clone())).collect();
        if !unknown.is_empty() {
            prepared.kept = self.read_kept(unknown).await;
        }
        for (listener, table) in &prepared.tables {
            // What is served shows nothing of it before it is adopted.
            if !self.shown.is_served(listener, table) {
                self.shown.fill(table, &prepared.kept);
            }
            loaded.show(listener, table.certificates().clone());
        }
        Ok(prepared)
    }

    async fn read_kept(&self, names: Vec<(String, Wanted)>) -> Vec<(String, IssuedCertificate)> {
        let read = match self.files.begin(move || names.iter().filter_map(read_kept).collect::<Vec<_>>()) {
            Ok(mut reading) => timeout(WITHIN, reading.done()).await.ok().and_then(Result::ok),
            Err(_) => None,
        };
        let Some(read) = read else {
            let seconds = WITHIN.as_secs();
            tracing::error!(seconds, "the storage of certificates does not answer: names wait until it does");
            return Vec::new();
        };
        let usable = |(name, kept): Kept| match kept {
            Ok(certificate) => Some((name, certificate)),
            Err(error) => {
                tracing::warn!(name, "the certificate that was kept cannot be used: {error}");
                None
            }
        };
        read.into_iter().filter_map(usable).collect()
    }

    /// Where certificates are kept.
    fn folder(&self, acme: &AcmeSettings, settings: &Settings) -> Result<PathBuf, Problem> {
        let below = |folder: &Path| folder.join("acme");
        let folder = match (&acme.storage, &settings.state_folder) {
            (AcmeStorage::At(folder), _) => Some(folder.clone()),
            (AcmeStorage::InStateFolder, StateFolder::At(folder)) => Some(below(folder)),
            (AcmeStorage::InStateFolder, StateFolder::Auto) => self.state_directory.as_deref().map(below),
            (AcmeStorage::InStateFolder, StateFolder::Off) => None,
        };
        let hint = "write storage = \"/var/lib/windlass/acme\" in it, name a state_folder, or let systemd make one (StateDirectory=)";
        let problem = || Problem::new(acme.location.0.clone(), "has nowhere to keep its certificates", hint);
        folder.ok_or_else(problem)
    }
}

fn read_kept((name, wanted): &(String, Wanted)) -> Option<Kept> {
    let text = match kept_certificate(&wanted.settings.directory, &wanted.folder, name) {
        Ok(text) => text?,
        Err(error) => return Some((name.clone(), Err(error.to_string()))),
    };
    Some((name.clone(), IssuedCertificate::parse(&text, name).map_err(|error| error.to_string())))
}
