//! The driver of a connection that speaks HTTP/2 (RFC 9113): many exchanges and tunnels at a time, each by a stream of its own.
//!
//! `connection` drives `h2` under the deadlines of its listener and takes requests in; `stream` has each answered, as `http1` has
//! its own, in a task of its own, and sends the answer (`answering`) or joins the tunnel (RFC 8441). `watched` counts what the client
//! costs beyond its requests, `streams` what it has open, `prior_knowledge` knows it where there is no TLS.
//!
//! Invariants: what is one stream's ends that stream alone; only what is said of the connection, and a flood, ends it. A stream has
//! a place as a session has one. No GOAWAY is said as long as the listener stays and the process does.

mod answering;
mod connection;
mod liveness;
mod prior_knowledge;
mod respond;
mod stream;
mod streams;
mod watched;

pub(in crate::session) use connection::speak;
pub(in crate::session) use prior_knowledge::begins_with_http2;
pub(in crate::session) use respond::Respond;
