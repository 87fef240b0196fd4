//! The record machine of TLS, without the certificates beside it.

#[path = "../../src/tls/alpn.rs"]
mod alpn;
#[path = "../../src/tls/asked_name.rs"]
#[expect(dead_code, reason = "who looks for a certificate notes the name, and there is none here")]
mod asked_name;
#[path = "../../src/tls/connection.rs"]
mod connection;
#[path = "../../src/tls/driver.rs"]
mod driver;
#[path = "../../src/tls/frozen_records.rs"]
mod frozen_records;
#[path = "../../src/tls/frozen_traffic.rs"]
mod frozen_traffic;
#[path = "../../src/tls/invariant.rs"]
mod invariant;
#[path = "../../src/tls/keys.rs"]
mod keys;
#[path = "../../src/tls/received_tickets.rs"]
mod received_tickets;
#[path = "../../src/tls/record.rs"]
mod record;
#[path = "../../src/tls/record_buffer.rs"]
mod record_buffer;
#[path = "../../src/tls/records.rs"]
mod records;
#[path = "../../src/tls/refused_name.rs"]
mod refused_name;
#[path = "../../src/tls/secret.rs"]
mod secret;
#[path = "../../src/tls/secret_log.rs"]
mod secret_log;
#[path = "../../src/tls/secrets.rs"]
mod secrets;
#[path = "../../src/tls/shown_certificate.rs"]
mod shown_certificate;
#[path = "../../src/tls/traffic.rs"]
mod traffic;

pub use frozen_records::{CannotFreeze, FrozenRecords};
pub use record::{MAX_RECORD, RECORD_OVERHEAD, RECORD_PAYLOAD};
pub use record_buffer::RecordBuffer;
pub use records::{MAX_UNREAD, Records};
pub use refused_name::RefusedName;
pub use secret_log::SecretLog;
pub use shown_certificate::ShownCertificate;
