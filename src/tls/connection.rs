//! rustls' connection, whichever of its ends is ours.

use std::sync::Arc;

use rustls::client::UnbufferedClientConnection;
use rustls::pki_types::ServerName;
use rustls::server::UnbufferedServerConnection;
use rustls::unbuffered::{ConnectionState, UnbufferedConnectionCommon, UnbufferedStatus};
use rustls::{ClientConfig, CommonState, Error, OtherError, ServerConfig, Side};

use super::invariant::broken;
use super::received_tickets::ReceivedTickets;
use super::record_buffer::RecordBuffer;
use super::refused_name::RefusedName;
use super::secret_log::LoggedSecrets;
use super::secrets::Secrets;
use super::traffic::Traffic;
use crate::ranges::within_mut;

/// A connection in the hands of rustls.
pub(super) struct Connection {
    end: End,
    /// The peer's close_notify came.
    has_ended: bool,
}

enum End {
    Server(UnbufferedServerConnection),
    Client(UnbufferedClientConnection),
}

/// What is done once rustls has no other business.
#[derive(Clone, Copy)]
pub(super) enum Errand<'a> {
    Nothing,
    Send(&'a [u8]),
    CloseNotify,
}

impl Connection {
    /// The server's end.
    pub(super) fn server(config: Arc<ServerConfig>) -> Result<Self, Error> {
        Ok(Self { end: End::Server(UnbufferedServerConnection::new(config)?), has_ended: false })
    }

    /// The client's end, which asks for `name`, and for one of these protocols.
    pub(super) fn client(
        config: Arc<ClientConfig>,
        name: ServerName<'static>,
        protocols: Vec<Vec<u8>>,
    ) -> Result<Self, Error> {
        let connection = UnbufferedClientConnection::new_with_alpn(config, name, protocols)?;
        Ok(Self { end: End::Client(connection), has_ended: false })
    }

    /// Lets rustls do all it can with `incoming`, then the errand. Says how much of `incoming` is done with.
    pub(super) fn drive(
        &mut self,
        incoming: &mut [u8],
        errand: Errand<'_>,
        plaintext: &mut impl FnMut(&[u8]),
        outgoing: &mut RecordBuffer,
    ) -> Result<usize, Error> {
        let Self { end, has_ended } = self;
        match end {
            End::Server(connection) => drive(connection, has_ended, incoming, errand, plaintext, outgoing),
            End::Client(connection) => drive(connection, has_ended, incoming, errand, plaintext, outgoing),
        }
    }

    /// Carries the connection on without rustls, which has said these `secrets` of it; its handshake, of TLS 1.3, is over.
    pub(super) fn into_traffic(self, secrets: LoggedSecrets) -> Result<Traffic, Error> {
        let suite = self.state().negotiated_cipher_suite().and_then(|suite| suite.tls13());
        let suite = suite.ok_or_else(|| broken("a handshake of TLS 1.3 is over"))?;
        let Some(secrets) = secrets.into_both() else {
            return Err(Error::General("the configuration does not hand out its secrets".to_owned()));
        };
        match self.end {
            End::Server(connection) => {
                let (keys, _) = connection.dangerous_into_kernel_connection()?;
                Traffic::new(keys, Secrets::new(suite, secrets, Side::Server), ReceivedTickets::Refused)
            }
            End::Client(connection) => {
                let (keys, rest) = connection.dangerous_into_kernel_connection()?;
                Traffic::new(keys, Secrets::new(suite, secrets, Side::Client), ReceivedTickets::kept_by(rest))
            }
        }
    }

    /// What has been agreed on.
    pub(super) fn state(&self) -> &CommonState {
        match &self.end {
            End::Server(connection) => connection,
            End::Client(connection) => connection,
        }
    }

    /// Whether the peer has said that it sends no more.
    pub(super) fn has_ended(&self) -> bool {
        self.has_ended
    }
}

/// The one thing of rustls' two ends that has no name in common.
trait Process {
    type Data;

    fn process<'c, 'i>(&'c mut self, incoming: &'i mut [u8]) -> UnbufferedStatus<'c, 'i, Self::Data>;

    fn common(&self) -> &UnbufferedConnectionCommon<Self::Data>;
}

impl Process for UnbufferedServerConnection {
    type Data = rustls::server::ServerConnectionData;

    fn process<'c, 'i>(&'c mut self, incoming: &'i mut [u8]) -> UnbufferedStatus<'c, 'i, Self::Data> {
        self.process_tls_records(incoming)
    }

    fn common(&self) -> &UnbufferedConnectionCommon<Self::Data> {
        self
    }
}

impl Process for UnbufferedClientConnection {
    type Data = rustls::client::ClientConnectionData;

    fn process<'c, 'i>(&'c mut self, incoming: &'i mut [u8]) -> UnbufferedStatus<'c, 'i, Self::Data> {
        self.process_tls_records(incoming)
    }

    fn common(&self) -> &UnbufferedConnectionCommon<Self::Data> {
        self
    }
}

fn drive(
    connection: &mut impl Process,
    has_ended: &mut bool,
    incoming: &mut [u8],
    errand: Errand<'_>,
    plaintext: &mut impl FnMut(&[u8]),
    outgoing: &mut RecordBuffer,
) -> Result<usize, Error> {
    let mut consumed = 0;
    loop {
        let rest = incoming.get_mut(consumed..).ok_or_else(|| broken("rustls takes no more than it is shown"))?;
        let UnbufferedStatus { discard, state } = connection.process(rest);
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
                *has_ended = true;
                Ok(None)
            }
            Ok(ConnectionState::Closed) => match errand {
                Errand::Send(_) => Err(Error::General("sent after close_notify".to_owned())),
                Errand::Nothing | Errand::CloseNotify => Ok(Some(())),
            },
            // Early data is not offered, and 0.23 has no other state.
            Ok(ConnectionState::ReadEarlyData(_) | _) => Err(Error::General("early data was not offered".to_owned())),
            Err(error) => Err(error),
        };
        match done {
            Ok(None) => {}
            Ok(Some(())) => return Ok(consumed),
            Err(error) => match RefusedName::take() {
                Some(refused) => return Err(refuse(refused, outgoing)),
                None => {
                    collect_alerts(connection, within_mut(incoming, consumed..), outgoing);
                    return Err(error);
                }
            },
        }
    }
}

/// Says why there is no certificate for the client, in place of what rustls would say.
fn refuse(refused: RefusedName, outgoing: &mut RecordBuffer) -> Error {
    let alert = refused.alert();
    let put = outgoing.fill(alert.len(), |room| {
        room.copy_from_slice(&alert);
        Ok(())
    });
    put.err().unwrap_or_else(|| Error::Other(OtherError(Arc::new(refused))))
}

/// Takes out what waits to be sent after an error. rustls hands that out before it looks at `incoming` again.
fn collect_alerts(connection: &mut impl Process, incoming: &mut [u8], outgoing: &mut RecordBuffer) {
    while connection.common().wants_write() {
        let Ok(ConnectionState::EncodeTlsData(mut data)) = connection.process(incoming).state else { return };
        if outgoing.put(|room| data.encode(room)).is_err() {
            return;
        }
    }
}

fn general(error: &impl ToString) -> Error {
    Error::General(error.to_string())
}
