//! A stream with an endpoint, as its upstream wants it: a connection, a PROXY header first of all, and TLS over that.

use std::sync::Arc;
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::time::{Instant, timeout_at};

use crate::config::{EndpointAddress, EndpointProtocol};
use crate::net::{self, ConnectOptions, DialError, Network, Socket, Stream, TlsFailure, TlsStream};
use crate::snapshot::{Endpoint, Upstream};
use crate::tls::{EndpointTls, TlsSessions};

/// What is said on a stream before anything else.
#[derive(Debug)]
pub struct FirstWords {
    /// The PROXY header.
    pub header: Option<Vec<u8>>,
    /// What is offered over ALPN, where there is TLS.
    pub protocol: EndpointProtocol,
}

/// Opens a stream with what is at `address`, where `endpoint` of `upstream` is, or is probed, and says `first` before anything
/// else is said; all of that within `limit`.
///
/// # Errors
/// Why there is none.
pub async fn open(
    (endpoint, address): (&Endpoint, &EndpointAddress),
    upstream: &Upstream,
    network: &Network,
    FirstWords { header, protocol }: FirstWords,
    limit: Duration,
) -> Result<Stream, DialError> {
    let (deadline, settings) = (Instant::now() + limit, &upstream.settings);
    let options = ConnectOptions::of(settings, endpoint.take_turn(settings.source_addresses.len()));
    let mut socket = net::dial(network, address, &options, limit).await?;
    if let Some(header) = header {
        // In one piece: who reads it may not wait for a second.
        let said = timeout_at(deadline, socket.write_all(&header)).await;
        said.map_err(|_| DialError::TimedOut)??;
    }
    let Some(tls) = upstream.tls() else { return Ok(Stream::Plain(socket)) };
    // Another port, where it is probed, has sessions of its own.
    let sessions = (*address == endpoint.address).then_some(&endpoint.tls_sessions);
    // Boxed: those without TLS have no room for it.
    let secured = timeout_at(deadline, Box::pin(secure(socket, address, (tls, sessions), protocol)));
    let stream = secured.await.unwrap_or(Err(TlsFailure::TimedOut));
    stream.map(Stream::Tls).map_err(|failure| DialError::Tls(Box::new(failure)))
}

async fn secure(
    socket: Socket,
    address: &EndpointAddress,
    (tls, sessions): (&Arc<EndpointTls>, Option<&TlsSessions>),
    protocol: EndpointProtocol,
) -> Result<Box<TlsStream>, TlsFailure> {
    let name = tls.name_of(address).ok_or(TlsFailure::NoName)?;
    Ok(TlsStream::connect(socket, tls.config(sessions), name, vec![alpn(protocol).to_vec()]).await?)
}

/// What is spoken over TLS (RFC 7301 §6).
fn alpn(protocol: EndpointProtocol) -> &'static [u8] {
    match protocol {
        EndpointProtocol::Http1 => b"http/1.1",
        EndpointProtocol::Http2 => b"h2",
    }
}
