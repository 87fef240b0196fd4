//! Whether an endpoint has left the configuration.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Whether an endpoint has left the configuration, for those who may outlive it: the endpoint itself must not be held by them, for
/// orders to its tunnels stand as long as it is.
#[derive(Clone, Debug, Default)]
pub struct Retirement(Arc<AtomicBool>);

impl Retirement {
    /// It has.
    pub fn has_come(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// It leaves the configuration now.
    pub fn note(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
