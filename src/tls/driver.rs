//! rustls' connection: shown what came, and asked for what it wants to send.
//!
//! Invariants: while the handshake goes on, rustls is shown one record after the other. So when it is over, nothing that
//! follows it has been seen, and the connection can be carried on without rustls. What rustls has seen and not done with
//! is shown to it again as it was left, since rustls remembers offsets into it while a handshake message is incomplete.

use std::sync::Arc;

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ContentType, Error, ProtocolVersion, ServerConfig};

use super::alpn::ACME_TLS_ALPN;
use super::asked_name;
use super::connection::{Connection, Errand};
use super::invariant::broken;
use super::record::{HEADER, RecordHeader, TAG};
use super::record_buffer::RecordBuffer;
use super::secret_log::LoggedSecrets;
use super::shown_certificate::ShownCertificate;
use super::traffic::Traffic;
use crate::ranges::within;

/// A connection in the hands of rustls.
pub(super) struct Driver {
    connection: Connection,
    /// How many of the bytes that are not done with are whole records that rustls has seen; behind them, at most the
    /// start of one.
    seen: usize,
    /// Until the handshake is over.
    handshake: Option<Box<Handshake>>,
}

/// What matters in a handshake only.
struct Handshake {
    /// Who wants to know what the peer shows.
    shown: Option<ShownCertificate>,
    /// What rustls has agreed on, under TLS 1.3.
    secrets: LoggedSecrets,
}

impl Driver {
    /// The server's end of a connection of which nothing has been read; `shown` learns what the client shows.
    pub(super) fn server(config: Arc<ServerConfig>, shown: Option<ShownCertificate>) -> Result<Self, Error> {
        Ok(Self::new(Connection::server(config)?, shown))
    }

    /// The client's end of a connection with `name`, over one of these `protocols` (ALPN); its first flight goes into `outgoing`.
    pub(super) fn client(
        config: Arc<ClientConfig>,
        name: ServerName<'static>,
        protocols: Vec<Vec<u8>>,
        outgoing: &mut RecordBuffer,
    ) -> Result<Self, Error> {
        let mut driver = Self::new(Connection::client(config, name, protocols)?, None);
        driver.run(Errand::Nothing, &mut Vec::new(), outgoing)?;
        Ok(driver)
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
        if !self.is_handshaking() {
            self.end_handshake();
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
        let is_http2 = self.is_http2();
        let secrets = self.handshake.map(|handshake| handshake.secrets).unwrap_or_default();
        let mut traffic = self.connection.into_traffic(secrets)?;
        traffic.note_http2(is_http2);
        Ok(traffic)
    }

    /// Whether HTTP/2 was agreed on over ALPN (RFC 7301, RFC 9113 §3.2).
    pub(super) fn is_http2(&self) -> bool {
        self.connection.state().alpn_protocol() == Some(b"h2")
    }

    /// Whether the handshake goes on.
    pub(super) fn is_handshaking(&self) -> bool {
        self.connection.state().is_handshaking()
    }

    /// Whether the peer has said at least which TLS it speaks.
    pub(super) fn has_begun(&self) -> bool {
        self.connection.state().protocol_version().is_some()
    }

    /// Whether rustls has done its part: a handshake of TLS 1.3 is over, and all it had to say is in `outgoing`. What is closed at
    /// once stays with it.
    pub(super) fn is_relieved(&self) -> bool {
        !self.is_handshaking()
            && self.connection.state().protocol_version() == Some(ProtocolVersion::TLSv1_3)
            && !self.is_challenge()
    }

    /// Whether an authority looks whether a name is ours, and nothing more is to be said (RFC 8737 §3).
    pub(super) fn is_challenge(&self) -> bool {
        self.connection.state().alpn_protocol() == Some(ACME_TLS_ALPN)
    }

    /// Whether the peer has said that it sends no more.
    pub(super) fn has_ended(&self) -> bool {
        self.connection.has_ended()
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

    fn new(connection: Connection, shown: Option<ShownCertificate>) -> Self {
        let handshake = Handshake { shown, secrets: LoggedSecrets::default() };
        Self { connection, seen: 0, handshake: Some(Box::new(handshake)) }
    }

    /// Has rustls do all it can, and notes the secrets that it says.
    fn drive(
        &mut self,
        incoming: &mut [u8],
        errand: Errand<'_>,
        plaintext: &mut impl FnMut(&[u8]),
        outgoing: &mut RecordBuffer,
    ) -> Result<usize, Error> {
        let Self { connection, handshake, .. } = self;
        let mut drive = || connection.drive(incoming, errand, plaintext, outgoing);
        match handshake {
            Some(handshake) => asked_name::listen(handshake.shown.clone(), || handshake.secrets.listen(drive)),
            None => drive(),
        }
    }

    /// Says what the peer has shown. Where rustls carries the connection on, nobody needs the rest.
    fn end_handshake(&mut self) {
        if let Some(shown) = self.handshake.as_mut().and_then(|handshake| handshake.shown.take()) {
            shown.note(self.connection.state().peer_certificates());
        }
        if !self.is_relieved() {
            self.handshake = None;
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
