//! What a tunnel is made of, and what it is held to.

use std::sync::Arc;

use tokio::time::Instant;

use super::frame_filter::FrameFilter;
use super::protocol::Protocol;
use super::rate_limits::RateLimits;
use crate::config::WebsocketSettings;
use crate::websocket::{Direction, Extensions, InflateMeter, Inspector, Rules};

/// The two streams of a tunnel, and what was read from them with the handshake.
#[derive(Debug)]
pub struct Streams<C, U> {
    /// The client's stream.
    pub client: C,
    /// The endpoint's stream.
    pub upstream: U,
    /// What the client sent after its request.
    pub client_early: Vec<u8>,
    /// What the endpoint sent after its answer.
    pub upstream_early: Vec<u8>,
    /// The head of our answer to the client, which goes before everything else.
    pub answer: Vec<u8>,
}

/// What a tunnel is held to for as long as it lives.
#[derive(Clone, Debug)]
pub struct TunnelParameters {
    /// Timers and limits.
    pub settings: Arc<WebsocketSettings>,
    /// What the two sides speak.
    pub protocol: Protocol,
}

impl TunnelParameters {
    /// A direction at its start; `early` was read with the handshake.
    pub(super) fn filter(&self, direction: Direction, early: Vec<u8>, now: Instant) -> FrameFilter {
        let limits = &self.settings.limits[direction];
        let Protocol::Websocket(extensions) = self.protocol else {
            return FrameFilter::raw(RateLimits::of_bytes(limits, now), early);
        };
        let max_message = match extensions {
            // What is not compressed inflates to what it is.
            Extensions::None => limits.max_message.into_iter().chain(limits.max_inflated_message).min(),
            Extensions::Deflate(_) | Extensions::Unknown => limits.max_message,
        };
        let meter = match (extensions, limits.max_inflated_message) {
            (Extensions::Deflate(parameters), Some(max)) => Some(InflateMeter::new(direction, &parameters, max)),
            (Extensions::Deflate(_), None) | (Extensions::None | Extensions::Unknown, _) => None,
        };
        let inspector = Inspector::new(Rules {
            direction,
            extensions,
            max_frame: limits.max_frame.unwrap_or(u64::MAX),
            max_message: max_message.unwrap_or(u64::MAX),
            max_fragments: limits.max_fragments.unwrap_or(u64::MAX),
            strictness: self.settings.strictness,
        });
        FrameFilter::websocket(inspector, meter.map(Box::new), RateLimits::new(limits, now), early)
    }
}
