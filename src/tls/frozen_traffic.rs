//! A connection of TLS 1.3 after its handshake, to and from a plain value.

use rustls::Error;
use zeroize::Zeroizing;

use super::frozen_records::{FrozenEnd, FrozenRecords};
use super::received_tickets::ReceivedTickets;
use super::secrets::Secrets;
use super::traffic::{PostHandshake, Traffic};

impl Traffic {
    /// It as a plain value, with what is `unread`. `None` where either side has begun to end it, or HTTP/2 is what is spoken.
    ///
    /// Tickets that are still to come are not kept: they would take rustls' whole connection along.
    pub(super) fn freeze(&self, unread: &[u8]) -> Option<FrozenRecords> {
        if self.ended || self.closed || self.is_http2 {
            return None;
        }
        let PostHandshake { secrets, message, .. } = &*self.post_handshake;
        Some(FrozenRecords {
            suite: secrets.suite(),
            end: secrets.ours().into(),
            client_secret: Zeroizing::new(secrets.traffic().client.reveal().to_vec()),
            server_secret: Zeroizing::new(secrets.traffic().server.reveal().to_vec()),
            next_opened: self.opening.sequence(),
            next_sealed: self.sealing.sequence(),
            update_is_owed: self.update_is_owed,
            without_data: self.without_data,
            message: Zeroizing::new(message.clone()),
            unread: unread.to_vec(),
        })
    }

    /// Carries on what was frozen, where the numbers of both directions stand.
    ///
    /// # Errors
    /// It is no such connection, or none under a cipher suite that this program knows.
    pub(super) fn thaw(frozen: &FrozenRecords) -> Result<Self, Error> {
        let wrong = || Error::General("what was frozen is no connection of TLS 1.3".to_owned());
        let secrets = Secrets::thaw(frozen).ok_or_else(wrong)?;
        let tickets = match frozen.end {
            FrozenEnd::Server => ReceivedTickets::Refused,
            FrozenEnd::Client => ReceivedTickets::Skipped,
        };
        let keys = secrets.keys(frozen.next_opened, frozen.next_sealed)?;
        let mut traffic = Self::new(keys, secrets, tickets)?;
        traffic.post_handshake.message = frozen.message.to_vec();
        traffic.message_is_cut = !frozen.message.is_empty();
        traffic.update_is_owed = frozen.update_is_owed;
        traffic.without_data = frozen.without_data;
        traffic.flaw(&frozen.unread).map_or(Ok(traffic), |_| Err(wrong()))
    }
}
