//! TLS over real sockets: the stream itself, and the clients that operators have.

mod peers;
mod site;
mod stream;
