//! A probe by a plain request.

use std::ops::RangeInclusive;

use bytes::Bytes;
use http::header::CONNECTION;
use http::request::Builder;
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use tokio::time::{Instant, timeout_at};

use super::deadline::in_time;
use super::failure::ProbeFailure;
use crate::endpoint::{EndpointConnection, Unanswered};
use crate::net::Stream;

/// Asks over `stream`, by `deadline`; the status of the answer tells, and its body is only taken so that its sender is not cut.
///
/// # Errors
/// Why the probe did not pass.
pub(super) async fn ask(
    stream: Stream,
    request: Builder,
    expect: &[RangeInclusive<u16>],
    deadline: Instant,
) -> Result<(), ProbeFailure> {
    let request = request.header(CONNECTION, "close").body(Empty::<Bytes>::new());
    let request = request.expect("`config` has read a method, a path and a host");
    let left = deadline.saturating_duration_since(Instant::now());
    let mut connection = EndpointConnection::open(stream, left).await?;
    let answer = in_time(deadline, connection.send(request)).await?;
    let (head, body) = answer.response.into_parts();
    if !expect.iter().any(|range| range.contains(&head.status.as_u16())) {
        return Err(ProbeFailure::Status(head.status));
    }
    // It may take what is left of the time, and no more.
    let _ = timeout_at(deadline, take(body)).await;
    Ok(())
}

/// Takes a body, as long as it is none that nobody should have asked for.
async fn take(mut body: Incoming) {
    let mut taken = 0;
    while let Some(Ok(frame)) = body.frame().await {
        taken += frame.data_ref().map_or(0, Bytes::len);
        if taken > LONGEST_BODY {
            return;
        }
    }
}

impl<B> From<Unanswered<B>> for ProbeFailure {
    fn from(unanswered: Unanswered<B>) -> Self {
        match unanswered {
            Unanswered::Returned(_) => Self::Closed,
            Unanswered::Silent(error) | Unanswered::Lost(error) => Self::NoAnswer(error),
        }
    }
}

/// How much of an answer is taken, in bytes.
const LONGEST_BODY: usize = 64 * 1024;
