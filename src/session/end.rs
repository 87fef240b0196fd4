//! How an exchange ended.

use strum::VariantArray;

/// How an exchange ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, VariantArray)]
pub(super) enum End {
    /// The answer is whole.
    Complete,
    /// We answer ourselves, as the route says.
    Answered,
    /// We refuse it, and say why in another line.
    Refused,
    /// We ended it, in its turn: events of a server while the process ends.
    Drained,
    /// The client is gone, or took none of the answer for too long.
    ClientLeft,
    /// The process ended first.
    Cut,
    /// The client sent none of its request body for too long, after the head of the answer.
    ClientStalled,
    /// It took longer than its route allows.
    Overdue,
    /// The endpoint's connection ended, or made no sense, in the middle of the answer.
    EndpointLost,
}

impl End {
    /// The words of those that are counted: a refusal is counted as such.
    pub(super) fn log_words() -> impl Iterator<Item = &'static str> {
        Self::VARIANTS.iter().filter(|end| **end != Self::Refused).map(|end| end.log_word())
    }

    /// Whether somebody has to look at it: neither its client nor a planned end is why there is no whole answer.
    pub(super) fn is_failure(self) -> bool {
        matches!(self, Self::Cut | Self::Overdue | Self::EndpointLost)
    }

    /// The one word for logs and metrics.
    pub(super) fn log_word(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::Answered => "answered",
            Self::Refused => "refused",
            Self::Drained => "drained",
            Self::Cut => "cut",
            Self::ClientLeft => "client_left",
            Self::ClientStalled => "client_stalled",
            Self::Overdue => "overdue",
            Self::EndpointLost => "endpoint_lost",
        }
    }
}
