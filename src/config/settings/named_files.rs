//! Every file that a configuration names.

use std::path::{Path, PathBuf};

use super::file::Settings;
use super::named_file::{CertificateFiles, NamedFile};

/// Every file that a configuration names.
#[derive(Clone, Debug, Default)]
pub struct NamedFiles {
    /// What listeners show.
    pub certificates: Vec<CertificateFiles>,
    /// Who has issued what clients show.
    pub authorities: Vec<NamedFile>,
    /// What pin cookies are made with.
    pub pin_secrets: Vec<NamedFile>,
}

impl NamedFiles {
    /// Where they are.
    pub fn paths(&self) -> impl Iterator<Item = &Path> {
        let certificates = self.certificates.iter().flat_map(|files| [&files.chain, &files.key]);
        let others = self.authorities.iter().chain(&self.pin_secrets).map(|file| &file.path);
        certificates.chain(others).map(PathBuf::as_path)
    }
}

impl Settings {
    /// The files that they name.
    pub fn named_files(&self) -> NamedFiles {
        let tls = self.listeners.values().filter_map(|listener| listener.tls.as_ref());
        let asked = self.listeners.values().filter_map(|listener| listener.client_certificates.as_ref());
        let pinned = self.upstreams.values().filter_map(|upstream| upstream.pin_secret.clone());
        NamedFiles {
            certificates: tls.flat_map(|tls| tls.certificates.iter().cloned()).collect(),
            authorities: asked.map(|asked| asked.ca.clone()).collect(),
            pin_secrets: pinned.collect(),
        }
    }
}
