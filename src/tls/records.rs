//! The record machine of one connection: ciphertext in, plaintext out, and back.
//!
//! It sees no socket. What it is given to read it decrypts in place, in a buffer that is its caller's, and what it has to
//! send goes into another; of its own it keeps only what cannot be consumed yet.
//!
//! Invariants: `unread` is what rustls has seen and not done with, byte for byte as rustls left it, since rustls
//! remembers offsets into it while a handshake message is incomplete; no whole record of application data is in it, so
//! that sending never meets plaintext. `unread.len() <= MAX_UNREAD`.

use std::fmt;
use std::sync::Arc;

use rustls::server::UnbufferedServerConnection;
use rustls::unbuffered::{ConnectionState, UnbufferedStatus};
use rustls::{Error, InvalidMessage, ServerConfig};

use super::outgoing::Outgoing;

/// The largest record, header included (RFC 8446 §5.2, and RFC 5246 §6.2.3 which allows more).
pub const MAX_RECORD: usize = 5 + 16384 + 2048;
/// How much may wait for the rest of a handshake message; rustls' own bound for a message.
pub const MAX_UNREAD: usize = 64 * 1024;
/// The plaintext of a full record.
pub const RECORD_PAYLOAD: usize = 16384;
/// What a full record has beside its plaintext, rounded up: 29 bytes with AES-GCM in TLS 1.2, 22 in TLS 1.3.
pub const RECORD_OVERHEAD: usize = 32;

/// The TLS of one connection, from the first byte of its handshake; the server's end.
///
/// ```text
///   handshaking ──► open ──► ended (close_notify came; sending goes on)
///        └────────────┴───────┴──► failed (an alert is in `outgoing`; nothing more goes in or out)
/// ```
pub struct Records {
    connection: UnbufferedServerConnection,
    /// The start of a record, or of a handshake message.
    unread: Vec<u8>,
    /// The peer's close_notify came: what follows it does not count (RFC 8446 §6.1).
    ended: bool,
    /// What ended it.
    failure: Option<Box<Error>>,
}

/// What is done once rustls has no other business.
#[derive(Clone, Copy)]
enum Errand<'a> {
    Nothing,
    Send(&'a [u8]),
    SayGoodbye,
}

impl Records {
    /// A connection of which nothing has been read.
    pub fn new(config: Arc<ServerConfig>) -> Result<Self, Error> {
        let connection = UnbufferedServerConnection::new(config)?;
        Ok(Self { connection, unread: Vec::new(), ended: false, failure: None })
    }

    /// Takes in what was read. `buffer` is room for [`unread`](Self::unread) bytes, and behind it what came from the
    /// peer. Every piece of plaintext goes to `plaintext`; what there is to answer goes into `outgoing`, be it an alert.
    pub fn receive(
        &mut self,
        buffer: &mut [u8],
        plaintext: &mut impl FnMut(&[u8]),
        outgoing: &mut Outgoing,
    ) -> Result<(), Error> {
        self.check()?;
        if self.ended {
            return Ok(());
        }
        if let Some(room) = buffer.get_mut(..self.unread.len()) {
            room.copy_from_slice(&self.unread);
        }
        let consumed = self.drive(buffer, Errand::Nothing, plaintext, outgoing)?;
        self.keep(buffer.get(consumed..).unwrap_or_default())
    }

    /// Encrypts `plaintext` into `outgoing`.
    pub fn send(&mut self, plaintext: &[u8], outgoing: &mut Outgoing) -> Result<(), Error> {
        self.check()?;
        self.run(Errand::Send(plaintext), outgoing)
    }

    /// Puts a close_notify into `outgoing`, the first time; what the peer sends is still taken in.
    pub fn close(&mut self, outgoing: &mut Outgoing) -> Result<(), Error> {
        // A fatal alert has said it already.
        if self.failure.is_some() {
            return Ok(());
        }
        self.run(Errand::SayGoodbye, outgoing)
    }

    /// How many bytes it keeps; they go in front of what is read next.
    pub fn unread(&self) -> usize {
        self.unread.len()
    }

