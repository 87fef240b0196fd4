//! Upgrades through the whole proxy, byte by byte: what the client reads, what the endpoint reads, and that nothing is left
//! where there is no tunnel.

mod answers;
mod bytes;
mod lenient;
mod next_best;
mod other_protocols;
mod placement;
mod requests;
mod shortage;
mod tungstenite;
