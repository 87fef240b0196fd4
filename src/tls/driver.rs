//! rustls' connection: shown what came, and asked for what it wants to send.
//!
//! Invariants: while the handshake goes on, rustls is shown one record after the other. So when it is over, nothing that
//! follows it has been seen, and the connection can be carried on without rustls. What rustls has seen and not done with
//! is shown to it again as it was left, since rustls remembers offsets into it while a handshake message is incomplete.

use std::sync::Arc;

use rustls::server::UnbufferedServerConnection;
use rustls::unbuffered::{ConnectionState, UnbufferedStatus};
use rustls::{ContentType, Error, ProtocolVersion, ServerConfig};

use super::fingerprint::ShownCertificate;
use super::invariant::broken;
use super::record::{HEADER, RecordHeader, TAG};
use super::record_buffer::RecordBuffer;
use super::traffic::Traffic;
use crate::ranges::{within, within_mut};

/// A connection in the hands of rustls.
pub(super) struct Driver {
    connection: UnbufferedServerConnection,
    /// How many of the bytes that are not done with are whole records that rustls has seen; behind them, at most the
    /// start of one.
    seen: usize,
    /// The peer's close_notify came.
    ended: bool,
    /// Who wants to know what the peer shows, while the handshake goes on.
    shown: Option<ShownCertificate>,
}

/// What is done once rustls has no other business.
#[derive(Clone, Copy)]
enum Errand<'a> {
    Nothing,
    Send(&'a [u8]),
    CloseNotify,
}

impl Driver {
    /// A connection of which nothing has been read; `shown` learns what the peer shows.
    pub(super) fn new(config: Arc<ServerConfig>, shown: Option<ShownCertificate>) -> Result<Self, Error> {
        Ok(Self { connection: UnbufferedServerConnection::new(config)?, seen: 0, ended: false, shown })
    }

    /// Takes in `buffer`: what it has not been done with before, and what came behind that. Says how much of it is done
    /// with now; all of it but what follows the handshake was seen.
    pub(super) fn receive(
        &mut self,
        buffer: &mut [u8],
        plaintext: &mut impl FnMut(&[u8]),
        outgoing: &mut RecordBuffer,
    ) -> Result<usize, Error> {
        let (mut consumed, mut until) = (0, 0);
        while until < buffer.len() && !self.is_relieved() {
            let start = self.seen;
            let unseen = buffer.get(start..).ok_or_else(|| broken("what rustls has seen is shown to it again"))?;
            until = match record_length(unseen) {
                Some(length) if self.is_handshaking() => {
                    self.seen += length;
                    self.seen
                }
                // The start of a record may be reason enough to refuse it.
                Some(_) | None => buffer.len(),
            };
            let shown =
                buffer.get_mut(consumed..until).ok_or_else(|| broken("rustls takes no more than it is shown"))?;
            consumed += self.drive(shown, Errand::Nothing, plaintext, outgoing)?;
            if consumed == start && was_skipped(within(buffer, start..until)) {
                consumed = until;
            }
        }
        self.seen = self.seen.saturating_sub(consumed);
        if let Some(shown) = self.shown.take_if(|_| !self.connection.is_handshaking()) {
            shown.note(self.connection.peer_certificates());
        }
        Ok(consumed)
    }

    /// Encrypts `plaintext` into `outgoing`. `unread` is what it is not done with.
    pub(super) fn send(
        &mut self,
        plaintext: &[u8],
        unread: &mut Vec<u8>,
        outgoing: &mut RecordBuffer,
    ) -> Result<(), Error> {
        self.run(Errand::Send(plaintext), unread, outgoing)
    }

    /// Puts a close_notify into `outgoing`, the first time. `unread` is what it is not done with.
    pub(super) fn close(&mut self, unread: &mut Vec<u8>, outgoing: &mut RecordBuffer) -> Result<(), Error> {
        self.run(Errand::CloseNotify, unread, outgoing)
    }

    /// Carries the connection on without rustls; it [is relieved](Self::is_relieved).
    pub(super) fn into_traffic(self) -> Result<Traffic, Error> {
        if self.seen > 0 {
            return Err(Error::General("the handshake has left a record behind".to_owned()));
        }
        let (keys, secrets) = self.connection.dangerous_into_kernel_connection()?;
        Traffic::new(keys, secrets)
    }

    /// Whether the handshake goes on.
    pub(super) fn is_handshaking(&self) -> bool {
        self.connection.is_handshaking()
    }

    /// Whether the peer has said at least which TLS it speaks.
    pub(super) fn has_begun(&self) -> bool {
        self.connection.protocol_version().is_some()
    }

    /// Whether rustls has done its part: a handshake of TLS 1.3 is over, and all it had to say is in `outgoing`.
    pub(super) fn is_relieved(&self) -> bool {
        !self.is_handshaking() && self.connection.protocol_version() == Some(ProtocolVersion::TLSv1_3)
    }

    /// Whether the peer has said that it sends no more.
    pub(super) fn has_ended(&self) -> bool {
        self.ended
    }

