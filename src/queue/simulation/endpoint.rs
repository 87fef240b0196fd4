//! An endpoint as far as a storm concerns it.

use std::time::Duration;

/// An endpoint that does so many handshakes at once as well as one, and more of them ever more slowly: each takes as many times
/// as long as the square of how far it is beyond what it can. So twice as many at once come to half as many a second: that is
/// what paging, cold caches and pools of connections with a data base make of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct EndpointModel {
    pub(super) capacity: usize,
    /// How long a handshake takes within its capacity.
    pub(super) at_leisure: Duration,
}

/// One that runs.
#[derive(Debug)]
pub(super) struct ModelledEndpoint {
    model: EndpointModel,
    /// What it works on, whether or not somebody waits for it still.
    under_way: usize,
}

impl ModelledEndpoint {
    pub(super) fn new(model: EndpointModel) -> Self {
        Self { model, under_way: 0 }
    }

    /// It takes on another handshake, and will be busy with it for so long.
    pub(super) fn begin(&mut self) -> Duration {
        self.under_way += 1;
        let beyond = (self.under_way as f64 / self.model.capacity as f64).max(1.0);
        self.model.at_leisure.mul_f64(beyond * beyond).min(GIVES_UP)
    }

    /// It is done with one.
    pub(super) fn end(&mut self) {
        self.under_way -= 1;
    }
}

/// After so long it notices that nobody waits for an answer any more.
const GIVES_UP: Duration = Duration::from_secs(60);
