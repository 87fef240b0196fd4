//! What is served no more and is still looked at by requests: it is let go of here, and not by a worker that happens to be the last.

use std::sync::Arc;

use crate::snapshot::{Snapshot, Upstream};

/// Upstreams and snapshots that are served no more. To free one of thousands of endpoints takes a millisecond, in which a worker
/// would move no message.
#[derive(Debug, Default)]
pub(in crate::app) struct Retired {
    snapshots: Vec<Arc<Snapshot>>,
    /// Requests hold their route for as long as they take, and it holds its upstream.
    upstreams: Vec<Arc<Upstream>>,
}

impl Retired {
    /// `old` is served no more, and `new` is.
    pub(in crate::app) fn take(&mut self, old: Arc<Snapshot>, new: &Snapshot) {
        self.sweep();
        let is_gone = |upstream: &&Arc<Upstream>| {
            let kept = new.upstreams().get(&upstream.settings.name);
            !kept.is_some_and(|kept| Arc::ptr_eq(kept, upstream))
        };
        self.upstreams.extend(old.upstreams().values().filter(is_gone).cloned());
        self.snapshots.push(old);
    }

    /// Frees what nobody looks at any more.
    pub(in crate::app) fn sweep(&mut self) {
        self.snapshots.retain(|it| Arc::strong_count(it) > 1);
        self.upstreams.retain(|it| Arc::strong_count(it) > 1);
    }

    /// Whether nothing waits here.
    pub(in crate::app) fn is_empty(&self) -> bool {
        self.snapshots.is_empty() && self.upstreams.is_empty()
    }
}
