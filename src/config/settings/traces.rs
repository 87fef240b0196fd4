//! `[traces]`, as meant.

use http::HeaderName;

use super::authorize::AuthUrl;
use super::log::SampleRate;
use super::named_file::NamedFile;
use crate::config::not_compared::NotCompared;
use crate::config::problem::SourceLocation;

/// `[traces]`, where they go somewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TracesSettings {
    /// Who takes them, over OTLP.
    pub endpoint: AuthUrl,
    /// Who has to have issued its certificate; `None` for whom the system believes.
    pub ca: Option<NamedFile>,
    /// What each request there says besides.
    pub headers: Vec<(HeaderName, String)>,
    /// The same, where the value is a secret and stands in a file.
    pub secret_headers: Vec<(HeaderName, NamedFile)>,
    /// How many of the traces that begin here are taken; `None`: none of them.
    pub sample: Option<SampleRate>,
    /// Whose `traceparent` is gone on with.
    pub parent: FollowedParents,
    /// As whom we are known there.
    pub service_name: String,
    /// Where it is written, for problems that only show when it is used.
    pub location: NotCompared<SourceLocation>,
}

/// Whose `traceparent` is gone on with: its trace, and whether that is sampled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FollowedParents {
    /// That of a listener's `trusted_proxies`.
    Trusted,
    /// Everybody's.
    All,
    /// Nobody's.
    None,
}
