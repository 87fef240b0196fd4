//! What can be wrong with a file of ticket secrets, and what to do about it.

use thiserror::Error;

/// Why a file is none of secrets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum TicketSecretFault {
    /// There is none.
    #[error("holds no secret")]
    Empty,
    /// Whoever tries all would find it.
    #[error("has a secret of {bytes} bytes in line {line}")]
    Short {
        /// The line, the first is 1.
        line: usize,
        /// How long it is.
        bytes: usize,
    },
    /// Of which the first line is the same in each.
    #[error("is PEM, of which everybody knows the first line")]
    Pem,
    /// It is something else, or nobody ever takes one out.
    #[error("holds {0} secrets")]
    TooMany(usize),
    /// Others than its owner and its group may read it, or write it.
    #[error("is open to every user of this machine (mode {0:04o})")]
    Open(u32),
}

impl TicketSecretFault {
    /// What the operator can do about it.
    pub(super) fn hint(self) -> &'static str {
        match self {
            Self::Empty | Self::Pem => "have `openssl rand -base64 48` write its first line",
            Self::Short { .. } => "a secret has 32 bytes or more, as `openssl rand -base64 48` writes them, one a line",
            Self::TooMany(_) => "it holds 8 at the most: take out those that no session was sealed with for a day",
            Self::Open(_) => "whoever reads it reads sessions: `chmod 640`, for windlass and root alone",
        }
    }
}
