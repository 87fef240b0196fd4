//! Why a name is not found.

use std::net::IpAddr;
use std::time::Duration;

use hickory_resolver::net::{DnsError, NetError};
use hickory_resolver::proto::op::ResponseCode;
use thiserror::Error;

/// Why a name is not found.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum LookupError {
    /// NXDOMAIN: there is no such name.
    #[error("there is no such name (NXDOMAIN)")]
    NoSuchName,
    /// NODATA: the name is there, and nothing of what was asked for.
    #[error("the name has no such record")]
    NoRecords,
    /// No DNS server has answered.
    #[error("no answer within {0:?}")]
    TimedOut(Duration),
    /// A server answered with something else than an answer: SERVFAIL, REFUSED.
    #[error("the DNS server says {0}")]
    ServerFailed(ResponseCode),
    /// An answer has an address at which there can be nobody.
    #[error("the answer has the address {0}, at which there can be nobody")]
    Nonsense(IpAddr),
    /// An answer has a record without what belongs in it.
    #[error("the answer has a record that cannot be read")]
    Malformed,
    /// More records than anybody means.
    #[error("the answer has {0} records, more than are taken")]
    TooMany(usize),
    /// It is not known whom to ask.
    #[error("{0}")]
    NoServer(String),
    /// No server could be asked, or none gave an answer that can be read.
    #[error("the DNS server cannot be asked: {0}")]
    NotAsked(String),
}

impl LookupError {
    /// Whether a server has said that there is nothing: the others are failures to learn what there is.
    pub fn is_absence(&self) -> bool {
        matches!(self, Self::NoSuchName | Self::NoRecords)
    }

    pub(super) fn of(error: NetError, timeout: Duration) -> Self {
        match error {
            NetError::Dns(DnsError::NoRecordsFound(nothing)) if nothing.response_code == ResponseCode::NXDomain => {
                Self::NoSuchName
            }
            NetError::Dns(DnsError::NoRecordsFound(_)) => Self::NoRecords,
            NetError::Dns(DnsError::ResponseCode(code)) => Self::ServerFailed(code),
            NetError::Timeout => Self::TimedOut(timeout),
            other => Self::NotAsked(other.to_string()),
        }
    }
}
