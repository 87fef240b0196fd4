//! What is read of the files that a configuration names.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use jsonwebtoken::Algorithm;

use super::admin_contents::{AdminContents, read_operator_token};
use super::collector::{CollectorContents, read_header};
use super::secret_file::read_secret;
use crate::access::{HtpasswdFault, KeySet, PasswordFile};
use crate::balance::PinSecrets;
use crate::config::{
    AcmeSettings, AuthScheme, AuthUrl, EndpointTlsSettings, ErrorPageSettings, JwtKeys, ListenerName, NamedFile,
    NamedFiles, Problem, Problems, RouteName, Settings, SourceKind, SourceLocation, UpstreamName, UpstreamSettings,
    Warning, read_file,
};
use crate::rules::{ErrorPage, MOST_OF_A_PAGE_WITH_VARIABLES};
use crate::tls::{
    Authority, CertificateError, CertifiedBundle, Credentials, DirectoryCredentials, EndpointCredentials, HmacKey,
    TicketSecrets,
};

/// What was read of the files that a configuration names.
#[derive(Debug, Default)]
pub struct FileContents {
    /// The certificates of every TLS listener, and whose it asks for.
    pub credentials: BTreeMap<ListenerName, Credentials>,
    /// Whom the endpoints of every upstream with TLS are believed to be.
    pub endpoint_credentials: BTreeMap<UpstreamName, EndpointCredentials>,
    /// Whom the servers are believed to be, over TLS, that routes ask whether requests may enter.
    pub auth_credentials: BTreeMap<RouteName, EndpointCredentials>,
    /// Whom those are believed to be, over TLS, that routes fetch keys from.
    pub keys_credentials: BTreeMap<RouteName, EndpointCredentials>,
    /// The secrets of every upstream that has some.
    pub pin_secrets: BTreeMap<UpstreamName, PinSecrets>,
    /// What is read of the ACME directories of every listener that has one.
    pub directories: BTreeMap<ListenerName, DirectoryCredentials>,
    /// What the tokens of every route that asks for them are verified with.
    pub keys: BTreeMap<RouteName, KeySet>,
    /// Whose names and passwords every route asks for that asks for some.
    pub passwords: BTreeMap<RouteName, PasswordFile>,
    /// What routes answer with, by the path of its file.
    pub answers: BTreeMap<PathBuf, Bytes>,
    /// What is read for each admin listener, in their order.
    pub admin: Vec<AdminContents>,
    /// What is read for who takes traces.
    pub collector: Option<CollectorContents>,
    /// What could not be read, and does not keep anything from being served.
    pub warnings: Vec<Warning>,
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
            match Credentials::load(tls, listener.client_certificates.as_ref()) {
                Ok(credentials) => {
                    contents.credentials.insert(listener.name.clone(), credentials);
                }
                Err(wrong) => problems.extend(wrong.into_iter().map(CertificateError::into_problem)),
            }
        }
        let mut system = SystemAuthority::default();
        for upstream in settings.upstreams.values() {
            let Some(tls) = &upstream.tls else { continue };
            match system.for_endpoints(tls, &mut contents.warnings).and_then(|system| load(upstream, tls, system)) {
                Ok(credentials) => {
                    contents.endpoint_credentials.insert(upstream.name.clone(), credentials);
                }
                Err(wrong) => problems.extend(wrong),
            }
        }
        for listener in settings.listeners.values() {
            let Some(acme) = listener.tls.as_ref().and_then(|tls| tls.acme.as_ref()) else { continue };
            match directory(acme, &mut system, &mut contents.warnings) {
                Ok(credentials) => {
                    contents.directories.insert(listener.name.clone(), credentials);
                }
                Err(wrong) => problems.extend(wrong),
            }
        }
        for route in settings.routes.values() {
            let asked = route.access.authorize.as_ref().map(|it| (&it.url, it.ca.as_ref(), &it.location.0));
            match system.for_server(asked, "server that is asked", &mut contents.warnings) {
                Ok(credentials) => {
                    contents.auth_credentials.extend(credentials.map(|credentials| (route.name.clone(), credentials)));
                }
                Err(wrong) => problems.extend(wrong),
            }
            let fetched = route.access.jwt.as_ref().and_then(|jwt| jwt.keys.fetched());
            let asked = fetched.map(|it| (&it.url, it.ca.as_ref(), &it.location.0));
            match system.for_server(asked, "issuer of keys", &mut contents.warnings) {
                Ok(credentials) => {
                    contents.keys_credentials.extend(credentials.map(|credentials| (route.name.clone(), credentials)));
                }
                Err(wrong) => problems.extend(wrong),
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
        for route in settings.routes.values() {
            let Some(basic) = &route.access.basic_auth else { continue };
            match read_passwords(&basic.file) {
                Ok(passwords) => {
                    contents.passwords.insert(route.name.clone(), passwords);
                }
                Err(wrong) => problems.extend(wrong),
            }
        }
        for route in settings.routes.values() {
            let Some(jwt) = &route.access.jwt else { continue };
            match read_jwt_keys(&jwt.keys, &jwt.algorithms) {
                Ok(keys) => contents.keys.extend(keys.map(|keys| (route.name.clone(), keys))),
                Err(problem) => problems.push(problem),
            }
        }
        for admin in &settings.admin.listeners {
            match AdminContents::read(admin) {
                Ok(admin) => contents.admin.push(admin),
                Err(wrong) => problems.extend(wrong),
            }
        }
        if let Some(traces) = &settings.traces {
            let asked = Some((&traces.endpoint, traces.ca.as_ref(), &traces.location.0));
            let credentials = system.for_server(asked, "collector of traces", &mut contents.warnings);
            match credentials.and_then(|credentials| CollectorContents::read(traces, credentials)) {
                Ok(collector) => contents.collector = Some(collector),
                Err(wrong) => problems.extend(wrong),
            }
        }
        for file in settings.answers() {
            match read_answer(file) {
                Ok(answer) => drop(contents.answers.insert(file.path.clone(), answer)),
                Err(problem) => problems.push(problem),
            }
        }
        problems.extend(settings.error_pages().filter_map(|page| check_page(page, &contents.answers)));
        Problems::check(problems)?;
        Ok(contents)
    }

    /// What is wrong with files, whatever they are for.
    ///
    /// Blocks on the file system.
    pub fn problems_of(named: &NamedFiles) -> Vec<Problem> {
        let certificates = CertifiedBundle::load(&named.certificates).err().unwrap_or_default();
        let authorities = named.authorities.iter().filter_map(|file| Authority::load(file).err());
        let secrets = named.ticket_secrets.iter().filter_map(|file| TicketSecrets::load(file).err());
        let of_tls = certificates.into_iter().chain(authorities).chain(secrets).map(CertificateError::into_problem);
        let secrets = named.pin_secrets.iter().filter_map(|file| read_pin_secrets(file).err());
        let passwords = named.password_files.iter().filter_map(|file| read_passwords(file).err()).flatten();
        let secrets = secrets.chain(passwords);
        let secrets = secrets.chain(named.jwt_keys.iter().filter_map(|keys| read_jwt_keys(keys, &[]).err()));
        let answers = named.answers.iter().filter_map(|file| read_answer(file).err());
        let keys = named.hmac_keys.iter().filter_map(|file| read_hmac_key(file).err());
        let tokens = named.admin_tokens.iter().filter_map(|file| read_operator_token(file).err());
        let told = named.collector_headers.iter().filter_map(|file| read_header(file).err());
        let keys = keys.chain(tokens).chain(told);
        of_tls.chain(secrets).chain(keys).chain(answers).collect()
    }
}