    /// Panics unless every invariant holds; `unread` is what it is not done with.
    pub(super) fn check_invariants(&self, unread: &[u8]) {
        assert!(!self.is_relieved(), "rustls has done its part and keeps the connection");
        assert!(self.seen <= unread.len(), "rustls has seen {} bytes, and {} are kept", self.seen, unread.len());
        let unseen = record_length(within(unread, self.seen..));
        if self.is_handshaking() {
            assert_eq!(unseen, None, "a whole record of the handshake was not shown to rustls");
        } else {
            let is_data = RecordHeader::parse(unread).is_some_and(|it| it.typ == ContentType::ApplicationData);
            assert!(!is_data || record_length(unread).is_none(), "a whole record was left undecrypted");
        }
    }

    /// Does what is asked for while nothing new has come.
    fn run(&mut self, errand: Errand<'_>, unread: &mut Vec<u8>, outgoing: &mut RecordBuffer) -> Result<(), Error> {
        let mut misplaced = false;
        let consumed = self.drive(unread, errand, &mut |_| misplaced = true, outgoing)?;
        if misplaced {
            return Err(Error::General("a record was left undecrypted".to_owned()));
        }
        if consumed > unread.len() {
            return Err(broken("rustls takes no more than it is shown"));
        }
        if consumed > 0 {
            unread.drain(..consumed);
            self.seen = self.seen.saturating_sub(consumed);
        }
        Ok(())
    }

    /// Lets rustls do all it can with `incoming`, then the errand. Says how much of `incoming` is done with.
    fn drive(
        &mut self,
        incoming: &mut [u8],
        errand: Errand<'_>,
        plaintext: &mut impl FnMut(&[u8]),
        outgoing: &mut RecordBuffer,
    ) -> Result<usize, Error> {
        let mut consumed = 0;
        loop {
            let rest = incoming.get_mut(consumed..).ok_or_else(|| broken("rustls takes no more than it is shown"))?;
            let UnbufferedStatus { discard, state } = self.connection.process_tls_records(rest);
            consumed += discard;
            let done = match state {
                Ok(ConnectionState::ReadTraffic(mut traffic)) => loop {
                    match traffic.next_record() {
                        Some(Ok(record)) => {
                            consumed += record.discard;
                            plaintext(record.payload);
                        }
                        Some(Err(error)) => break Err(error),
                        None => break Ok(None),
                    }
                },
                Ok(ConnectionState::EncodeTlsData(mut data)) => {
                    outgoing.put(|room| data.encode(room)).map(|()| None).map_err(|error| general(&error))
                }
                Ok(ConnectionState::TransmitTlsData(data)) => {
                    data.done();
                    Ok(None)
                }
                Ok(ConnectionState::WriteTraffic(mut traffic)) => match errand {
                    Errand::Nothing => Ok(()),
                    Errand::Send(bytes) => outgoing.put(|room| traffic.encrypt(bytes, room)),
                    Errand::CloseNotify => outgoing.put(|room| traffic.queue_close_notify(room)),
                }
                .map(Some)
                .map_err(|error| general(&error)),
                Ok(ConnectionState::BlockedHandshake) => match errand {
                    Errand::Send(_) => Err(Error::HandshakeNotComplete),
                    Errand::Nothing | Errand::CloseNotify => Ok(Some(())),
                },
                Ok(ConnectionState::PeerClosed) => {
                    self.ended = true;
                    Ok(None)
                }
                Ok(ConnectionState::Closed) => match errand {
                    Errand::Send(_) => Err(Error::General("sent after close_notify".to_owned())),
                    Errand::Nothing | Errand::CloseNotify => Ok(Some(())),
                },
                // Early data is not offered, and 0.23 has no other state.
                Ok(ConnectionState::ReadEarlyData(_) | _) => {
                    Err(Error::General("early data was not offered".to_owned()))
                }
                Err(error) => Err(error),
            };
            match done {
                Ok(None) => {}
                Ok(Some(())) => return Ok(consumed),
                Err(error) => {
                    self.collect_alerts(within_mut(incoming, consumed..), outgoing);
                    return Err(error);
                }
            }
        }
    }

    /// Takes out what waits to be sent after an error. rustls hands that out before it looks at `incoming` again.
    fn collect_alerts(&mut self, incoming: &mut [u8], outgoing: &mut RecordBuffer) {
        while self.connection.wants_write() {
            let Ok(ConnectionState::EncodeTlsData(mut data)) = self.connection.process_tls_records(incoming).state
            else {
                return;
            };
            if outgoing.put(|room| data.encode(room)).is_err() {
                return;
            }
        }
    }
}

/// How long the record at the start of `bytes` is, if all of it is there.
fn record_length(bytes: &[u8]) -> Option<usize> {
    let length = HEADER + RecordHeader::parse(bytes)?.length;
    (length <= bytes.len()).then_some(length)
}

/// Whether `record` is one that rustls could not decrypt and did not mind: early data, which we never accept (RFC 8446
/// §4.2.10). It does not let go of it, and would try again, and charge the client, each time that it is shown: that would
/// make honest clients fail and hostile ones expensive.
///
/// What AWS-LC cannot decrypt it overwrites with zeros, and what it can ends in its type, which is none.
fn was_skipped(record: &[u8]) -> bool {
    let Some(header) = RecordHeader::parse(record) else { return false };
    let inner = record.len().saturating_sub(TAG).max(HEADER);
    header.typ == ContentType::ApplicationData
        && record.len() == HEADER + header.length
        && within(record, HEADER..inner).iter().all(|byte| *byte == 0)
}

fn general(error: &impl ToString) -> Error {
    Error::General(error.to_string())
}
