//! TLS 1.3 after its handshake (RFC 8446 §4.6, §5, §6): data, alerts, the change of keys, and, at the client's end, tickets;
//! nothing else has a place.
//!
//! rustls has agreed on the keys, and that was all: a connection of its is three times as large as what is kept here: the
//! keys, the secrets that the next ones are made of, and at most the start of a KeyUpdate or of a ticket.

use std::mem;

use rustls::{AlertDescription, ContentType, Error, ExtractedSecrets, HandshakeType, InvalidMessage, PeerMisbehaved};

use super::invariant::broken;
use super::keys::{OpeningKey, SealingKey};
use super::received_tickets::ReceivedTickets;
use super::record::{HEADER, RECORD_PAYLOAD, RecordHeader};
use super::record_buffer::RecordBuffer;
use super::secrets::Secrets;
use crate::ranges::within;

/// How much longer than its plaintext a record may be (RFC 8446 §5.2).
const MAX_EXPANSION: usize = 256;
/// How many records in a row may bring no data: each costs us more than the peer.
const MAX_WITHOUT_DATA: u8 = 32;
/// A KeyUpdate, but for its last byte (RFC 8446 §4.6.3): its type, and its length of one.
const KEY_UPDATE: [u8; 4] = [24, 0, 0, 1];
/// The type and the length of a handshake message (RFC 8446 §4).
const MESSAGE_HEADER: usize = 4;
/// The longest that is taken, in bytes, as rustls has it.
const MAX_MESSAGE: usize = 0xffff;
/// The type of a ticket's message.
const NEW_SESSION_TICKET: u8 = 4;
const UPDATE_NOT_REQUESTED: u8 = 0;
const UPDATE_REQUESTED: u8 = 1;
const WARNING: u8 = 1;
const FATAL: u8 = 2;

/// One end of a connection whose handshake is over.
pub(super) struct Traffic {
    /// Out of the way: data needs none of it.
    pub(super) post_handshake: Box<PostHandshake>,
    pub(super) opening: OpeningKey,
    pub(super) sealing: SealingKey,
    /// How many records may still be sealed before the key would tell something about itself (RFC 8446 §5.5).
    left: u64,
    /// The start of a handshake message has come, and not the rest.
    pub(super) message_is_cut: bool,
    /// Tickets are kept, as long as no data has come.
    tickets_are_kept: bool,
    /// The peer has asked that we change our key, and we have sent no data since.
    pub(super) update_is_owed: bool,
    /// How many records in a row came without data.
    pub(super) without_data: u8,
    /// The peer's close_notify came.
    pub(super) ended: bool,
    /// Our close_notify, or our alert, is out.
    pub(super) closed: bool,
    /// HTTP/2 was agreed on over ALPN.
    pub(super) is_http2: bool,
}

/// What handshake messages need that come after the handshake (RFC 8446 §4.6).
pub(super) struct PostHandshake {
    /// What the next keys are made of.
    pub(super) secrets: Secrets,
    pub(super) tickets: ReceivedTickets,
    /// The start of one: of a KeyUpdate, or of a ticket.
    pub(super) message: Vec<u8>,
}

impl Traffic {
    /// Carries on with `keys`, each direction where its numbers stand.
    pub(super) fn new(keys: ExtractedSecrets, secrets: Secrets, tickets: ReceivedTickets) -> Result<Self, Error> {
        Ok(Self {
            left: secrets.key_lifetime().saturating_sub(keys.tx.0),
            opening: OpeningKey::new(keys.rx)?,
            sealing: SealingKey::new(keys.tx)?,
            message_is_cut: false,
            tickets_are_kept: tickets.are_kept(),
            post_handshake: Box::new(PostHandshake { secrets, tickets, message: Vec::new() }),
            update_is_owed: false,
            without_data: 0,
            ended: false,
            closed: false,
            is_http2: false,
        })
    }

    /// HTTP/2 was agreed on over ALPN, if `is_http2`.
    pub(super) fn note_http2(&mut self, is_http2: bool) {
        self.is_http2 = is_http2;
    }

    /// Whether HTTP/2 was agreed on over ALPN.
    pub(super) fn is_http2(&self) -> bool {
        self.is_http2
    }