/// Whom the system believes to issue certificates, once somebody asks.
#[derive(Default)]
struct SystemAuthority(Option<Option<Arc<Authority>>>);

impl SystemAuthority {
    /// The same, where the endpoints with these settings are verified by it; what of it cannot be read becomes a warning.
    fn for_endpoints(
        &mut self,
        tls: &EndpointTlsSettings,
        warnings: &mut Vec<Warning>,
    ) -> Result<Option<Arc<Authority>>, Vec<Problem>> {
        if !EndpointCredentials::asks_the_system(tls) {
            return Ok(None);
        }
        self.get(&tls.location.0, "endpoint", warnings).map(Some)
    }

    /// Whom a server at this URL, whose certificate has to be issued by these, is believed to be; `None` where it has none.
    fn for_server(
        &mut self,
        asked: Option<(&AuthUrl, Option<&NamedFile>, &SourceLocation)>,
        server: &str,
        warnings: &mut Vec<Warning>,
    ) -> Result<Option<EndpointCredentials>, Vec<Problem>> {
        let Some((_, ca, location)) = asked.filter(|(url, ..)| url.speaks == AuthScheme::Https) else {
            return Ok(None);
        };
        let issuers = match ca {
            Some(file) => Authority::load(file).map(Arc::new).map_err(|error| vec![error.into_problem()]),
            None => self.get(location, server, warnings),
        };
        issuers.map(|issuers| Some(EndpointCredentials::issued_by(issuers)))
    }

