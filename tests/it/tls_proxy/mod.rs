//! TLS in front of tunnels: handshakes good and bad, certificates that change, sessions that resume.

mod certificates;
mod handshakes;
mod site;
mod storm;
