//! One client connection: TLS, then HTTP/1.1, then perhaps a tunnel.

use std::convert::Infallible;
use std::future::poll_fn;
use std::net::{SocketAddr, TcpStream as StdTcpStream};
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::timeout;

use super::log;
use super::proxy::{Phase, Proxy};
use super::request::answer;
use super::rest::HeadTimes;
use super::upgrade::Opened;
use crate::http::forward::Scheme;
use crate::net::{ClientStream, Guarded, TlsStream};
use crate::process::Seat;
use crate::snapshot::Listener;

/// What a session, and the tunnel it may become, holds on to: its place on a worker and its permit.
pub(super) type Place = (Seat, Option<OwnedSemaphorePermit>);

/// One client connection while it speaks HTTP.
#[derive(Debug)]
pub(super) struct Session {
    /// What every session can reach.
    pub(super) proxy: Arc<Proxy>,
    /// The listener as it was when the connection came.
    pub(super) listener: Arc<Listener>,
    /// The other end of the connection; not always the client.
    pub(super) peer: SocketAddr,
    /// Whether there is TLS on it.
    pub(super) scheme: Scheme,
    /// The worker that drives it.
    pub(super) worker: usize,
    /// What the connection becomes once the request at hand has opened a tunnel.
    opened: Mutex<Option<Box<Opened>>>,
}

/// Serves a connection to its end.
pub(super) async fn serve(
    (stream, peer): (StdTcpStream, SocketAddr),
    listener: Arc<Listener>,
    proxy: Arc<Proxy>,
    place: Place,
) {
    let stream = match TcpStream::from_std(stream) {
        Ok(stream) => stream,
        Err(error) => {
            let (listener, client) = (&listener.settings.name, peer.ip());
            tracing::error!(%listener, %client, %error, "cannot watch a connection: out of memory, or of fs.epoll.max_user_watches");
            return;
        }
    };
    let Some(stream) = secured(stream, peer, &listener).await else { return };
    let scheme = match &stream {
        ClientStream::Plain(_) => Scheme::Http,
        ClientStream::Tls(_) => Scheme::Https,
    };
    let worker = place.0.worker();
    let session = Arc::new(Session { proxy, listener, peer, scheme, worker, opened: Mutex::default() });
    Box::pin(speak_http(stream, session, place)).await;
}

/// The stream after its TLS handshake, where the listener has TLS.
async fn secured(stream: TcpStream, peer: SocketAddr, listener: &Listener) -> Option<ClientStream> {
    let Some(tls) = listener.tls() else { return Some(ClientStream::Plain(stream)) };
    let handshake = TlsStream::accept(stream, Arc::clone(tls));
    let name = &listener.settings.name;
    match timeout(listener.settings.tls_timeout, handshake).await {
        Ok(Ok(stream)) => Some(ClientStream::Tls(stream)),
        Ok(Err(error)) => {
            tracing::debug!(listener = %name, client = %peer.ip(), %error, "TLS handshake failed");
            None
        }
        Err(_) => {
            tracing::debug!(listener = %name, client = %peer.ip(), "TLS handshake took longer than tls_timeout");
            None
        }
    }
}

/// Speaks HTTP/1.1 until the connection ends or becomes a tunnel.
async fn speak_http(stream: ClientStream, session: Arc<Session>, place: Place) {
    let settings = Arc::clone(&session.listener.settings);
    let stream = Guarded::new(stream, settings.body_timeout);
    let unsent = stream.unsent();
    let service = service_fn(|request| {
        let session = Arc::clone(&session);
        Box::pin(async move { Ok::<_, Infallible>(answer(session, request).await) })
    });
    let mut connection = http1::Builder::new()
        .timer(HeadTimes::new(settings.head_timeout, settings.rest_timeout, stream.heard()))
        .header_read_timeout(settings.head_timeout)
        .max_buf_size(MAX_BUFFER)
        .serve_connection(TokioIo::new(stream), service);
    let mut stages = session.proxy.stages();
    let mut closing = pin!(async move { stages.wait_for(|stage| stage.phase == Phase::Closing).await.is_ok() });
    let mut told = false;
    let ended = poll_fn(|cx| {
        if !told && closing.as_mut().poll(cx).is_ready() {
            told = true;
            Pin::new(&mut connection).graceful_shutdown();
        }
        // Not `poll_without_shutdown`: with that, hyper is done before everything that it took of an answer is out.
        let ended = Pin::new(&mut connection).poll(cx);
        // The tunnel may take the stream when everything of earlier answers is out; hyper keeps at it until then.
        if !unsent.is_some()
            && let Some(opened) = session.take_opened()
        {
            return Poll::Ready(Some(opened));
        }
        ended.map(|ended| {
            if let Err(error) = ended {
                log::broken(&session, &error);
            }
            None
        })
    });
    let opened = ended.await;
    let parts = connection.into_parts();
    let stream = parts.io.into_inner();
    match opened {
        Some(opened) => opened.join(stream.into_inner(), parts.read_buf, place),
        None => stream.linger().await,
    }
}

/// The longest request head, and what is read ahead of a body, in bytes.
pub(super) const MAX_BUFFER: usize = 64 * 1024;

impl Session {
    /// The request at hand has opened a tunnel: the connection is taken from HTTP as soon as it may be.
    pub(super) fn open(&self, opened: Box<Opened>) {
        *self.opened.lock().unwrap_or_else(PoisonError::into_inner) = Some(opened);
    }

    fn take_opened(&self) -> Option<Box<Opened>> {
        self.opened.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the future takes that a function returns.
    fn size<A, B, C, D, F: Future>(_: impl FnOnce(A, B, C, D) -> F) -> usize {
        size_of::<F>()
    }

    #[test]
    fn a_session_is_small_for_its_phases_are_boxed_apart() {
        let size = size(serve);
        assert!(size <= 560, "{size} bytes");
    }
}
