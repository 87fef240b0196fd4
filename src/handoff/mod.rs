//! What an old process and a new one say to each other: the messages and their channel, how the program is started anew, and
//! those that handed over and drain still.
//!
//! It decides nothing: when a process hands over, and what becomes of what it hears, is `app::handoff`'s.
//!
//! Invariants: the two need not be of one version; what one does not know, it passes over. Secrets are wiped, and never shown.

mod channel;
mod intake;
mod message;
mod parcel;
mod predecessors;
mod successor;

pub use channel::{Channel, MOST_DESCRIPTORS, Received};
pub use intake::Intake;
pub use message::{HandoffMessage, PROTOCOL, SaidCause, Secret, SocketRole};
pub use parcel::{open as open_parcel, seal as seal_parcel};
pub use predecessors::{ANSWER_WITHIN, Conversation, Held, NoAnswer, Predecessor, Predecessors};
pub use successor::{HANDOFF_FD, Program, StartedProcess, join_group_of};
