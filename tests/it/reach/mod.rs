//! How endpoints are reached: over which kind of socket, from where, and what they are told first.

mod host;
mod proxy_protocol;
mod sockets;
mod unix;
mod used_up;
mod vanished;
