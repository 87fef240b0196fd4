//! What takes in the tunnels of a process that has handed over.

use super::channel::Received;
use super::message::HandoffMessage;

/// What takes in the tunnels of one predecessor. Dropped, it gives up what waits.
pub trait Intake: Send {
    /// The predecessor says this of its tunnels. What it is answered.
    fn hear(&mut self, said: Received) -> Option<HandoffMessage>;

    /// What it is answered that sends the tunnels of this batch to a process that stops, or hands over itself.
    fn turn_away(&mut self, batch: u32) -> HandoffMessage;
}
