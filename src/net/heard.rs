//! Whether a stream that is in other hands was read from.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Whether anything was read since that was last forgotten.
#[derive(Clone, Debug, Default)]
pub struct Heard(Arc<AtomicBool>);

impl Heard {
    /// Whether there was something.
    pub fn is_some(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// Something was read.
    pub fn note(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// What was read so far does not count.
    pub fn forget(&self) {
        self.0.store(false, Ordering::Relaxed);
    }
}
