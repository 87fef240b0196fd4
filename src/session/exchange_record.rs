//! What is known of an exchange while it runs, and how it ended: the log has one line about it then.

use std::sync::Arc;

use http::StatusCode;
use tokio::time::Instant;

use super::access_log;
use super::context::Session;
use super::end::End;
use super::exchanged::Exchanged;
use super::lateness::RequestDeadline;
use super::proxy::Phase;
use super::request_context::RequestContext;
use super::summary::Summary;
use crate::config::{EndpointName, RouteSettings};
use crate::endpoint::{BrokenUpload, UploadProgress};

/// An exchange that runs. It is logged when this is dropped, unless it was refused.
#[derive(Debug)]
pub(super) struct ExchangeRecord {
    pub(super) session: Arc<Session>,
    pub(super) route: Arc<RouteSettings>,
    pub(super) summary: Arc<Summary>,
    pub(super) started: Instant,
    /// Who answered, and how.
    pub(super) answer: Option<(EndpointName, StatusCode)>,
    /// The request body.
    pub(super) upload: Arc<UploadProgress>,
    /// Bytes of the answer's body.
    pub(super) answered: u64,
    deadline: Option<RequestDeadline>,
    end: Option<End>,
}

impl ExchangeRecord {
    pub(super) fn new(context: &RequestContext, upload: Arc<UploadProgress>) -> Self {
        Self {
            session: Arc::clone(&context.session),
            route: Arc::clone(&context.route.settings),
            summary: Arc::clone(&context.summary),
            started: context.started,
            answer: None,
            upload,
            answered: 0,
            deadline: context.deadline(),
            end: None,
        }
    }

    /// When the exchange has to be over, if it has to.
    pub(super) fn overdue_at(&self) -> Option<Instant> {
        self.deadline.map(|deadline| deadline.at)
    }

    /// The head of the answer has come.
    pub(super) fn note_head(&mut self, endpoint: &EndpointName, status: StatusCode) {
        self.answer = Some((endpoint.clone(), status));
    }

    /// So many bytes more of the answer's body have come.
    pub(super) fn note_answered(&mut self, bytes: usize) {
        self.answered = self.answered.saturating_add(bytes as u64);
    }

    /// The exchange has ended; the first word counts.
    pub(super) fn end(&mut self, end: End) {
        let end = match (end, self.upload.broken()) {
            // An upload that breaks takes the connection with the endpoint along.
            (End::EndpointLost, Some(BrokenUpload::Stalled)) => End::ClientStalled,
            (End::EndpointLost, Some(BrokenUpload::Lost | BrokenUpload::TooLarge | BrokenUpload::Flawed(_))) => {
                End::ClientLeft
            }
            (end, _) => end,
        };
        self.end.get_or_insert(end);
    }

    /// What the log says of it.
    fn exchanged(&self, end: End) -> Exchanged<'_> {
        Exchanged {
            session: &self.session,
            route: &self.route.name,
            summary: &self.summary,
            answer: self.answer.as_ref(),
            end,
            uploaded: self.upload.bytes(),
            answered: self.answered,
            took: self.started.elapsed(),
        }
    }

    /// How it ended where nobody said so: it was given up with its connection.
    fn unfinished(&self) -> End {
        match self.session.proxy.phase() {
            Phase::Cutting => End::Cut,
            _ => End::ClientLeft,
        }
    }
}

impl Drop for ExchangeRecord {
    fn drop(&mut self) {
        match self.end.unwrap_or_else(|| self.unfinished()) {
            End::Refused => {}
            end => access_log::exchanged(&self.exchanged(end)),
        }
    }
}
