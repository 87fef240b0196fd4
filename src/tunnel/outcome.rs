//! How a tunnel ended: a value for the log and the metrics.

use std::time::Duration;

use super::ending::Ending;
use crate::traffic::Counts;
use crate::websocket::{Leniencies, PerDirection, PerSide};

/// How a tunnel ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Why.
    pub ending: Ending,
    /// How each side was left.
    pub sides: PerSide<SideOutcome>,
    /// What went through.
    pub counts: PerDirection<Counts>,
    /// What its frames needed that is against RFC 6455.
    pub leniencies: Leniencies,
    /// How long it was open.
    pub duration: Duration,
    /// For how long nothing had passed that counts against `idle_timeout` when its end began.
    pub quiet: Duration,
}

/// How one side was left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SideOutcome {
    /// A Close went out to it and its own Close came in.
    Clean,
    /// A Close went out to it; none came back before it left or the deadline came.
    Unanswered,
    /// It went by itself, or had a FIN after all that was for it.
    Finished,
    /// No Close could follow: what it was sent ends inside a frame.
    InsideFrame,
    /// It was cut: it took nothing more, or the deadline came first.
    Cut,
}

impl SideOutcome {
    /// The word for logs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Clean => "clean",
            Self::Unanswered => "unanswered",
            Self::Finished => "finished",
            Self::InsideFrame => "inside_frame",
            Self::Cut => "cut",
        }
    }
}
