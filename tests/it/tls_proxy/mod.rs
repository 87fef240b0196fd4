//! TLS in front of tunnels: handshakes good and bad, certificates that change, sessions that resume.

mod authority;
mod certificates;
mod client_certificates;
mod handshakes;
mod site;
mod storm;
