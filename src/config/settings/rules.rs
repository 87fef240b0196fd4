//! What a route does with requests beyond sending them to endpoints.

use http::{HeaderName, HeaderValue, StatusCode};

use super::named_file::NamedFile;
use crate::rules::{Conditions, ErrorStatus, HeaderChanges, PathChange};

/// Which requests a route is for, beyond host and path, and what it changes of them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RuleSettings {
    /// What else a request must be.
    pub conditions: Conditions,
    /// Which path the endpoint reads; `None`: the client's.
    pub path_change: Option<PathChange>,
    /// What is changed of the head that the endpoint reads.
    pub request_headers: HeaderChanges,
    /// What is changed of the head that the client reads.
    pub response_headers: HeaderChanges,
}

/// `respond` of a route: one answer for every request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RespondSettings {
    /// Its status; no interim one.
    pub status: StatusCode,
    /// Its headers, `Content-Type` and `Retry-After` among them.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// Its body.
    pub body: RespondBody,
}

/// One of `error_pages`: what refusals say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ErrorPageSettings {
    /// Which of them.
    pub status: ErrorStatus,
    /// The page.
    pub body: RespondBody,
    /// Of which type that is.
    pub content_type: HeaderValue,
}

/// The body of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RespondBody {
    /// This text, which may be empty.
    Text(String),
    /// What stands in a file.
    File(NamedFile),
}

impl RespondBody {
    /// The file that it stands in.
    pub fn file(&self) -> Option<&NamedFile> {
        match self {
            Self::File(file) => Some(file),
            Self::Text(_) => None,
        }
    }
}
