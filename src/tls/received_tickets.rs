//! What becomes of the tickets that a peer sends (RFC 8446 §4.6.1).
//!
//! To keep one takes more memory than all the rest of a connection: what rustls knows of it, the certificates of the server
//! among that. A server sends its tickets right behind its handshake, so what comes after its first data is not waited for.

use rustls::Error;
use rustls::client::ClientConnectionData;
use rustls::kernel::KernelConnection;

/// Who takes a connection's tickets.
pub(super) enum ReceivedTickets {
    /// Nobody: we are the server, and a client has none to send.
    Refused,
    /// rustls, for the next session: so many more.
    Kept { by: Box<KernelConnection<ClientConnectionData>>, more: u8 },
    /// Nobody any more.
    Skipped,
}

/// How many tickets of one connection are kept: servers send one or two.
const MOST: u8 = 4;

impl ReceivedTickets {
    /// Those of the client's end that rustls leaves this of.
    pub(super) fn kept_by(connection: KernelConnection<ClientConnectionData>) -> Self {
        Self::Kept { by: Box::new(connection), more: MOST }
    }

    /// Takes a ticket, without the header of its message. Beyond a few they are worth no more than their decryption, which costs
    /// what data costs.
    pub(super) fn take(&mut self, ticket: &[u8]) -> Result<(), Error> {
        let Self::Kept { by, more } = self else { return Ok(()) };
        by.handle_new_session_ticket(ticket)?;
        *more -= 1;
        if *more == 0 {
            *self = Self::Skipped;
        }
        Ok(())
    }

    /// Lets go of who takes them.
    pub(super) fn skip(&mut self) {
        if self.are_kept() {
            *self = Self::Skipped;
        }
    }

    /// Whether the peer may send any.
    pub(super) fn are_allowed(&self) -> bool {
        !matches!(self, Self::Refused)
    }

    /// Whether there is somebody who takes them.
    pub(super) fn are_kept(&self) -> bool {
        matches!(self, Self::Kept { .. })
    }
}