    /// Takes in the whole records of `buffer`, up to a close_notify; says how many bytes they are. After an error the
    /// alert that goes with it is in `outgoing`.
    pub(super) fn receive(
        &mut self,
        buffer: &mut [u8],
        plaintext: &mut impl FnMut(&[u8]),
        outgoing: &mut RecordBuffer,
    ) -> Result<usize, Error> {
        self.take_in(buffer, plaintext).inspect_err(|error| self.refuse(error, outgoing))
    }

    /// Encrypts `plaintext` into `outgoing`.
    pub(super) fn send(&mut self, plaintext: &[u8], outgoing: &mut RecordBuffer) -> Result<(), Error> {
        if self.closed {
            return Err(Error::General("sent after close_notify".to_owned()));
        }
        for piece in plaintext.chunks(RECORD_PAYLOAD) {
            if self.update_is_owed || self.left == 0 {
                self.change_key(outgoing)?;
            }
            self.sealing.seal(ContentType::ApplicationData, piece, outgoing)?;
            self.left -= 1;
        }
        Ok(())
    }

    /// Puts a close_notify into `outgoing`, the first time.
    pub(super) fn close(&mut self, outgoing: &mut RecordBuffer) -> Result<(), Error> {
        self.alert(WARNING, AlertDescription::CloseNotify, outgoing)
    }

    /// Whether the peer has said that it sends no more.
    pub(super) fn has_ended(&self) -> bool {
        self.ended
    }

    /// Panics unless every invariant holds; `unread` is what it is not done with.
    pub(super) fn check_invariants(&self, unread: &[u8]) {
        if let Some(flaw) = self.flaw(unread) {
            panic!("{flaw}: {:?}", self.post_handshake.message);
        }
        assert_eq!(self.tickets_are_kept, self.post_handshake.tickets.are_kept(), "whether tickets are kept");
    }

