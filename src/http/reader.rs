//! What is known of a request once its protocol is no matter any more.

use http::request::Parts;

use super::Refusal;
use super::unclean::Unclean;
use crate::config::HygieneSettings;
use crate::grammar::Authority;
use crate::judge::Flaw;
use crate::websocket::{Key, Tolerance};

/// How requests of one protocol are read. Its driver brings this along.
///
/// What it leaves is a request as everybody behind it knows one: its one Host line is what it is for, its target has a path,
/// and where it asks to become a tunnel that is a [`Handshake`].
#[derive(Clone, Copy, Debug)]
pub struct Reader {
    /// Gives a request what its protocol leaves out.
    pub complete: fn(&mut Parts),
    /// Whether its head is within the limits of its listener.
    pub check_limits: fn(&Parts, &HygieneSettings) -> Result<(), Flaw>,
    /// Whether a request can be read in one way only; what it is for, as the client wrote it.
    pub check: for<'r> fn(&'r Parts) -> Result<Authority<'r>, Unclean>,
    /// What it asks to become, of the protocols that its route lets through, given in lower case; `None` for a plain exchange.
    pub handshake: ReadHandshake,
}

/// Reads what a request asks to become, of the protocols that are let through, as strictly as the tolerance says.
pub type ReadHandshake = fn(&Parts, &[String], &mut Tolerance) -> Result<Option<Handshake>, Refusal>;

/// What a client asks to become, whichever protocol it asks by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Handshake {
    /// A WebSocket. The key is the one that the endpoint gets: where the client's protocol has none (RFC 8441 §5), its reader
    /// would make one and put it among the headers.
    Websocket(Key),
    /// Another protocol, given as the client spells it.
    Other(String),
}

impl Handshake {
    /// The token of the protocol that the endpoint is asked to switch to.
    pub fn token(&self) -> &str {
        match self {
            Self::Websocket(_) => WEBSOCKET,
            Self::Other(token) => token,
        }
    }
}

/// The token of WebSocket (RFC 6455 §11.2), in lower case.
pub const WEBSOCKET: &str = "websocket";
