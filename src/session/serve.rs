//! One client connection: the PROXY header and TLS, where its listener has them, and then whoever speaks HTTP over it.

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use rustls::ServerConfig;
use rustls::pki_types::CertificateDer;
use tokio::io::AsyncWriteExt;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, sleep_until, timeout};

use super::context::{Admission, Session, Welcome};
use super::no_request::{NoRequest, tell_plain_http};
use super::proxy::Proxy;
use super::told_client::{Told, told_client};
use super::{context, http1, http2};
use crate::config::ClientCertificateSettings;
use crate::http::forward::Scheme;
use crate::metrics::ClientProtocol;
use crate::net::{
    Accepted, FinEnds, Guarded, HalfOpen, HandshakeFailed, ProxiedTls, Socket, Stream, TlsStream, Unsent, canonical,
};
use crate::process::{Seat, unix_seconds};
use crate::snapshot::Listener;
use crate::tls::{ClientCertificate, Life, ShownCertificate};

/// Serves a connection to its end.
pub(super) async fn serve(
    (accepted, peer): (Accepted, SocketAddr),
    listener: Arc<Listener>,
    proxy: Arc<Proxy>,
    admission: Admission,
    welcome: Welcome,
) {
    let begun = Instant::now();
    let mut stream = match accepted.watch() {
        Ok(stream) => stream,
        Err(error) => {
            let (listener, client) = (&listener.settings.name, peer.ip());
            tracing::error!(%listener, %client, %error, "cannot watch a connection: out of memory, or of fs.epoll.max_user_watches");
            return;
        }
    };
    let Some(told) = told_client(&mut stream, peer, &listener, &proxy).await else { return };
    let peer = told.as_ref().map_or(peer, |told| canonical(told.source));
    let Some((stream, shown)) = secured(stream, peer, &listener, &proxy, admission.worker()).await else {
        return;
    };
    let Some(protocol) = protocol(&stream, &listener, &proxy, begun).await else { return };
    speaking(stream, Arrived { peer, told, shown, begun, welcome, protocol }, listener, proxy, admission).await;
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

/// What is kept of what a client has shown in its TLS handshake.
#[derive(Default)]
struct Shown {
    certificate: Option<Box<ClientCertificate>>,
    server_name: Option<Arc<str>>,
    /// How long that took.
    took: Option<Duration>,
}

/// Who has come, when, and whether there is a place.
struct Arrived {
    peer: SocketAddr,
    told: Told,
    shown: Shown,
    begun: Instant,
    welcome: Welcome,
    protocol: ClientProtocol,
}

/// The session of a connection, to its end. No async function: that would keep room for the stream here, too.
fn speaking(
    stream: Stream,
    Arrived { peer, told, shown: Shown { certificate, server_name, took }, begun, welcome, protocol }: Arrived,
    listener: Arc<Listener>,
    proxy: Arc<Proxy>,
    admission: Admission,
) -> Pin<Box<dyn Future<Output = ()> + Send>> {
    proxy.metrics.client_connected(protocol);
    let tls = match &stream {
        // Of the TLS that ends at a load balancer, only that can tell.
        Stream::Plain(_) | Stream::Http2(_) => told.as_ref().and_then(|told| told.tls),
        Stream::Tls(stream) => {
            Some(ProxiedTls { version: Some(stream.version()), has_certificate: certificate.is_some() })
        }
    };
    let is_unnamed = listener.settings.has_proxy_header && told.is_none();
    let scheme = if tls.is_some() { Scheme::Https } else { Scheme::Http };
    let local = told.map(|told| told.destination).or_else(|| stream.local_address());
    let worker = admission.worker();
    let session = Arc::new(Session {
        proxy,
        listener,
        peer,
        local,
        tls,
        certificate,
        server_name,
        scheme,
        is_unnamed,
        accepted: context::Accepted { at: begun, tls: took },
        is_new: AtomicBool::new(true),
        worker,
        welcome,
        owned: Arc::default(),
        unsent: Unsent::default(),
        fin_ends: FinEnds::default(),
        is_cut: AtomicBool::new(false),
    });
    match protocol {
        ClientProtocol::Http1 => {
            let stream = HalfOpen::new(stream, session.fin_ends.clone());
            let (body_timeout, unsent) = (session.listener.settings.body_timeout, session.unsent.clone());
            let stream = Guarded::telling(stream, body_timeout, unsent, HalfOpen::delivery);
            Box::pin(http1::speak(stream, session, admission, begun))
        }
        ClientProtocol::Http2 => Box::pin(http2::speak(stream, session, admission, begun)),
    }
}

/// What is spoken over `stream`: what was agreed on over TLS, or what the client begins with, where that is for it to choose.
async fn protocol(stream: &Stream, listener: &Listener, proxy: &Proxy, begun: Instant) -> Option<ClientProtocol> {
    let settings = &listener.settings;
    let is_http2 = match stream {
        // Boxed: a session holds no room for it afterwards.
        Stream::Plain(socket) if settings.http2.takes_prior_knowledge => {
            Box::pin(begins_with_http2(socket, proxy, begun + settings.head_timeout)).await?
        }
        stream => stream.is_http2(),
    };
    Some(if is_http2 { ClientProtocol::Http2 } else { ClientProtocol::Http1 })
}

async fn begins_with_http2(socket: &Socket, proxy: &Proxy, until: Instant) -> Option<bool> {
    tokio::select! {
        biased;
        looked = http2::begins_with_http2(socket, until) => Some(looked),
        () = proxy.closing_for(http1::NEWCOMER) => None,
    }
}

/// The stream after its TLS handshake, where the listener has TLS, and what the client has shown there.
async fn secured(
    stream: Socket,
    peer: SocketAddr,
    listener: &Listener,
    proxy: &Proxy,
    worker: usize,
) -> Option<(Stream, Shown)> {
    let Some(tls) = listener.tls() else { return Some((Stream::Plain(stream), Shown::default())) };
    // Boxed: a session holds no room for it afterwards.
    Box::pin(shake_hands((stream, Arc::clone(tls)), peer, listener, proxy, worker)).await
}

async fn shake_hands(
    (stream, tls): (Socket, Arc<ServerConfig>),
    peer: SocketAddr,
    listener: &Listener,
    proxy: &Proxy,
    worker: usize,
) -> Option<(Stream, Shown)> {
    let asked = listener.settings.client_certificates.as_ref();
    let shown = ShownCertificate::default();
    let turns = proxy.handshake_turns(worker);
    let begun = Instant::now();
    let shaken = tokio::select! {
        biased;
        shaken = TlsStream::accept_within(stream, tls, Some(shown.clone()), &turns, listener.settings.tls_timeout) => shaken,
        () = proxy.closing_for(http1::NEWCOMER) => return None,
    };
    match shaken {
        Ok(stream) if stream.is_challenge() => {
            end_challenge(stream, peer, listener).await;
            None
        }
        Ok(_) if asked.and(shown.certificate()).is_some_and(|shown| has_ended(shown)) => {
            // A session that resumes brings its certificate along, and nobody has looked at that since.
            let error = rustls::Error::InvalidCertificate(rustls::CertificateError::Expired);
            NoRequest::ClientCertificate.say((&proxy.metrics, &proxy.sums), listener, peer.ip(), &error);
            None
        }
        Ok(stream) => {
            let certificate = asked.zip(shown.certificate()).map(|(asked, shown)| Box::new(kept_of(shown, asked)));
            let (server_name, took) = (shown.server_name().cloned(), Some(begun.elapsed()));
            Some((Stream::Tls(stream), Shown { certificate, server_name, took }))
        }
        Err(failed) => {
            unsecured(failed, peer, listener, proxy).await;
            None
        }
    }
}

/// Whether the time of a client's certificate is over.
fn has_ended(shown: &CertificateDer<'_>) -> bool {
    Life::of(shown).is_some_and(|life| life.ends.as_secs() < unix_seconds())
}

/// What is kept of a client's certificate: what endpoints are told of it too, if they are.
fn kept_of(shown: &CertificateDer<'_>, asked: &ClientCertificateSettings) -> ClientCertificate {
    if asked.tells_endpoints { ClientCertificate::described(shown) } else { ClientCertificate::fingerprinted(shown) }
}

/// What becomes of a connection by which an authority has looked whether a name is ours: it has seen what it came for.
async fn end_challenge(mut stream: Box<TlsStream>, peer: SocketAddr, listener: &Listener) {
    tracing::debug!(listener = %listener.settings.name, client = %peer.ip(), "a directory has looked whether a name is ours");
    let _ = timeout(listener.settings.tls_timeout, stream.shutdown()).await;
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
    fn a_certificate_ends_for_those_who_resume_too() {
        let ending = |year: i32| {
            let mut certificate = rcgen::CertificateParams::default();
            certificate.not_after = rcgen::date_time_ymd(year, 1, 1);
            certificate.self_signed(&rcgen::KeyPair::generate().unwrap()).unwrap()
        };
        assert!(has_ended(ending(2024).der()));
        assert!(!has_ended(ending(2124).der()));
    }

    #[test]
    fn a_session_is_small_for_its_phases_are_boxed_apart() {
        let size = size(serve);
        assert!(size <= 560, "{size} bytes");
    }
}
