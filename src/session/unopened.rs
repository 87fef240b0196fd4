//! An endpoint that has switched to a tunnel that does not open: it is told, for it waits for messages.

use tokio::time::timeout_at;

use crate::config::WebsocketSettings;
use crate::drain::StopOrder;
use crate::net::{Guarded, Socket};
use crate::tunnel::{Protocol, masking_key};
use crate::websocket::{CloseCode, Frame, Side};

/// Tells an endpoint that its tunnel is to end before it has begun, as a drain tells open ones: by a Close where it speaks
/// WebSocket. A FIN follows at once, since there is nothing that its answer could change; what it says meanwhile is read and
/// discarded, for a moment, or a reset would destroy the Close on its way.
pub(super) fn dismiss(endpoint: Socket, protocol: Protocol, settings: &WebsocketSettings, order: StopOrder) {
    let close = match protocol {
        Protocol::Websocket(_) => {
            Some(Frame::close(Side::Upstream, CloseCode::GOING_AWAY, &order.reason(), masking_key()))
        }
        Protocol::Raw => None,
    };
    let endpoint = Guarded::new(endpoint, settings.closing_timeout);
    tokio::spawn(timeout_at(
        order.deadline,
        async move { endpoint.end_with(close.as_deref().unwrap_or_default()).await },
    ));
}
