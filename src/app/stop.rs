//! A stop: new upgrades are refused, tunnels drain, exchanges finish, and what is left at the deadline is cut.

use std::time::Duration;

use tokio::time::{Instant, sleep, timeout_at};

use super::drains::see_through;
use super::running::Running;
use crate::drain::{Cause, Drain, Report, Scope, Standing};
use crate::session::Phase;

/// How a stop went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stopped {
    /// What became of the tunnels.
    pub tunnels: Report,
    /// Sessions whose exchange was cut at the deadline.
    pub sessions_cut: usize,
}

impl Running {
    /// Ends politely, within `drain.stop.deadline`.
    pub async fn stop(&self) -> Stopped {
        let proxy = &self.proxy;
        proxy.enter(Phase::Draining);
        let settings = proxy.snapshot().settings.drain;
        let order = Drain::order(Cause::Stop, &settings, settings.stop);
        let standing = Standing { scope: Scope::All, order, while_alive: None };
        let drain = Drain::begin(&proxy.registry, [standing], order, &settings, settings.stop);
        let tunnels = see_through(Cause::Stop, drain).await;
        proxy.enter(Phase::Closing);
        // Tunnels that are cut at the deadline need a moment to be gone.
        let until = order.deadline.max(Instant::now() + MOMENT);
        let _ = timeout_at(until, self.all_gone()).await;
        Stopped { tunnels, sessions_cut: self.open_places() }
    }

    async fn all_gone(&self) {
        while self.open_places() > 0 {
            sleep(LOOK).await;
        }
    }

    /// Ends now: whatever is still open is cut.
    pub fn end(self) {
        drop(self.listeners);
    }
}

const MOMENT: Duration = Duration::from_millis(200);
const LOOK: Duration = Duration::from_millis(10);
