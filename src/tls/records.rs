//! The record machine of one connection: ciphertext in, plaintext out, and back.
//!
//! It sees no socket. What it is given to read it decrypts in place, in a buffer that is its caller's, and what it has to
//! send goes into another; of its own it keeps only what cannot be consumed yet.
//!
//! Invariants: `unread` is byte for byte as [`Driver`] or [`Traffic`] left it; no whole record of application data is in
//! it, so that sending never meets plaintext. `unread.len() <= MAX_UNREAD`. [`check_invariants`](Records::check_invariants)
//! says the same in code; in a debug build every step ends with it.

use std::fmt;
use std::mem;
use std::sync::Arc;

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, Error, InvalidMessage, ServerConfig};

use super::driver::Driver;
use super::frozen_records::{CannotFreeze, FrozenRecords};
use super::invariant::broken;
use super::record::MAX_RECORD;
use super::record_buffer::RecordBuffer;
use super::shown_certificate::ShownCertificate;
use super::traffic::Traffic;

/// How much may wait for the rest of a handshake message; rustls' own bound for a message.
pub const MAX_UNREAD: usize = 64 * 1024;

/// The TLS of one connection, from the first byte of its handshake; either end.
pub struct Records {
    holder: Holder,
    /// The start of a record, or of a handshake message.
    unread: Vec<u8>,
}

/// Who has the connection.
///
/// ```text
///   driven ──► traffic (TLS 1.3, once the handshake is over)
///      └──────────┴──► failed (if there is an alert for it, it is in `outgoing`; nothing more goes in or out)
/// ```
enum Holder {
    /// rustls, through its handshake and under TLS 1.2 for good.
    Driven(Box<Driver>),
    /// We, with the keys that rustls agreed on: an idle connection needs no more than these.
    Traffic(Traffic),
    /// Nobody any more.
    Failed(Box<Error>),
}

impl Records {
    /// The server's end of a connection of which nothing has been read. `config` must let secrets be taken out, and log
    /// them to [`SecretLog`](super::SecretLog); `shown` learns, where there is that, what the client shows in its handshake.
    ///
    /// # Errors
    /// There can be no connection with `config`.
    pub fn server(config: Arc<ServerConfig>, shown: Option<ShownCertificate>) -> Result<Self, Error> {
        Ok(Self { holder: Holder::Driven(Box::new(Driver::server(config, shown)?)), unread: Vec::new() })
    }

    /// The client's end of a connection with a server of this name, over one of these `protocols` (ALPN, RFC 7301), if the server
    /// knows of that; its first flight goes into `outgoing`. `config` must let secrets be taken out, and log them to
    /// [`SecretLog`](super::SecretLog).
    ///
    /// # Errors
    /// There can be no connection with `config`.
    pub fn client(
        config: Arc<ClientConfig>,
        name: ServerName<'static>,
        protocols: Vec<Vec<u8>>,
        outgoing: &mut RecordBuffer,
    ) -> Result<Self, Error> {
        let driver = Driver::client(config, name, protocols, outgoing)?;
        Ok(Self { holder: Holder::Driven(Box::new(driver)), unread: Vec::new() })
    }

    /// It as a plain value, which another process can [carry on](Self::thaw). Only one of the two may: no number of a record is used
    /// twice.
    ///
    /// # Errors
    /// Why it cannot be.
    pub fn freeze(&self) -> Result<FrozenRecords, CannotFreeze> {
        match &self.holder {
            Holder::Traffic(traffic) => traffic.freeze(&self.unread).ok_or(CannotFreeze::Ending),
            Holder::Driven(_) if !self.has_ended() => Err(CannotFreeze::Tls12),
            Holder::Driven(_) | Holder::Failed(_) => Err(CannotFreeze::Ending),
        }
    }

