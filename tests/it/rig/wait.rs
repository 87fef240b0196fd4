//! Waiting that fails instead of hanging.

use std::future::Future;
use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};

/// What the slowest machine may need for the quickest thing.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// What comes of `future`; a test that waits longer than anybody should has failed.
pub(crate) async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    match timeout(PATIENCE, future).await {
        Ok(value) => value,
        Err(_) => panic!("not within {PATIENCE:?}: {what}"),
    }
}

/// Waits for a condition that nothing announces.
pub(crate) async fn until(what: &str, mut condition: impl FnMut() -> bool) {
    assert!(is_met(async || condition()).await, "not within {PATIENCE:?}: {what}");
}

/// The same, where one must wait to know.
pub(crate) async fn until_async(what: &str, condition: impl AsyncFnMut() -> bool) {
    assert!(is_met(condition).await, "not within {PATIENCE:?}: {what}");
}

/// Whether a condition is met within the patience of a test.
pub(crate) async fn is_met(mut condition: impl AsyncFnMut() -> bool) -> bool {
    let deadline = Instant::now() + PATIENCE;
    while !condition().await {
        if Instant::now() >= deadline {
            return false;
        }
        sleep(Duration::from_millis(5)).await;
    }
    true
}
