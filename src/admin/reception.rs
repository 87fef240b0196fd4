//! What the connections of one admin listener have in common.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::{TcpStream, UnixStream};
use tokio::sync::Semaphore;

use super::context::Context;
use super::door::Door;
use super::spare::Spare;

/// What every connection of a listener needs.
#[derive(Debug)]
pub(super) struct Reception {
    /// Who may ask what.
    pub(super) door: Arc<Door>,
    /// What can be asked.
    pub(super) context: Arc<Context>,
    /// Descriptors that are kept for operators.
    pub(super) spare: Spare,
    /// With how many handshakes of TLS it goes on at once.
    pub(super) handshakes: Semaphore,
}

/// Somebody who has connected.
#[derive(Debug)]
pub(super) enum Arrival {
    Unix(UnixStream),
    Tcp(TcpStream, SocketAddr),
}
