//! What is said of an exchange that has ended.

use std::time::Duration;

use http::StatusCode;

use super::context::Session;
use super::end::End;
use super::summary::Summary;
use crate::config::{EndpointName, RouteName};

/// What is said of an exchange that has ended.
#[derive(Debug)]
pub(super) struct Exchanged<'r> {
    pub(super) session: &'r Session,
    pub(super) route: &'r RouteName,
    pub(super) summary: &'r Summary,
    /// Who answered, and how.
    pub(super) answer: Option<&'r (EndpointName, StatusCode)>,
    /// How it ended.
    pub(super) end: End,
    /// Bytes of the request's body.
    pub(super) uploaded: u64,
    /// Bytes of the answer's body.
    pub(super) answered: u64,
    pub(super) took: Duration,
}
