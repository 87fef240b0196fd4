//! The deadline of a probe, which all of its parts keep.

use std::future::Future;

use tokio::time::{Instant, timeout_at};

use super::failure::ProbeFailure;

/// What comes of a part of a probe by its `deadline`.
pub(super) async fn in_time<T, E: Into<ProbeFailure>>(
    deadline: Instant,
    part: impl Future<Output = Result<T, E>>,
) -> Result<T, ProbeFailure> {
    timeout_at(deadline, part).await.map_err(|_| ProbeFailure::NoAnswerInTime)?.map_err(Into::into)
}
