//! A look at data frames while the inspector passes them.

use super::header::Header;
use super::violation::Violation;

/// Watches data frames on their way, for instance to meter what they inflate to.
pub trait Observe {
    /// A data frame was found legal; its payload follows.
    fn on_frame(&mut self, header: &Header);

    /// The next payload bytes of that frame, as they stand on the wire, before they pass; returns how many may. If it is not all
    /// of them the scan ends paused, and the next one starts with the rest. `last`: they end the message. An empty
    /// payload comes only to end a message, and is taken at once. (Frames of the opcodes 3–7, which pass only with
    /// [`Extensions::Unknown`](super::Extensions::Unknown), come too; for them `last` means nothing.)
    fn on_payload(&mut self, payload: &[u8], last: bool) -> Result<usize, Violation>;

    /// The last frame of a message was found legal, which has so many bytes of payload as they stand on the wire.
    #[inline(always)]
    fn on_message(&mut self, _bytes: u64) {}
}

/// Observes nothing, and costs nothing.
pub(super) struct Blind;

impl Observe for Blind {
    #[inline(always)]
    fn on_frame(&mut self, _: &Header) {}

    #[inline(always)]
    fn on_payload(&mut self, payload: &[u8], _: bool) -> Result<usize, Violation> {
        Ok(payload.len())
    }
}
