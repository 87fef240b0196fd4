//! What is read of the files that a configuration names.

use std::collections::BTreeMap;
use std::fmt;

use zeroize::Zeroizing;

use crate::balance::PinSecrets;
use crate::config::{ListenerName, NamedFile, NamedFiles, Problem, Problems, Settings, UpstreamName, read_file};
use crate::tls::{CertificateError, CertifiedBundle, ClientAuthority, Credentials};

/// What was read of the files that a configuration names.
#[derive(Debug, Default)]
pub struct FileContents {
    /// The certificates of every TLS listener, and whose it asks for.
    pub credentials: BTreeMap<ListenerName, Credentials>,
    /// The secrets of every upstream that has some.
    pub pin_secrets: BTreeMap<UpstreamName, PinSecrets>,
}

impl FileContents {
    /// Reads them.
    ///
    /// Blocks on the file system.
    ///
    /// # Errors
    /// What is wrong with each of them.
    pub fn read(settings: &Settings) -> Result<Self, Problems> {
        let (mut contents, mut problems) = (Self::default(), Vec::new());
        for listener in settings.listeners.values() {
            let Some(tls) = &listener.tls else { continue };
            match Credentials::load(&tls.certificates, listener.client_certificates.as_ref()) {
                Ok(credentials) => {
                    contents.credentials.insert(listener.name.clone(), credentials);
                }
                Err(wrong) => problems.extend(wrong.into_iter().map(CertificateError::into_problem)),
            }
        }
        for upstream in settings.upstreams.values() {
            let Some(file) = &upstream.pin_secret else { continue };
            match read_pin_secrets(file) {
                Ok(secrets) => {
                    contents.pin_secrets.insert(upstream.name.clone(), secrets);
                }
                Err(problem) => problems.push(problem),
            }
        }
        Problems::check(problems)?;
        Ok(contents)
    }

    /// What is wrong with files, whatever they are for.
    ///
    /// Blocks on the file system.
    pub fn problems_of(named: &NamedFiles) -> Vec<Problem> {
        let certificates = CertifiedBundle::load(&named.certificates).err().unwrap_or_default();
        let authorities = named.authorities.iter().filter_map(|file| ClientAuthority::check(file).err());
        let of_tls = certificates.into_iter().chain(authorities).map(CertificateError::into_problem);
        of_tls.chain(named.pin_secrets.iter().filter_map(|file| read_pin_secrets(file).err())).collect()
    }
}

fn read_pin_secrets(file: &NamedFile) -> Result<PinSecrets, Problem> {
    let problem = |what: &dyn fmt::Display, hint: &str| {
        Problem::new(file.location.0.clone(), format!("{}: {what}", file.path.display()), hint)
    };
    let bytes = read_file(&file.path)
        .map(Zeroizing::new)
        .map_err(|error| problem(&format_args!("cannot be read: {error}"), error.hint(&file.path, &file.location)))?;
    PinSecrets::parse(&bytes).map_err(|fault| problem(&fault, fault.hint()))
}
