//! That a client is refused for the name that it asks for, with the alert that says so.
//!
//! rustls knows one alert for every connection that no certificate is chosen for, which tells a client nothing. What the choice
//! found passes through a slot of the thread to the connection that rustls works on, as its secrets do.

use std::cell::Cell;

use rustls::{AlertDescription, OtherError};
use thiserror::Error;

/// Why there is no certificate for a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum RefusedName {
    /// It asks for a name that no certificate is for.
    #[error("no certificate is for the name that the client asks for")]
    Unknown,
    /// It asks for no name.
    #[error("the client asks for no name (SNI)")]
    Missing,
}

thread_local! {
    static REFUSED: Cell<Option<RefusedName>> = const { Cell::new(None) };
}

impl RefusedName {
    /// No certificate is chosen, for this reason: the connection that rustls works on fails at once.
    pub fn note(self) {
        REFUSED.set(Some(self));
    }

    /// Why no certificate was chosen, if it was that.
    pub(super) fn take() -> Option<Self> {
        REFUSED.take()
    }

    /// The same, if that is why a connection has failed.
    pub fn behind(error: &rustls::Error) -> Option<Self> {
        match error {
            rustls::Error::Other(OtherError(error)) => error.downcast_ref().copied(),
            _ => None,
        }
    }

    /// The record that says so, in plain: no keys are agreed on yet (RFC 6066 §3, RFC 8446 §9.2).
    pub(super) fn alert(self) -> [u8; 7] {
        const ALERT: u8 = 21;
        const FATAL: u8 = 2;
        let description = match self {
            Self::Unknown => AlertDescription::UnrecognisedName,
            Self::Missing => AlertDescription::MissingExtension,
        };
        [ALERT, 3, 3, 0, 2, FATAL, description.into()]
    }
}
