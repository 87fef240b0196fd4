//! The record machine of TLS, without the certificates beside it.

#[path = "../../src/tls/outgoing.rs"]
mod outgoing;
#[path = "../../src/tls/records.rs"]
mod records;

pub use outgoing::Outgoing;
pub use records::{MAX_RECORD, MAX_UNREAD, RECORD_OVERHEAD, RECORD_PAYLOAD, Records};
