//! TLS towards clients: from PEM files to the configuration of a listener, and the record machine of a connection.
//!
//! Certificates are read, checked and chosen here, and bytes become records and plaintext; sockets are elsewhere. What was
//! loaded is known to be whole: every key fits its certificate, and building a server configuration from it cannot fail.

mod certificates;
mod config;
mod driver;
mod fault;
mod identity;
mod invariant;
mod key_text;
mod keys;
mod record;
mod record_buffer;
mod records;
mod sni;
#[cfg(test)]
mod tests;
mod tickets;
mod traffic;
mod validity;

pub use certificates::CertifiedBundle;
pub use config::server_config;
pub use fault::{CertificateError, CertificateFault};
pub use record::{MAX_RECORD, RECORD_OVERHEAD, RECORD_PAYLOAD};
pub use record_buffer::RecordBuffer;
pub use records::{MAX_UNREAD, Records};
pub use tickets::{ExportedTicketKeys, TicketKeys, UnusableTicketKeys};
