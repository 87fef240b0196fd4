//! The PROXY protocol, as HAProxy's proxy-protocol.txt has it: the header that says who the client is, before anything else is
//! said over a connection. `written` is what endpoints are told; what a proxy in front of us tells is read as a stream
//! (`header_reader`), from a socket without taking a byte behind it (`read`).
//!
//! Invariant: a header is read in one way or refused, however it is cut; nothing of a connection is believed before its end.

mod bad_header;
mod header_reader;
mod read;
mod told_client;
mod version_1;
mod version_2;
mod written;

pub use bad_header::BadProxyHeader;
pub use header_reader::{HeaderReader, Taken};
pub use read::{NoProxyHeader, ProxyHeaderError, read_proxy_header_within};
pub use told_client::ToldClient;
pub use written::{ProxiedClient, ProxiedTls, proxy_header};
