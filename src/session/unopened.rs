//! An endpoint that has switched to a tunnel that does not open: it is told, for it waits for messages.

use std::sync::Arc;

use tokio::time::{Instant, timeout_at};

use crate::config::WebsocketSettings;
use crate::drain::StopOrder;
use crate::net::{Guarded, Stream};
use crate::tunnel::{Protocol, TunnelParameters, masking_key};
use crate::websocket::{CloseCode, Frame, Side};

/// An endpoint that has switched, as long as its tunnel has still to open. Dropped, it is told that its client is gone.
#[derive(Debug)]
pub(super) struct Switched {
    /// Until it is joined, or told.
    stream: Option<Stream>,
    parameters: TunnelParameters,
}

impl Switched {
    /// The endpoint at the other end of `stream`, which speaks `protocol` from now on.
    pub(super) fn new(stream: Stream, protocol: Protocol, settings: Arc<WebsocketSettings>) -> Self {
        Self { stream: Some(stream), parameters: TunnelParameters { settings, protocol } }
    }

    /// What the tunnel is made of and held to that opens now.
    pub(super) fn open(mut self) -> (Stream, TunnelParameters) {
        let stream = self.stream.take().expect("nothing else takes the stream and leaves the endpoint");
        (stream, self.parameters.clone())
    }

    /// Tells it that its tunnel is to end before it has begun, as a drain tells open ones.
    pub(super) fn dismiss(mut self, order: &StopOrder) {
        self.tell(&order.reason(), order.deadline);
    }

    /// Says a Close where it speaks WebSocket. A FIN follows at once, since there is nothing that its answer could change; what
    /// it says meanwhile is read and discarded, for a moment, or a reset would destroy the Close on its way.
    fn tell(&mut self, reason: &str, until: Instant) {
        let Some(stream) = self.stream.take() else { return };
        let close = match self.parameters.protocol {
            Protocol::Websocket(_) => Some(Frame::close(Side::Upstream, CloseCode::GOING_AWAY, reason, masking_key())),
            Protocol::Raw => None,
        };
        let endpoint = Guarded::new(stream, self.parameters.settings.closing_timeout);
        tokio::spawn(timeout_at(until, async move { endpoint.end_with(close.as_deref().unwrap_or_default()).await }));
    }
}

impl Drop for Switched {
    fn drop(&mut self) {
        self.tell("the client is gone", Instant::now() + self.parameters.settings.closing_timeout);
    }
}
