//! What takes in the tunnels of a process that has handed over.

use super::channel::Received;
use super::message::HandoffMessage;

/// What takes in the tunnels of one predecessor. Dropped, it gives up what waits.
pub trait Intake: Send {
    /// The predecessor says this of its tunnels. What it is answered; a process that hands over itself takes none: it `is_leaving`.
    fn hear(&mut self, said: Received, is_leaving: bool) -> Option<HandoffMessage>;
}
