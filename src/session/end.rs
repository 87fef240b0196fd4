//! How an exchange ended.

/// How an exchange ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// The answer is whole.
    Complete,
    /// We answer ourselves, and say why in another line.
    Refused,
    /// We ended it, in its turn: events of a server while the process ends.
    Drained,
    /// The client is gone, or took none of the answer for too long.
    ClientLeft,
    /// The process ended first.
    Cut,
    /// The client sent none of its request body for too long, after the head of the answer.
    ClientStalled,
    /// The endpoint's connection ended, or made no sense, in the middle of the answer.
    EndpointLost,
}

impl End {
    /// The words of those that are counted: a refusal is counted as such.
    pub(super) const LOG_WORDS: [&str; 6] = [
        Self::Complete.log_word(),
        Self::Drained.log_word(),
        Self::Cut.log_word(),
        Self::ClientLeft.log_word(),
        Self::ClientStalled.log_word(),
        Self::EndpointLost.log_word(),
    ];

    /// The one word for logs and metrics.
    pub(super) const fn log_word(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::Refused => "refused",
            Self::Drained => "drained",
            Self::Cut => "cut",
            Self::ClientLeft => "client_left",
            Self::ClientStalled => "client_stalled",
            Self::EndpointLost => "endpoint_lost",
        }
    }
}
