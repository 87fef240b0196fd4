//! The record machine of TLS, without the certificates beside it.

#[path = "../../src/tls/driver.rs"]
mod driver;
#[path = "../../src/tls/fingerprint.rs"]
mod fingerprint;
#[path = "../../src/tls/invariant.rs"]
mod invariant;
#[path = "../../src/tls/keys.rs"]
mod keys;
#[path = "../../src/tls/record.rs"]
mod record;
#[path = "../../src/tls/record_buffer.rs"]
mod record_buffer;
#[path = "../../src/tls/records.rs"]
mod records;
#[path = "../../src/tls/traffic.rs"]
mod traffic;

pub use fingerprint::{Fingerprint, ShownCertificate};
pub use record::{MAX_RECORD, RECORD_OVERHEAD, RECORD_PAYLOAD};
pub use record_buffer::RecordBuffer;
pub use records::{MAX_UNREAD, Records};
