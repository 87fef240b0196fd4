//! Whether a stream that is in other hands was read from, and what was read was understood.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Whether anything was read since that was last forgotten, and made sense.
#[derive(Clone, Debug, Default)]
pub struct ReadActivity(Arc<Flags>);

#[derive(Debug, Default)]
struct Flags {
    is_some: AtomicBool,
    is_understood: AtomicBool,
}

impl ReadActivity {
    /// Whether there was something.
    pub fn is_some(&self) -> bool {
        self.0.is_some.load(Ordering::Relaxed)
    }

    /// Something was read.
    pub fn note(&self) {
        self.0.is_some.store(true, Ordering::Relaxed);
    }

    /// Whether what was read made sense to whoever reads.
    pub fn is_understood(&self) -> bool {
        self.0.is_understood.load(Ordering::Relaxed)
    }

    /// What was read made sense.
    pub fn note_understood(&self) {
        self.0.is_understood.store(true, Ordering::Relaxed);
    }

    /// What was read so far does not count.
    pub fn forget(&self) {
        self.0.is_some.store(false, Ordering::Relaxed);
        self.0.is_understood.store(false, Ordering::Relaxed);
    }
}
