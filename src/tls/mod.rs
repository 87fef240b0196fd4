//! TLS towards clients: from PEM files to the configuration of a listener.
//!
//! Certificates are read, checked and chosen here; handshakes are driven elsewhere. What was loaded is known to be whole:
//! every key fits its certificate, and building a server configuration from it cannot fail.

mod certificates;
mod config;
mod fault;
mod sni;
#[cfg(test)]
mod tests;

pub use certificates::CertifiedBundle;
pub use config::{TicketKeys, server_config};
pub use fault::{CertificateError, CertificateFault};
