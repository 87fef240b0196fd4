//! The record machine of TLS, without the certificates beside it.

#[path = "../../src/tls/driver.rs"]
mod driver;
#[path = "../../src/tls/keys.rs"]
mod keys;
#[path = "../../src/tls/outgoing.rs"]
mod outgoing;
#[path = "../../src/tls/records.rs"]
mod records;
#[path = "../../src/tls/traffic.rs"]
mod traffic;

pub use outgoing::Outgoing;
pub use records::{MAX_RECORD, MAX_UNREAD, RECORD_OVERHEAD, RECORD_PAYLOAD, Records};
