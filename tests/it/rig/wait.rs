//! Waiting that fails instead of hanging.

use std::future::Future;
use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};

/// What the slowest machine may need for the quickest thing.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// What comes of `future`; a test that waits longer than anybody should has failed.
pub(crate) async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    match timeout(PATIENCE, future).await {
        Ok(value) => value,
        Err(_) => panic!("not within {PATIENCE:?}: {what}"),
    }
}

/// Waits for a condition that nothing announces.
pub(crate) async fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !condition() {
        assert!(Instant::now() < deadline, "not within {PATIENCE:?}: {what}");
        sleep(Duration::from_millis(2)).await;
    }
}
