//! Every file that a configuration names.

use std::path::{Path, PathBuf};

use super::file::Settings;
use super::jwt::JwtKeys;
use super::named_file::{CertificateFiles, NamedFile};
use super::rules::ErrorPageSettings;

/// Every file that a configuration names.
#[derive(Clone, Debug, Default)]
pub struct NamedFiles {
    /// What listeners show to clients, and we to endpoints.
    pub certificates: Vec<CertificateFiles>,
    /// Who has issued what clients and endpoints show.
    pub authorities: Vec<NamedFile>,
    /// What pin cookies are made with.
    pub pin_secrets: Vec<NamedFile>,
    /// What session tickets are sealed with.
    pub ticket_secrets: Vec<NamedFile>,
    /// What ACME accounts are bound with.
    pub hmac_keys: Vec<NamedFile>,
    /// Whose names and passwords routes ask for.
    pub password_files: Vec<NamedFile>,
    /// What tokens are verified with.
    pub jwt_keys: Vec<JwtKeys>,
    /// The tokens of operators.
    pub admin_tokens: Vec<NamedFile>,
    /// What collectors of traces are told in secret.
    pub collector_headers: Vec<NamedFile>,
    /// What routes answer with.
    pub answers: Vec<NamedFile>,
}

impl NamedFiles {
    /// Where they are.
    pub fn paths(&self) -> impl Iterator<Item = &Path> {
        let certificates = self.certificates.iter().flat_map(|files| [&files.chain, &files.key]);
        let staples = self.certificates.iter().filter_map(|files| files.ocsp.as_ref());
        let secrets =
            self.pin_secrets.iter().chain(&self.ticket_secrets).chain(&self.hmac_keys).chain(&self.password_files);
        let secrets = secrets.chain(&self.admin_tokens).chain(&self.collector_headers);
        let secrets = secrets.chain(self.jwt_keys.iter().filter_map(JwtKeys::file));
        let others = self.authorities.iter().chain(staples).chain(secrets).chain(&self.answers).map(|file| &file.path);
        certificates.chain(others).map(PathBuf::as_path)
    }
}

impl Settings {
    /// The files of what we answer with ourselves.
    pub fn answers(&self) -> impl Iterator<Item = &NamedFile> {
        let of_routes = self.routes.values().filter_map(|route| route.destination.file());
        of_routes.chain(self.error_pages().filter_map(|page| page.body.file()))
    }

    /// What refusals say, of routes and of the whole.
    pub fn error_pages(&self) -> impl Iterator<Item = &ErrorPageSettings> {
        self.routes.values().flat_map(|route| &*route.error_pages).chain(&*self.error_pages)
    }

    /// The files that they name.
    pub fn named_files(&self) -> NamedFiles {
        let of_operators = || self.admin.listeners.iter();
        let tls = || {
            let admin = of_operators().filter_map(|admin| admin.tls.as_ref());
            self.listeners.values().filter_map(|listener| listener.tls.as_ref()).chain(admin)
        };
        let acme = || tls().filter_map(|tls| tls.acme.as_ref());
        let asked = self.listeners.values().filter_map(|listener| listener.client_certificates.as_ref());
        let asked = asked.chain(of_operators().filter_map(|admin| admin.clients.as_ref()));
        let pinned = self.upstreams.values().filter_map(|upstream| upstream.pin_secret.clone());
        let towards_endpoints = || self.upstreams.values().filter_map(|upstream| upstream.tls.as_ref());
        let shown = towards_endpoints().filter_map(|tls| tls.certificate.clone());
        let believed = towards_endpoints().filter_map(|tls| tls.ca.clone());
        let access = self.routes.values().filter_map(|route| route.access.authorize.as_ref());
        let asked_others = access.filter_map(|authorize| authorize.ca.clone());
        let jwt_keys = || self.routes.values().filter_map(|route| Some(&route.access.jwt.as_ref()?.keys));
        let fetched_from = jwt_keys().filter_map(|keys| keys.fetched()?.ca.clone());
        let collector = self.traces.as_ref().and_then(|traces| traces.ca.clone());
        let told = self.traces.iter().flat_map(|traces| traces.secret_headers.iter().map(|(_, file)| file.clone()));
        let directories = acme().filter_map(|acme| acme.ca.clone());
        let asked_for = self.routes.values().filter_map(|route| route.access.basic_auth.as_ref());
        NamedFiles {
            certificates: tls().flat_map(|tls| tls.certificates.iter().cloned()).chain(shown).collect(),
            authorities: asked
                .map(|asked| asked.ca.clone())
                .chain(believed)
                .chain(directories)
                .chain(asked_others)
                .chain(fetched_from)
                .chain(collector)
                .collect(),
            pin_secrets: pinned.collect(),
            ticket_secrets: tls().filter_map(|tls| tls.ticket_secret.clone()).collect(),
            password_files: asked_for.map(|basic| basic.file.clone()).collect(),
            jwt_keys: jwt_keys().filter(|keys| keys.file().is_some()).cloned().collect(),
            admin_tokens: of_operators().filter_map(|admin| admin.token.clone()).collect(),
            collector_headers: told.collect(),
            answers: self.answers().cloned().collect(),
            hmac_keys: acme().filter_map(|acme| Some(acme.eab.as_ref()?.hmac_key.clone())).collect(),
        }
    }
}
