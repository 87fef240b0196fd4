//! How large messages are, told while they pass.

use crate::traffic::DirectionTraffic;
use crate::websocket::{Header, Metering, Observe, Violation};

/// Counts the messages of one direction by their size; `None` where nothing passes any more.
#[derive(Clone, Copy)]
pub(super) struct Sizes<'a>(pub(super) Option<DirectionTraffic<'a>>);

/// The same beside a meter of what they inflate to.
pub(super) struct MeteredSizes<'a, 'm> {
    pub(super) metering: &'a mut Metering<'m>,
    pub(super) sizes: Sizes<'a>,
}

impl Observe for Sizes<'_> {
    #[inline(always)]
    fn on_frame(&mut self, _: &Header) {}

    #[inline(always)]
    fn on_payload(&mut self, payload: &[u8], _: bool) -> Result<usize, Violation> {
        Ok(payload.len())
    }

    #[inline]
    fn on_message(&mut self, bytes: u64) {
        if let Some(traffic) = self.0 {
            traffic.note_size(bytes);
        }
    }
}

impl Observe for MeteredSizes<'_, '_> {
    fn on_frame(&mut self, header: &Header) {
        self.metering.on_frame(header);
    }

    fn on_payload(&mut self, payload: &[u8], last: bool) -> Result<usize, Violation> {
        self.metering.on_payload(payload, last)
    }

    fn on_message(&mut self, bytes: u64) {
        self.sizes.on_message(bytes);
    }
}
