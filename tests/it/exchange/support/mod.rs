//! What tests of the whole session layer are written with: a proxy in this process, peers that speak byte by byte, endpoints
//! that behave, and the log. Nothing sleeps: every wait is for something, and [`within`] a deadline.

pub(crate) mod endpoint;
pub(crate) mod log;
pub(crate) mod peer;
pub(crate) mod proxy;

use std::future::Future;
use std::time::Duration;

pub(crate) use endpoint::{RawEndpoint, ServingEndpoint};
pub(crate) use peer::Peer;
pub(crate) use proxy::TestProxy;

/// Waits, but not for ever: nothing in a test takes so long unless it is broken.
pub(crate) async fn within<T>(wait: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(20), wait).await.expect("what the test waits for happens in time")
}