    /// Whether the handshake goes on.
    pub fn is_handshaking(&self) -> bool {
        self.connection.is_handshaking()
    }

    /// Whether the peer has said that it sends no more.
    pub fn has_ended(&self) -> bool {
        self.ended
    }

    /// Fails with what it has failed with before.
    pub fn check(&self) -> Result<(), Error> {
        self.failure.as_deref().cloned().map_or(Ok(()), Err)
    }

    /// Does what is asked for while nothing new has come.
    fn run(&mut self, errand: Errand<'_>, outgoing: &mut Outgoing) -> Result<(), Error> {
        let mut unread = std::mem::take(&mut self.unread);
        let mut misplaced = false;
        let consumed = self.drive(&mut unread, errand, &mut |_| misplaced = true, outgoing)?;
        if misplaced {
            return Err(self.fail(Error::General("a record was left undecrypted".to_owned())));
        }
        if consumed > 0 {
            unread.drain(..consumed.min(unread.len()));
        }
        self.unread = unread;
        Ok(())
    }

    /// Lets rustls do all it can with `incoming`, then the errand. Says how much of `incoming` is done with.
    fn drive(
        &mut self,
        incoming: &mut [u8],
        errand: Errand<'_>,
        plaintext: &mut impl FnMut(&[u8]),
        outgoing: &mut Outgoing,
    ) -> Result<usize, Error> {
        let mut consumed = 0;
        loop {
            let UnbufferedStatus { discard, state } =
                self.connection.process_tls_records(incoming.get_mut(consumed..).unwrap_or_default());
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
                    Errand::SayGoodbye => outgoing.put(|room| traffic.queue_close_notify(room)),
                }
                .map(Some)
                .map_err(|error| general(&error)),
                Ok(ConnectionState::BlockedHandshake) => match errand {
                    Errand::Send(_) => Err(Error::HandshakeNotComplete),
                    Errand::Nothing | Errand::SayGoodbye => Ok(Some(())),
                },
                Ok(ConnectionState::PeerClosed) => {
                    self.ended = true;
                    Ok(None)
                }
                Ok(ConnectionState::Closed) => match errand {
                    Errand::Send(_) => Err(Error::General("sent after close_notify".to_owned())),
                    Errand::Nothing | Errand::SayGoodbye => Ok(Some(())),
                },
                // Early data is not offered, and 0.23 has no other state.
                Ok(ConnectionState::ReadEarlyData(_) | _) => {
                    Err(Error::General("early data was not offered".to_owned()))
                }
                Err(error) => Err(error),
            };
            match done {
                Ok(None) => {}
                Ok(Some(())) if self.ended => return Ok(incoming.len()),
                Ok(Some(())) => return Ok(consumed),
                Err(error) => {
                    self.collect_alerts(incoming.get_mut(consumed..).unwrap_or_default(), outgoing);
                    return Err(self.fail(error));
                }
            }
        }
    }

    /// Takes out what waits to be sent after an error. rustls hands that out before it looks at `incoming` again.
    fn collect_alerts(&mut self, incoming: &mut [u8], outgoing: &mut Outgoing) {
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

    fn keep(&mut self, rest: &[u8]) -> Result<(), Error> {
        if rest.len() > MAX_UNREAD {
            return Err(self.fail(Error::InvalidMessage(InvalidMessage::HandshakePayloadTooLarge)));
        }
        if rest.is_empty() {
            self.unread = Vec::new();
        } else {
            self.unread.clear();
            self.unread.extend_from_slice(rest);
        }
        Ok(())
    }

    fn fail(&mut self, error: Error) -> Error {
        self.unread = Vec::new();
        self.failure = Some(Box::new(error.clone()));
        error
    }
}

impl fmt::Debug for Records {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Records")
            .field("unread", &self.unread.len())
            .field("ended", &self.ended)
            .field("failure", &self.failure)
            .finish_non_exhaustive()
    }
}

fn general(error: &impl ToString) -> Error {
    Error::General(error.to_string())
}

#[cfg(test)]
mod tests;