    /// Whom the system believes, for what is written at `location`, where each `server` is verified by it.
    fn get(
        &mut self,
        location: &SourceLocation,
        server: &str,
        warnings: &mut Vec<Warning>,
    ) -> Result<Arc<Authority>, Vec<Problem>> {
        let authority = self.0.get_or_insert_with(|| {
            let (authority, unread) = Authority::of_system();
            let warning = |what: String| {
                let problem = format!("of the certificates that the system believes, some cannot be read: {what}");
                Warning::new(location.clone(), problem, "mend them, or name those that are needed in `ca`")
            };
            warnings.extend(unread.into_iter().map(warning));
            authority.map(Arc::new)
        });
        authority.clone().ok_or_else(|| {
            let problem =
                format!("the system has no certificates of issuers that it believes: no {server} could be verified");
            let hint = "install them (the package ca-certificates), or name a file with them in `ca`";
            vec![Problem::new(location.clone(), problem, hint)]
        })
    }
}

fn load(
    upstream: &UpstreamSettings,
    tls: &EndpointTlsSettings,
    system: Option<Arc<Authority>>,
) -> Result<EndpointCredentials, Vec<Problem>> {
    let found = match upstream.source.as_ref().map(|source| &source.from) {
        Some(SourceKind::Dns { host, .. }) => Some(host.as_str()),
        Some(SourceKind::Srv(_) | SourceKind::File(_)) | None => None,
    };
    let problems = |wrong: Vec<CertificateError>| wrong.into_iter().map(CertificateError::into_problem).collect();
    EndpointCredentials::load(tls, found, system).map_err(problems)
}

/// What is read for the ACME of a listener.
fn directory(
    acme: &AcmeSettings,
    system: &mut SystemAuthority,
    warnings: &mut Vec<Warning>,
) -> Result<DirectoryCredentials, Vec<Problem>> {
    let issuers = match &acme.ca {
        Some(file) => Authority::load(file).map(Arc::new).map_err(|error| vec![error.into_problem()]),
        None => system.get(&acme.location.0, "directory", warnings),
    };
    let hmac_key = acme.eab.as_ref().map(|eab| read_hmac_key(&eab.hmac_key)).transpose();
    match (issuers, hmac_key) {
        (Ok(issuers), Ok(hmac_key)) => Ok(DirectoryCredentials { issuers, hmac_key }),
        (issuers, hmac_key) => Err(issuers.err().into_iter().flatten().chain(hmac_key.err()).collect()),
    }
}

