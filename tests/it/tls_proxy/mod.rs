//! TLS in front of tunnels: handshakes good and bad, certificates that change, sessions that resume.

mod authority;
mod certificate_headers;
mod certificates;
mod client_certificates;
mod handshakes;
mod names;
mod site;
mod storm;
mod tickets;
mod turns;

pub(crate) use site::{Certificates, Client};
