//! A connection of TLS 1.3 between two of its records, as a plain value: another process carries it on.
//!
//! What is in it decrypts everything that follows. It is wiped when it is dropped, is never shown, and goes only where its connection goes.

use std::fmt;

use rustls::crypto::aws_lc_rs::ALL_CIPHER_SUITES;
use rustls::{CipherSuite, Side, Tls13CipherSuite};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

/// One end of a connection whose handshake is over, and which nobody has begun to end.
#[derive(Serialize, Deserialize)]
pub struct FrozenRecords {
    /// The number that IANA gave to the cipher suite.
    pub(super) suite: u16,
    pub(super) end: FrozenEnd,
    /// What the client's keys are made of (RFC 8446 §7.2).
    pub(super) client_secret: Zeroizing<Vec<u8>>,
    /// What the server's keys are made of.
    pub(super) server_secret: Zeroizing<Vec<u8>>,
    /// The number of the next record that comes.
    pub(super) next_opened: u64,
    /// The number of the next record that goes.
    pub(super) next_sealed: u64,
    /// The peer has asked that we change our key, and we have sent no data since.
    pub(super) update_is_owed: bool,
    /// How many records in a row came without data.
    pub(super) without_data: u8,
    /// The start of a handshake message.
    pub(super) message: Zeroizing<Vec<u8>>,
    /// The start of a record.
    pub(super) unread: Vec<u8>,
}

/// Which end it is.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum FrozenEnd {
    Server,
    Client,
}

/// Why a connection cannot be carried on by another process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CannotFreeze {
    /// Its keys are rustls' own for good.
    #[error("it speaks TLS 1.2")]
    Tls12,
    /// It ends, or has failed.
    #[error("it is ending")]
    Ending,
}

impl FrozenRecords {
    /// What was agreed on; `None` where this program does not know it.
    pub(super) fn suite(&self) -> Option<&'static Tls13CipherSuite> {
        let mut known = ALL_CIPHER_SUITES.iter().filter_map(|suite| suite.tls13());
        known.find(|suite| suite.common.suite == CipherSuite::from(self.suite))
    }
}

impl From<Side> for FrozenEnd {
    fn from(side: Side) -> Self {
        match side {
            Side::Server => Self::Server,
            Side::Client => Self::Client,
        }
    }
}

impl From<FrozenEnd> for Side {
    fn from(end: FrozenEnd) -> Self {
        match end {
            FrozenEnd::Server => Self::Server,
            FrozenEnd::Client => Self::Client,
        }
    }
}

impl fmt::Debug for FrozenRecords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FrozenRecords").field("suite", &self.suite).finish_non_exhaustive()
    }
}