fn read_hmac_key(file: &NamedFile) -> Result<HmacKey, Problem> {
    let bytes = read_secret(file)?;
    HmacKey::parse(&bytes).ok_or_else(|| {
        let problem = format!("{}: is no key in base64url", file.path.display());
        let hint = "copy the key that the operator of the directory gives with the `kid`, and nothing else, into it";
        Problem::new(file.location.0.clone(), problem, hint)
    })
}

fn read_pin_secrets(file: &NamedFile) -> Result<PinSecrets, Problem> {
    let problem = |what: &dyn fmt::Display, hint: &str| {
        Problem::new(file.location.0.clone(), format!("{}: {what}", file.path.display()), hint)
    };
    PinSecrets::parse(&read_secret(file)?).map_err(|fault| problem(&fault, fault.hint()))
}

fn read_passwords(file: &NamedFile) -> Result<PasswordFile, Vec<Problem>> {
    let bytes = read_secret(file).map_err(|problem| vec![problem])?;
    PasswordFile::parse(&bytes).map_err(|faults| {
        let problem = |fault: &HtpasswdFault| {
            let problem = format!("{}: {fault}", file.path.display());
            Problem::new(file.location.0.clone(), problem, fault.hint())
        };
        faults.iter().map(problem).collect()
    })
}

/// What tokens are verified with that may be signed by one of these `algorithms`; none: by any that the keys are for. `None` where they
/// are in no file.
fn read_jwt_keys(keys: &JwtKeys, algorithms: &[Algorithm]) -> Result<Option<KeySet>, Problem> {
    let Some(file) = keys.file() else { return Ok(None) };
    let problem = |what: String, hint: &str| {
        Problem::new(file.location.0.clone(), format!("{}: {what}", file.path.display()), hint)
    };
    let bytes = read_secret(file)?;
    let (read, hint) = match keys {
        JwtKeys::Public(_) | JwtKeys::Fetched(_) => (
            KeySet::public(&bytes),
            "copy the public keys of the issuer into it: `openssl pkey -pubout`, or its JWK set",
        ),
        JwtKeys::Secret(_) => (KeySet::secret(&bytes), "make one: `openssl rand -hex 32`"),
    };
    let read = read.map_err(|fault| problem(fault.to_string(), hint))?;
    if !read.serves(algorithms) {
        let hint = "take the algorithms that its keys are for, or leave `algorithms` out";
        return Err(problem("has a key for none of `algorithms`".into(), hint));
    }
    Ok(Some(read))
}

/// What a route answers with: it is kept in memory, and sent whole.
fn read_answer(file: &NamedFile) -> Result<Bytes, Problem> {
    let problem = |what: String, hint: &str| {
        Problem::new(file.location.0.clone(), format!("{}: {what}", file.path.display()), hint)
    };
    let bytes = read_file(&file.path)
        .map_err(|error| problem(format!("cannot be read: {error}"), error.hint(&file.path, &file.location)))?;
    if bytes.len() > MOST_OF_AN_ANSWER {
        return Err(problem(
            "is larger than 1 MiB".to_owned(),
            "name a small page; a server of files has what is larger",
        ));
    }
    Ok(bytes.into())
}

/// How large the file of an answer may be, in bytes.
const MOST_OF_AN_ANSWER: usize = 1024 * 1024;

/// What is wrong with a page of refusals. Each copy of one with variables is kept until its client has read it, and clients who are refused
/// may be many, and slow.
fn check_page(page: &ErrorPageSettings, answers: &BTreeMap<PathBuf, Bytes>) -> Option<Problem> {
    let file = page.body.file()?;
    let text = answers.get(&file.path).filter(|text| text.len() > MOST_OF_A_PAGE_WITH_VARIABLES)?;
    let says = format!("{}: is larger than 16 KiB, and says something of each refusal", file.path.display());
    let hint = "name a shorter page, or one without {status}, {error}, {message} and {request_id}";
    let has_variables = ErrorPage::new(page.content_type.clone(), text).has_variables();
    has_variables.then(|| Problem::new(file.location.0.clone(), says, hint))
}
