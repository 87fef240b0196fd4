//! One client connection: TLS, where its listener has it, and then whoever speaks HTTP over it.

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use rustls::ServerConfig;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, sleep_until, timeout};

use super::context::{Admission, Session, Welcome};
use super::http1;
use super::no_request::{NoRequest, tell_plain_http};
use super::proxy::Proxy;
use crate::http::forward::Scheme;
use crate::net::{Accepted, ClientStream, FinEnds, Guarded, HalfOpen, HandshakeFailed, Socket, TlsStream, Unsent};
use crate::process::Seat;
use crate::snapshot::Listener;
use crate::tls::{Fingerprint, ShownCertificate};

/// Serves a connection to its end.
pub(super) async fn serve(
    (accepted, peer): (Accepted, SocketAddr),
    listener: Arc<Listener>,
    proxy: Arc<Proxy>,
    admission: Admission,
    welcome: Welcome,
) {
    let begun = Instant::now();
    let stream = match accepted.watch() {
        Ok(stream) => stream,
        Err(error) => {
            let (listener, client) = (&listener.settings.name, peer.ip());
            tracing::error!(%listener, %client, %error, "cannot watch a connection: out of memory, or of fs.epoll.max_user_watches");
            return;
        }
    };
    let Some((stream, certificate)) = secured(stream, peer, &listener, &proxy).await else { return };
    speaking(stream, Arrived { peer, certificate, begun, welcome }, listener, proxy, admission).await;
}

/// Tells a client that every place is taken. Its place in the reserve is kept for a while: so telling takes little of what is
/// for those who are served, however often they ask.
pub(super) async fn turn_away(
    connection: (Accepted, SocketAddr),
    listener: Arc<Listener>,
    proxy: Arc<Proxy>,
    seat: Seat,
    reserved: Option<OwnedSemaphorePermit>,
) {
    let until = Instant::now() + TURNED_AWAY_EVERY;
    let told = serve(connection, listener, proxy, Admission::new(seat, None), Welcome::TurnedAway);
    // Whoever asks nothing in that time learns of it by the end of the connection.
    let _ = timeout(TELL_WITHIN, Box::pin(told)).await;
    sleep_until(until).await;
    drop(reserved);
}

/// Who has come, when, and whether there is a place.
struct Arrived {
    peer: SocketAddr,
    certificate: Option<Box<Fingerprint>>,
    begun: Instant,
    welcome: Welcome,
}

/// The session of a connection, to its end. No async function: that would keep room for the stream here, too.
fn speaking(
    stream: ClientStream,
    Arrived { peer, certificate, begun, welcome }: Arrived,
    listener: Arc<Listener>,
    proxy: Arc<Proxy>,
    admission: Admission,
) -> Pin<Box<impl Future<Output = ()>>> {
    let scheme = match &stream {
        ClientStream::Plain(_) => Scheme::Http,
        ClientStream::Tls(_) => Scheme::Https,
    };
    let worker = admission.worker();
    let unsent = Unsent::default();
    let fin_ends = FinEnds::default();
    let stream = HalfOpen::new(stream, fin_ends.clone());
    let stream = Guarded::telling(stream, listener.settings.body_timeout, unsent.clone(), HalfOpen::delivery);
    let session = Arc::new(Session {
        proxy,
        listener,
        peer,
        certificate,
        scheme,
        worker,
        welcome,
        owned: Arc::default(),
        unsent,
        fin_ends,
        is_cut: AtomicBool::new(false),
    });
    Box::pin(http1::speak(stream, session, admission, begun))
}

/// The stream after its TLS handshake, where the listener has TLS, and the certificate that the client has shown.
async fn secured(
    stream: Socket,
    peer: SocketAddr,
    listener: &Listener,
    proxy: &Proxy,
) -> Option<(ClientStream, Option<Box<Fingerprint>>)> {
    let Some(tls) = listener.tls() else { return Some((ClientStream::Plain(stream), None)) };
    // Boxed: a session holds no room for it afterwards.
    Box::pin(shake_hands(stream, Arc::clone(tls), peer, listener, proxy)).await
}

async fn shake_hands(
    stream: Socket,
    tls: Arc<ServerConfig>,
    peer: SocketAddr,
    listener: &Listener,
    proxy: &Proxy,
) -> Option<(ClientStream, Option<Box<Fingerprint>>)> {
    let shown = listener.settings.client_certificates.is_some().then(ShownCertificate::default);
    let shaken = tokio::select! {
        biased;
        shaken = TlsStream::accept_within(stream, tls, shown.clone(), listener.settings.tls_timeout) => shaken,
        () = proxy.closing_for(http1::NEWCOMER) => return None,
    };
    match shaken {
        Ok(stream) => {
            let certificate = shown.and_then(|shown| shown.fingerprint());
            Some((ClientStream::Tls(stream), certificate.map(Box::new)))
        }
        Err(failed) => {
            unsecured(failed, peer, listener, proxy).await;
            None
        }
    }
}

/// What becomes of a connection whose TLS handshake failed.
async fn unsecured(failed: Box<HandshakeFailed>, peer: SocketAddr, listener: &Listener, proxy: &Proxy) {
    let Some(why) = NoRequest::of_tls(&failed) else {
        let name = &listener.settings.name;
        tracing::debug!(listener = %name, client = %peer.ip(), error = %failed.error, "no TLS handshake");
        return;
    };
    why.say((&proxy.metrics, &proxy.sums), listener, peer.ip(), &failed.error);
    if why == NoRequest::PlainHttp {
        tokio::select! {
            () = tell_plain_http(failed, listener) => {}
            () = proxy.closing_for(http1::LAST_LINGER) => {}
        }
    }
}

/// How long somebody for whom there is no place may take to ask: its TLS handshake and the head of its request.
const TELL_WITHIN: Duration = Duration::from_secs(3);

/// For so long nobody else has its place in the reserve: 320 handshakes a second at the most.
const TURNED_AWAY_EVERY: Duration = Duration::from_millis(100);

#[cfg(test)]
mod tests {
    use super::*;

    /// What the future takes that a function returns.
    fn size<A, B, C, D, E, F: Future>(_: impl FnOnce(A, B, C, D, E) -> F) -> usize {
        size_of::<F>()
    }

    #[test]
    fn a_session_is_small_for_its_phases_are_boxed_apart() {
        let size = size(serve);
        assert!(size <= 560, "{size} bytes");
    }
}