    /// The first invariant that does not hold; `unread` is what it is not done with.
    pub(super) fn flaw(&self, unread: &[u8]) -> Option<&'static str> {
        let header = RecordHeader::parse(unread);
        let PostHandshake { tickets, message, .. } = &*self.post_handshake;
        let is_ticket = tickets.are_allowed() && message.first() == Some(&NEW_SESSION_TICKET);
        let length = message.first_chunk().map(message_length);
        [
            (header.is_some_and(|it| unread.len() >= HEADER + it.length), "a whole record was left undecrypted"),
            (!is_ticket && !KEY_UPDATE.starts_with(message), "what is kept is the start of no message"),
            (length.is_some_and(|it| it > MAX_MESSAGE || message.len() >= MESSAGE_HEADER + it), "a message has no end"),
            (self.message_is_cut == message.is_empty(), "whether a message is cut is not known"),
            (self.without_data > MAX_WITHOUT_DATA, "too many records in a row came without data"),
        ]
        .into_iter()
        .find_map(|(is_broken, flaw)| is_broken.then_some(flaw))
    }

    /// Has the key make no more records of data.
    #[cfg(test)]
    pub(super) fn exhaust_key(&mut self) {
        self.left = 0;
    }

    /// Whether more than keys is kept, for the sake of tickets.
    #[cfg(test)]
    pub(super) fn keeps_tickets(&self) -> bool {
        self.tickets_are_kept
    }

    fn take_in(&mut self, buffer: &mut [u8], plaintext: &mut impl FnMut(&[u8])) -> Result<usize, Error> {
        let mut consumed = 0;
        loop {
            let rest = buffer.get_mut(consumed..).ok_or_else(|| broken("no more is taken than there is"))?;
            let Some(record) = next_record(rest)? else { break };
            consumed += record.len();
            let message = self.opening.open(record)?;
            if self.message_is_cut && message.typ != ContentType::Handshake {
                return Err(PeerMisbehaved::MessageInterleavedWithHandshakeMessage.into());
            }
            match message.typ {
                ContentType::ApplicationData if message.payload.is_empty() => {
                    self.count_without_data(PeerMisbehaved::TooManyEmptyFragments)?;
                }
                ContentType::ApplicationData => {
                    self.without_data = 0;
                    self.skip_tickets();
                    plaintext(message.payload);
                }
                ContentType::Handshake => self.handle_handshake(message.payload)?,
                ContentType::Alert => self.handle_alert(message.payload)?,
                typ => return Err(inappropriate(typ)),
            }
            if self.ended {
                break;
            }
        }
        Ok(consumed)
    }

    fn handle_alert(&mut self, payload: &[u8]) -> Result<(), Error> {
        // What its level says does not matter any more (RFC 8446 §6).
        let description = match *payload {
            [_level, description] => AlertDescription::from(description),
            [] => return Err(InvalidMessage::InvalidEmptyPayload.into()),
            [_] => return Err(InvalidMessage::MissingData("Alert").into()),
            [..] => return Err(InvalidMessage::TrailingData("Alert").into()),
        };
        match description {
            AlertDescription::CloseNotify => {
                self.ended = true;
                Ok(())
            }
            // A close_notify should follow (RFC 8446 §6.1).
            AlertDescription::UserCanceled => self.count_without_data(PeerMisbehaved::TooManyWarningAlertsReceived),
            description => Err(Error::AlertReceived(description)),
        }
    }

    /// Takes in a record's part of a handshake message; behind a ticket another one may begin.
    fn handle_handshake(&mut self, payload: &[u8]) -> Result<(), Error> {
        if payload.is_empty() {
            return Err(InvalidMessage::InvalidEmptyPayload.into());
        }
        let mut rest = payload;
        while let Some(&next) = rest.first() {
            let typ = *self.post_handshake.message.first().unwrap_or(&next);
            if typ == NEW_SESSION_TICKET && self.post_handshake.tickets.are_allowed() {
                rest = self.take_ticket(rest)?;
            } else {
                self.take_key_update(rest)?;
                rest = &[];
            }
        }
        self.message_is_cut = !self.post_handshake.message.is_empty();
        Ok(())
    }

    /// Takes in a part of a ticket (RFC 8446 §4.6.1); what follows that is returned.
    fn take_ticket<'a>(&mut self, payload: &'a [u8]) -> Result<&'a [u8], Error> {
        let (header, rest) =
            payload.split_at(payload.len().min(MESSAGE_HEADER.saturating_sub(self.post_handshake.message.len())));
        self.post_handshake.message.extend_from_slice(header);
        let Some(length) = self.post_handshake.message.first_chunk().map(message_length) else { return Ok(rest) };
        if length > MAX_MESSAGE {
            return Err(InvalidMessage::HandshakePayloadTooLarge.into());
        }
        let missing = (MESSAGE_HEADER + length).saturating_sub(self.post_handshake.message.len());
        let (piece, behind) = rest.split_at(rest.len().min(missing));
        self.post_handshake.message.extend_from_slice(piece);
        if piece.len() == missing {
            let message = mem::take(&mut self.post_handshake.message);
            let tickets = &mut self.post_handshake.tickets;
            tickets.take(within(&message, MESSAGE_HEADER..))?;
            self.tickets_are_kept = tickets.are_kept();
        }
        Ok(behind)
    }

    /// Servers send their tickets in front of their data.
    fn skip_tickets(&mut self) {
        if self.tickets_are_kept {
            self.tickets_are_kept = false;
            self.post_handshake.tickets.skip();
        }
    }

    /// Takes in a record's part of what can only be a KeyUpdate.
    fn take_key_update(&mut self, payload: &[u8]) -> Result<(), Error> {
        let missing = KEY_UPDATE.len() + 1 - self.post_handshake.message.len();
        let (piece, behind) = payload.split_at(payload.len().min(missing));
        self.post_handshake.message.extend_from_slice(piece);
        match *self.post_handshake.message {
            [24, 0, 0, 1, request] if behind.is_empty() => {
                self.post_handshake.message = Vec::new();
                self.handle_key_update(request)
            }
            // What follows it would be under the next key (RFC 8446 §5.1).
            [24, 0, 0, 1, _] => Err(PeerMisbehaved::KeyEpochWithPendingFragment.into()),
            _ if KEY_UPDATE.starts_with(&self.post_handshake.message) => Ok(()),
            [24, ..] => Err(InvalidMessage::TrailingData("KeyUpdate").into()),
            [typ, ..] => Err(Error::InappropriateHandshakeMessage {
                expect_types: vec![HandshakeType::KeyUpdate],
                got_type: HandshakeType::from(typ),
            }),
            [] => Ok(()),
        }
    }

    fn handle_key_update(&mut self, request: u8) -> Result<(), Error> {
        self.count_without_data(PeerMisbehaved::TooManyKeyUpdateRequests)?;
        self.update_is_owed |= match request {
            UPDATE_NOT_REQUESTED => false,
            UPDATE_REQUESTED => true,
            _ => return Err(InvalidMessage::InvalidKeyUpdate.into()),
        };
        self.opening = OpeningKey::new(self.post_handshake.secrets.next_opening()?)?;
        Ok(())
    }

    /// Lets a record pass that brings no data, unless there were too many of its kind.
    fn count_without_data(&mut self, misbehaviour: PeerMisbehaved) -> Result<(), Error> {
        self.without_data += 1;
        if self.without_data > MAX_WITHOUT_DATA { Err(misbehaviour.into()) } else { Ok(()) }
    }

    fn change_key(&mut self, outgoing: &mut RecordBuffer) -> Result<(), Error> {
        let [typ, high, middle, low] = KEY_UPDATE;
        let message = [typ, high, middle, low, UPDATE_NOT_REQUESTED];
        self.sealing.seal(ContentType::Handshake, &message, outgoing)?;
        self.sealing = SealingKey::new(self.post_handshake.secrets.next_sealing()?)?;
        self.left = self.post_handshake.secrets.key_lifetime();
        self.update_is_owed = false;
        Ok(())
    }

    /// Tells the peer what it has done, unless it was the first to speak.
    fn refuse(&mut self, error: &Error, outgoing: &mut RecordBuffer) {
        let description = match error {
            Error::AlertReceived(_) => return,
            Error::DecryptError => AlertDescription::BadRecordMac,
            Error::PeerSentOversizedRecord => AlertDescription::RecordOverflow,
            Error::InvalidMessage(InvalidMessage::InvalidKeyUpdate) => AlertDescription::IllegalParameter,
            Error::InvalidMessage(InvalidMessage::InvalidEmptyPayload) => AlertDescription::UnexpectedMessage,
            Error::InvalidMessage(_) => AlertDescription::DecodeError,
            Error::PeerMisbehaved(_)
            | Error::InappropriateMessage { .. }
            | Error::InappropriateHandshakeMessage { .. } => AlertDescription::UnexpectedMessage,
            _ => AlertDescription::InternalError,
        };
        // The connection ends with or without it.
        let _ = self.alert(FATAL, description, outgoing);
    }

    /// Seals an alert, which ends what we send, unless one was sealed before.
    fn alert(&mut self, level: u8, description: AlertDescription, outgoing: &mut RecordBuffer) -> Result<(), Error> {
        if self.closed {
            return Ok(());
        }
        self.closed = true;
        self.sealing.seal(ContentType::Alert, &[level, description.into()], outgoing)
    }
}

/// How long a handshake message is, by its header (RFC 8446 §4), without that.
fn message_length(&[_, high, middle, low]: &[u8; MESSAGE_HEADER]) -> usize {
    usize::from(high) << 16 | usize::from(middle) << 8 | usize::from(low)
}

/// The record at the start of `buffer`, if all of it is there. Its header alone may be reason enough to refuse it.
fn next_record(buffer: &mut [u8]) -> Result<Option<&mut [u8]>, Error> {
    let Some(header) = RecordHeader::parse(buffer) else { return Ok(None) };
    if header.typ != ContentType::ApplicationData {
        return Err(inappropriate(header.typ));
    }
    if header.length > RECORD_PAYLOAD + MAX_EXPANSION {
        return Err(Error::PeerSentOversizedRecord);
    }
    Ok(buffer.get_mut(..HEADER + header.length))
}

fn inappropriate(got_type: ContentType) -> Error {
    let expect_types = vec![ContentType::ApplicationData, ContentType::Handshake, ContentType::Alert];
    Error::InappropriateMessage { expect_types, got_type }
}
