//! When an endpoint's answer comes too late: by `response_timeout`, or because the time of its request is over.

use std::future::pending;
use std::time::Duration;

use tokio::time::{Instant, sleep, sleep_until};

use super::refused::{EndpointFault, Refused};
use crate::endpoint::UploadSent;
use crate::http::Refusal;
use crate::snapshot::Endpoint;

/// By when an exchange has to be over.
#[derive(Clone, Copy, Debug)]
pub(super) struct RequestDeadline {
    pub(super) at: Instant,
    /// How long it may take in all.
    pub(super) time: Duration,
}

/// Why an endpoint's answer is too late.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Late {
    /// The endpoint had the whole request for `response_timeout`.
    Response,
    /// It had it for most of `request_timeout`, and that is over.
    Request,
}

impl Late {
    /// What becomes of the request: this endpoint is to blame.
    pub(super) fn refused(self, endpoint: &Endpoint) -> Refused {
        match self {
            Self::Response => endpoint.refused(Refusal::HeadTimeout, EndpointFault::ResponseTimeout),
            Self::Request => endpoint.refused(Refusal::Overdue, EndpointFault::RequestTimeout),
        }
    }
}

/// Ends when the endpoint is late that has the request. Where others have used up the most of the request's time (its client, who may
/// enter, a queue), none is: a well one would be blamed that had no time to answer.
pub(super) async fn late(sent: UploadSent, response_timeout: Duration, deadline: Option<RequestDeadline>) -> Late {
    sent.wait().await;
    let is_enough = |it: &RequestDeadline| it.at.saturating_duration_since(Instant::now()) >= it.time / 2;
    let deadline = deadline.filter(is_enough).map(|it| it.at);
    tokio::select! {
        biased;
        () = sleep(response_timeout) => Late::Response,
        () = until(deadline) => Late::Request,
    }
}

/// Ends at that time; without one, never.
pub(super) async fn until(time: Option<Instant>) {
    match time {
        Some(time) => sleep_until(time).await,
        None => pending().await,
    }
}
