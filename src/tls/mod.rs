//! TLS towards clients: from PEM files to the configuration of a listener, and the record machine of a connection.
//!
//! Certificates are read, checked and chosen here, and bytes become records and plaintext; sockets are elsewhere. What was
//! loaded is known to be whole: every key fits its certificate, and building a server configuration from it cannot fail.

mod certificates;
mod client_authority;
mod config;
mod credentials;
mod driver;
mod fault;
mod fingerprint;
mod identity;
mod invariant;
mod key_text;
mod keys;
mod pem_file;
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
pub use client_authority::ClientAuthority;
pub use config::server_config;
pub use credentials::Credentials;
pub use fault::{CertificateError, CertificateFault};
pub use fingerprint::{Fingerprint, ShownCertificate};
pub use record::{MAX_RECORD, RECORD_OVERHEAD, RECORD_PAYLOAD};
pub use record_buffer::RecordBuffer;
pub use records::{MAX_UNREAD, Records};
pub use tickets::{ExportedTicketKeys, TicketKeys, UnusableTicketKeys};
