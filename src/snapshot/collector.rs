//! Who takes traces, as it runs.

use std::num::NonZeroU32;
use std::sync::Arc;

use http::{HeaderName, HeaderValue};

use super::auth_server::AuthServer;
use super::secret_file::read_secret;
use crate::config::{NamedFile, Problem, TracesSettings};
use crate::drain::LifeToken;
use crate::tls::EndpointCredentials;

/// Who takes traces. It is the same as long as its settings, whom it is believed to be and what it is told in secret are.
#[derive(Debug)]
pub struct Collector {
    /// Where it is, and what it is sent.
    pub settings: TracesSettings,
    /// How it is reached.
    pub server: Arc<AuthServer>,
    /// What each request says besides; those that are secrets are marked so.
    pub headers: Vec<(HeaderName, HeaderValue)>,
}

/// What is read for a collector.
#[derive(Debug, Default)]
pub struct CollectorContents {
    /// Whom it is believed to be, over TLS.
    pub(super) credentials: Option<EndpointCredentials>,
    /// What it is told in secret.
    pub(super) secret_headers: Vec<(HeaderName, HeaderValue)>,
}

impl Collector {
    /// The one of these settings, which begins a life; `previous` is the one before.
    pub(super) fn new(
        settings: &TracesSettings,
        contents: CollectorContents,
        life: impl FnOnce() -> LifeToken,
        previous: Option<&Arc<Self>>,
    ) -> Arc<Self> {
        let before = previous.map(|previous| &previous.server);
        let server = AuthServer::new(&settings.endpoint.address, NonZeroU32::MIN, contents.credentials, life, before);
        let plain = settings.headers.iter();
        // `config` has read each as a value.
        let plain = plain.filter_map(|(name, value)| Some((name.clone(), HeaderValue::from_str(value).ok()?)));
        let headers: Vec<_> = plain.chain(contents.secret_headers).collect();
        let is_same =
            |old: &&Arc<Self>| old.settings == *settings && old.headers == headers && Arc::ptr_eq(&old.server, &server);
        if let Some(same) = previous.filter(is_same) {
            return Arc::clone(same);
        }
        Arc::new(Self { settings: settings.clone(), server, headers })
    }

    /// Whether the other is asked where this one is, and as this one is: then what this one has said goes for it too. Which traces are
    /// taken, and as whom we are known, makes no difference.
    pub fn is_asked_as(&self, other: &Self) -> bool {
        let is_there = Arc::ptr_eq(&self.server, &other.server) && self.settings.endpoint == other.settings.endpoint;
        is_there && self.headers == other.headers
    }

    /// Whether two are one.
    pub(super) fn is_same(one: Option<&Arc<Self>>, other: Option<&Arc<Self>>) -> bool {
        one.map(Arc::as_ptr) == other.map(Arc::as_ptr)
    }
}

impl CollectorContents {
    /// What is read for the collector of these settings, with these `credentials`.
    ///
    /// Blocks on the file system.
    ///
    /// # Errors
    /// What is wrong with each file.
    pub(super) fn read(
        settings: &TracesSettings,
        credentials: Option<EndpointCredentials>,
    ) -> Result<Self, Vec<Problem>> {
        let (mut secret_headers, mut wrong) = (Vec::new(), Vec::new());
        for (name, file) in &settings.secret_headers {
            match read_header(file) {
                Ok(value) => secret_headers.push((name.clone(), value)),
                Err(problem) => wrong.push(problem),
            }
        }
        if wrong.is_empty() { Ok(Self { credentials, secret_headers }) } else { Err(wrong) }
    }
}

/// The value of a header that is a secret: all of a file but the space around it.
///
/// Blocks on the file system.
///
/// # Errors
/// It cannot be read, or is none.
pub(super) fn read_header(file: &NamedFile) -> Result<HeaderValue, Problem> {
    let bytes = read_secret(file)?;
    let value = HeaderValue::from_bytes(bytes.trim_ascii()).ok().filter(|value| !value.is_empty());
    let mut value = value.ok_or_else(|| {
        let problem = format!("{}: is no value of a header", file.path.display());
        let hint = "write the value into it and nothing else, such as \"Bearer TOKEN\", in one line";
        Problem::new(file.location.0.clone(), problem, hint)
    })?;
    value.set_sensitive(true);
    Ok(value)
}