    /// Carries on what was frozen.
    ///
    /// # Errors
    /// It is no such connection, or none under a cipher suite that this program knows.
    pub fn thaw(frozen: &FrozenRecords) -> Result<Self, Error> {
        if frozen.unread.len() > MAX_UNREAD {
            return Err(InvalidMessage::HandshakePayloadTooLarge.into());
        }
        let traffic = Traffic::thaw(frozen)?;
        Ok(Self { holder: Holder::Traffic(traffic), unread: frozen.unread.clone() })
    }

    /// Takes in what was read. `buffer` is room for [`unread`](Self::unread) bytes, and behind it what came from the
    /// peer. Every piece of plaintext goes to `plaintext`; what there is to answer goes into `outgoing`, be it an alert.
    pub fn receive(
        &mut self,
        buffer: &mut [u8],
        plaintext: &mut impl FnMut(&[u8]),
        outgoing: &mut RecordBuffer,
    ) -> Result<(), Error> {
        self.check()?;
        if self.has_ended() {
            return Ok(());
        }
        let received = self.take_in(buffer, plaintext, outgoing).and_then(|rest| self.keep(rest));
        let received = received.map_err(|error| self.fail(error));
        self.debug_check_invariants();
        received
    }

    /// Encrypts `plaintext` into `outgoing`.
    pub fn send(&mut self, plaintext: &[u8], outgoing: &mut RecordBuffer) -> Result<(), Error> {
        let sent = match &mut self.holder {
            Holder::Driven(driver) => driver.send(plaintext, &mut self.unread, outgoing),
            Holder::Traffic(traffic) => traffic.send(plaintext, outgoing),
            Holder::Failed(error) => return Err(Error::clone(error)),
        };
        let sent = sent.map_err(|error| self.fail(error));
        self.debug_check_invariants();
        sent
    }

    /// Puts a close_notify into `outgoing`, the first time; what the peer sends is still taken in.
    pub fn close(&mut self, outgoing: &mut RecordBuffer) -> Result<(), Error> {
        let closed = match &mut self.holder {
            Holder::Driven(driver) => driver.close(&mut self.unread, outgoing),
            Holder::Traffic(traffic) => traffic.close(outgoing),
            // A fatal alert has said it already.
            Holder::Failed(_) => Ok(()),
        };
        let closed = closed.map_err(|error| self.fail(error));
        self.debug_check_invariants();
        closed
    }

    /// How many bytes it keeps; they go in front of what is read next.
    pub fn unread(&self) -> usize {
        self.unread.len()
    }

    /// Whether the handshake goes on.
    pub fn is_handshaking(&self) -> bool {
        matches!(&self.holder, Holder::Driven(driver) if driver.is_handshaking())
    }

    /// Whether the peer has sent anything.
    pub fn has_begun(&self) -> bool {
        match &self.holder {
            Holder::Driven(driver) => !self.unread.is_empty() || driver.has_begun(),
            Holder::Traffic(_) | Holder::Failed(_) => true,
        }
    }

    /// Whether the peer has said that it sends no more.
    pub fn has_ended(&self) -> bool {
        match &self.holder {
            Holder::Driven(driver) => driver.has_ended(),
            Holder::Traffic(traffic) => traffic.has_ended(),
            Holder::Failed(_) => false,
        }
    }

    /// Whether an authority has looked whether a name is ours, and nothing more is to be said (RFC 8737 §3); the handshake is over.
    pub fn is_challenge(&self) -> bool {
        matches!(&self.holder, Holder::Driven(driver) if driver.is_challenge())
    }

