//! What the connections of one admin listener have in common.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use tokio::net::{TcpStream, UnixStream};
use tokio::sync::Semaphore;

use super::rights::Door;
use super::spare::Spare;
use crate::admin::context::Context;

/// What every connection of a listener needs.
#[derive(Debug)]
pub(in crate::admin) struct Reception {
    /// Who may ask what.
    pub(in crate::admin) door: Arc<Door>,
    /// What can be asked.
    pub(in crate::admin) context: Arc<Context>,
    /// Descriptors that are kept for operators.
    pub(in crate::admin) spare: Spare,
    /// With how many handshakes of TLS it goes on at once.
    pub(in crate::admin) handshakes: Semaphore,
}

/// Somebody who has connected.
#[derive(Debug)]
pub(in crate::admin) enum Arrival {
    Unix(UnixStream),
    Tcp(TcpStream, SocketAddr),
}

impl Arrival {
    /// From where; `None` where it is a process of this machine, which the system has let in.
    pub(in crate::admin) fn from(&self) -> Option<IpAddr> {
        match self {
            Self::Unix(_) => None,
            Self::Tcp(_, peer) => Some(peer.ip()),
        }
    }
}
