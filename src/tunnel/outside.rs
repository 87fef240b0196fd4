//! What its task sees of a tunnel between two polls.

use std::sync::Arc;
use std::task::Context;

use super::pump::Tunnel;
use crate::config::WebsocketSettings;
use crate::drain::TunnelHandle;
use crate::net::TunnelStream;
use crate::websocket::Side;

impl<C: TunnelStream, U: TunnelStream> Tunnel<C, U> {
    /// The registry's side of it.
    pub fn handle(&self) -> &Arc<TunnelHandle> {
        self.registration.handle()
    }

    /// Its client's stream.
    pub fn client(&self) -> &C {
        &self.client.stream
    }

    /// Its endpoint's stream.
    pub fn upstream(&self) -> &U {
        &self.upstream.stream
    }

    /// Its limits.
    pub fn settings(&self) -> &WebsocketSettings {
        &self.shared.settings
    }

    /// Whether this side takes nothing of what waits for it.
    pub fn is_stalled(&self, side: Side) -> bool {
        match side {
            Side::Client => self.client.blocked_since().is_some(),
            Side::Upstream => self.upstream.blocked_since().is_some(),
        }
    }

    /// Whoever moves it wakes this task from now on: for a tunnel that is not polled, and for one whose waker was taken meanwhile.
    pub fn listen_again(&self, cx: &Context<'_>) {
        self.registration.listen(cx.waker());
    }
}