    /// The version that was agreed on, as OpenSSL names it; the handshake is over.
    pub fn version(&self) -> &'static str {
        match &self.holder {
            Holder::Traffic(_) => "TLSv1.3",
            Holder::Driven(_) | Holder::Failed(_) => "TLSv1.2",
        }
    }

    /// Whether HTTP/2 was agreed on over ALPN; the handshake is over.
    pub fn is_http2(&self) -> bool {
        match &self.holder {
            Holder::Driven(driver) => driver.is_http2(),
            Holder::Traffic(traffic) => traffic.is_http2(),
            Holder::Failed(_) => false,
        }
    }

    /// Fails with what it has failed with before.
    pub fn check(&self) -> Result<(), Error> {
        match &self.holder {
            Holder::Failed(error) => Err(Error::clone(error)),
            Holder::Driven(_) | Holder::Traffic(_) => Ok(()),
        }
    }

    /// Panics unless every invariant holds.
    pub fn check_invariants(&self) {
        assert!(self.unread.len() <= MAX_UNREAD, "{} bytes are unread", self.unread.len());
        if self.has_ended() {
            assert!(self.unread.is_empty(), "something is unread behind a close_notify");
        }
        match &self.holder {
            Holder::Driven(driver) => driver.check_invariants(&self.unread),
            Holder::Traffic(traffic) => traffic.check_invariants(&self.unread),
            Holder::Failed(_) => assert!(self.unread.is_empty(), "something is unread that nobody reads"),
        }
    }

    fn debug_check_invariants(&self) {
        if cfg!(debug_assertions) {
            self.check_invariants();
        }
    }

    /// Returns what of `buffer` is not done with.
    fn take_in<'a>(
        &mut self,
        buffer: &'a mut [u8],
        plaintext: &mut impl FnMut(&[u8]),
        outgoing: &mut RecordBuffer,
    ) -> Result<&'a [u8], Error> {
        let room = buffer.get_mut(..self.unread.len());
        room.ok_or_else(|| broken("there is room for what is unread"))?.copy_from_slice(&self.unread);
        let mut consumed = 0;
        if let Holder::Driven(driver) = &mut self.holder {
            consumed = driver.receive(buffer, plaintext, outgoing)?;
            if driver.is_relieved() {
                self.relieve_driver()?;
            }
        }
        if let Holder::Traffic(traffic) = &mut self.holder {
            let rest = buffer.get_mut(consumed..).ok_or_else(|| broken("rustls takes no more than it is shown"))?;
            consumed += traffic.receive(rest, plaintext, outgoing)?;
        }
        // After its close_notify what the peer sends does not count (RFC 8446 §6.1).
        if self.has_ended() {
            return Ok(&[]);
        }
        buffer.get(consumed..).ok_or_else(|| broken("no more is taken than there is"))
    }

    /// Takes the keys out of the hands of rustls, and lets go of everything else it holds.
    fn relieve_driver(&mut self) -> Result<(), Error> {
        // If it does not get through, this is what it has failed with.
        let meanwhile = Holder::Failed(Box::new(Error::HandshakeNotComplete));
        if let Holder::Driven(driver) = mem::replace(&mut self.holder, meanwhile) {
            self.holder = Holder::Traffic(driver.into_traffic()?);
        }
        Ok(())
    }

    fn keep(&mut self, rest: &[u8]) -> Result<(), Error> {
        if rest.len() > MAX_UNREAD {
            return Err(InvalidMessage::HandshakePayloadTooLarge.into());
        }
        // What a handshake took may be much more than what the start of a record takes.
        if rest.is_empty() || self.unread.capacity() > MAX_RECORD.max(2 * rest.len()) {
            self.unread = Vec::new();
        }
        self.unread.clear();
        self.unread.extend_from_slice(rest);
        Ok(())
    }

    fn fail(&mut self, error: Error) -> Error {
        self.unread = Vec::new();
        self.holder = Holder::Failed(Box::new(error.clone()));
        error
    }
}

impl fmt::Debug for Records {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let holder = match &self.holder {
            Holder::Driven(_) => "driven".to_owned(),
            Holder::Traffic(_) => "traffic".to_owned(),
            Holder::Failed(error) => format!("failed: {error}"),
        };
        f.debug_struct("Records").field("holder", &holder).field("unread", &self.unread.len()).finish()
    }
}

#[cfg(test)]
mod tests;
