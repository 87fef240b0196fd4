//! TLS towards clients and endpoints: from PEM files to the configuration of a listener or an upstream, and the record machine of
//! a connection.
//!
//! Certificates are read, checked and chosen here, and bytes become records and plaintext; sockets are elsewhere. What was
//! loaded is known to be whole: every key fits its certificate, and building a server configuration from it cannot fail.

mod alpn;
mod asked_name;
mod authority;
mod certificate_text;
mod certificates;
mod client_authority;
mod client_certificate;
mod config;
mod connection;
mod credentials;
mod directory_credentials;
mod dns_names;
mod driver;
mod endpoint_credentials;
mod endpoint_tls;
mod endpoint_verifier;
mod fault;
mod fingerprint;
mod fleet_keys;
mod frozen_records;
mod frozen_traffic;
mod identity;
mod invariant;
mod issued;
mod issued_certificate;
mod key_text;
mod keys;
mod pem_file;
mod received_tickets;
mod record;
mod record_buffer;
mod records;
mod refused_name;
mod rough;
mod secret;
mod secret_log;
mod secrets;
mod session_tickets;
mod shown_certificate;
mod sni;
mod staple;
mod staple_fault;
#[cfg(test)]
mod tests;
mod ticket_key;
mod ticket_secret_fault;
mod ticket_secrets;
mod tickets;
mod traffic;
mod validity;

pub use alpn::ACME_TLS_ALPN;
pub use authority::Authority;
pub use certificate_text::CertificateText;
pub use certificates::CertifiedBundle;
pub use client_authority::ClientAuthority;
pub use client_certificate::ClientCertificate;
pub use config::{TlsRules, server_config};
pub use credentials::Credentials;
pub use directory_credentials::{DirectoryCredentials, HmacKey};
pub use dns_names::dns_names_in;
pub use endpoint_credentials::EndpointCredentials;
pub use endpoint_tls::{EndpointTls, TlsSessions};
pub use endpoint_verifier::WrongFingerprint;
pub use fault::{CertificateError, CertificateFault};
pub use fingerprint::Fingerprint;
pub use frozen_records::{CannotFreeze, FrozenRecords};
pub use issued::IssuedCertificates;
pub use issued_certificate::{IssuedCertificate, UnusableCertificate};
pub use record::{MAX_RECORD, RECORD_OVERHEAD, RECORD_PAYLOAD};
pub use record_buffer::RecordBuffer;
pub use records::{MAX_UNREAD, Records};
pub use refused_name::RefusedName;
pub use rough::Rough;
pub use secret_log::SecretLog;
pub use session_tickets::SessionTickets;
pub use shown_certificate::ShownCertificate;
pub use staple_fault::StapleFault;
pub use ticket_secret_fault::TicketSecretFault;
pub use ticket_secrets::TicketSecrets;
pub use tickets::{ExportedTicketKeys, TicketKeys, UnusableTicketKeys};
pub use validity::Life;
