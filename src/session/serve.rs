//! One client connection: TLS, then HTTP/1.1, then perhaps a tunnel.

use std::convert::Infallible;
use std::future::poll_fn;
use std::net::{SocketAddr, TcpStream as StdTcpStream};
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use rustls::ServerConfig;
use tokio::net::TcpStream;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::log;
use super::no_request::{NoRequest, tell_plain_http};
use super::owned::Owned;
use super::proxy::{Phase, Proxy};
use super::request::answer;
use super::rest::HeadTimes;
use super::upgrade::Opened;
use super::wordless::{Wordless, with_words};
use crate::http::forward::Scheme;
use crate::net::{ClientStream, FinEnds, Guarded, HalfOpen, HandshakeFailed, TlsStream, Unsent};
use crate::process::Seat;
use crate::snapshot::Listener;

/// What a session, and the tunnel it may become, holds on to: its place on a worker and its permit.
pub(super) type Place = (Seat, Option<OwnedSemaphorePermit>);

/// Whether a connection has a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Welcome {
    /// It has one.
    Served,
    /// Every place is taken: whatever it asks, it is told that.
    TurnedAway,
}

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
    /// Whether it has a place.
    pub(super) welcome: Welcome,
    /// The connections with endpoints that its client has authenticated.
    pub(super) owned: Owned,
    /// What its stream has not taken yet, and what is said between two answers.
    pub(super) unsent: Unsent,
    /// Whether a FIN is its client's end.
    pub(super) fin_ends: FinEnds,
    /// The last answer is in part missing, and the end of the connection must not look like its end.
    is_cut: AtomicBool,
    /// What the connection becomes once the request at hand has opened a tunnel.
    opened: Mutex<Option<Box<Opened>>>,
}

/// Serves a connection to its end.
pub(super) async fn serve(
    (stream, peer): (StdTcpStream, SocketAddr),
    listener: Arc<Listener>,
    proxy: Arc<Proxy>,
    place: Place,
    welcome: Welcome,
) {
    let begun = Instant::now();
    let stream = match TcpStream::from_std(stream) {
        Ok(stream) => stream,
        Err(error) => {
            let (listener, client) = (&listener.settings.name, peer.ip());
            tracing::error!(%listener, %client, %error, "cannot watch a connection: out of memory, or of fs.epoll.max_user_watches");
            return;
        }
    };
    let Some(stream) = secured(stream, peer, &listener, &proxy).await else { return };
    speaking(stream, Arrived { peer, begun, welcome }, listener, proxy, place).await;
}

/// Tells a client that every place is taken. Its place in the reserve is kept for a while: so telling takes little of what is
/// for those who are served, however often they ask.
pub(super) async fn turn_away(
    connection: (StdTcpStream, SocketAddr),
    listener: Arc<Listener>,
    proxy: Arc<Proxy>,
    seat: Seat,
    reserved: Option<OwnedSemaphorePermit>,
) {
    let until = Instant::now() + TURNED_AWAY_EVERY;
    let told = serve(connection, listener, proxy, (seat, None), Welcome::TurnedAway);
    // Whoever asks nothing in that time learns of it by the end of the connection.
    let _ = timeout(TELL_WITHIN, Box::pin(told)).await;
    sleep_until(until).await;
    drop(reserved);
}

/// Who has come, when, and whether there is a place.
#[derive(Clone, Copy)]
struct Arrived {
    peer: SocketAddr,
    begun: Instant,
    welcome: Welcome,
}

/// The session of a connection, to its end. No async function: that would keep room for the stream here, too.
fn speaking(
    stream: ClientStream,
    Arrived { peer, begun, welcome }: Arrived,
    listener: Arc<Listener>,
    proxy: Arc<Proxy>,
    place: Place,
) -> Pin<Box<impl Future<Output = ()>>> {
    let scheme = match &stream {
        ClientStream::Plain(_) => Scheme::Http,
        ClientStream::Tls(_) => Scheme::Https,
    };
    let worker = place.0.worker();
    let unsent = Unsent::default();
    let fin_ends = FinEnds::default();
    let stream = HalfOpen::new(stream, fin_ends.clone());
    let stream = Guarded::telling(stream, listener.settings.body_timeout, unsent.clone(), HalfOpen::delivery);
    let session = Arc::new(Session {
        proxy,
        listener,
        peer,
        scheme,
        worker,
        welcome,
        owned: Owned::default(),
        unsent,
        fin_ends,
        is_cut: AtomicBool::new(false),
        opened: Mutex::default(),
    });
    Box::pin(speak_http(stream, session, place, begun))
}

/// The stream after its TLS handshake, where the listener has TLS.
async fn secured(stream: TcpStream, peer: SocketAddr, listener: &Listener, proxy: &Proxy) -> Option<ClientStream> {
    let Some(tls) = listener.tls() else { return Some(ClientStream::Plain(stream)) };
    // Boxed: a session holds no room for it afterwards.
    Box::pin(shake_hands(stream, Arc::clone(tls), peer, listener, proxy)).await
}

async fn shake_hands(
    stream: TcpStream,
    tls: Arc<ServerConfig>,
    peer: SocketAddr,
    listener: &Listener,
    proxy: &Proxy,
) -> Option<ClientStream> {
    let shaken = tokio::select! {
        biased;
        shaken = TlsStream::accept_within(stream, tls, listener.settings.tls_timeout) => shaken,
        () = closing(proxy, NEWCOMER) => return None,
    };
    match shaken {
        Ok(stream) => Some(ClientStream::Tls(stream)),
        Err(failed) => {
            unsecured(failed, peer, listener, proxy).await;
            None
        }
    }
}

/// What becomes of a connection whose TLS handshake failed.
async fn unsecured(failed: HandshakeFailed, peer: SocketAddr, listener: &Listener, proxy: &Proxy) {
    let Some(why) = NoRequest::of_tls(&failed) else {
        let name = &listener.settings.name;
        tracing::debug!(listener = %name, client = %peer.ip(), error = %failed.error, "no TLS handshake");
        return;
    };
    why.say(proxy, listener, peer.ip(), &failed.error);
    if why == NoRequest::PlainHttp {
        tokio::select! {
            () = tell_plain_http(failed, listener) => {}
            () = closing(proxy, LAST_LINGER) => {}
        }
    }
}

/// Speaks HTTP/1.1 until the connection ends or becomes a tunnel.
async fn speak_http(stream: Guarded<HalfOpen>, session: Arc<Session>, place: Place, begun: Instant) {
    let settings = Arc::clone(&session.listener.settings);
    let is_asked = AtomicBool::new(false);
    let heard = stream.heard();
    let service = service_fn(|request| {
        is_asked.store(true, Ordering::Relaxed);
        heard.note_understood();
        let session = Arc::clone(&session);
        Box::pin(async move { Ok::<_, Infallible>(answer(session, request).await) })
    });
    let mut connection = http1::Builder::new()
        .timer(HeadTimes::new(settings.head_timeout, settings.rest_timeout, heard.clone(), session.unsent.clone()))
        .header_read_timeout(settings.head_timeout)
        .max_buf_size(MAX_BUFFER)
        // A client may have nothing more to say and wait for its answer; whether it is gone is `HalfOpen`'s to notice.
        .half_close(true)
        .preserve_header_case(true)
        .title_case_headers(true)
        .serve_connection(TokioIo::new(Wordless::new(stream, heard.clone())), service);
    let mut stages = session.proxy.stages();
    let is_closing = AtomicBool::new(false);
    let mut end = pin!(async {
        let _ = stages.wait_for(|stage| stage.phase >= Phase::Closing).await;
        // Whoever has only just come has a moment to ask: the answer is when to come back.
        if !is_asked.load(Ordering::Relaxed) && begun.elapsed() < NEWCOMER {
            Box::pin(sleep_until(begun + NEWCOMER)).await;
        }
        if !is_asked.load(Ordering::Relaxed) {
            // Half a head at the most: hyper would wait for the rest of it.
            return;
        }
        is_closing.store(true, Ordering::Relaxed);
        let _ = stages.wait_for(|stage| stage.phase >= Phase::Cutting).await;
    });
    let (mut told, mut error) = (false, None);
    let ended = poll_fn(|cx| {
        if end.as_mut().poll(cx).is_ready() {
            return Poll::Ready(None);
        }
        if !told && is_closing.load(Ordering::Relaxed) {
            told = true;
            Pin::new(&mut connection).graceful_shutdown();
        }
        // Not `poll_without_shutdown`: with that, hyper is done before everything that it took of an answer is out.
        let ended = Pin::new(&mut connection).poll(cx);
        // The tunnel may take the stream when everything of earlier answers is out; hyper keeps at it until then.
        if !session.unsent.is_some()
            && let Some(opened) = session.take_opened()
        {
            return Poll::Ready(Some(opened));
        }
        ended.map(|ended| {
            error = ended.err();
            None
        })
    });
    let opened = ended.await;
    let parts = connection.into_parts();
    let (stream, answer) = parts.io.into_inner().into_parts();
    let answer = answer.unwrap_or_default();
    let last = match error {
        Some(error) => broken(&session, &error, &parts.read_buf, &answer),
        None => answer.into(),
    };
    match opened {
        Some(opened) => opened.join(stream.into_inner().into_inner(), parts.read_buf, place),
        None if session.is_cut() => tokio::select! {
            biased;
            () = stream.into_inner().reset(|| session.patience()) => {}
            () = cutting(&session.proxy) => {}
        },
        // Nobody has a moment for good-byes.
        None if session.proxy.phase() >= Phase::Cutting => {}
        None => tokio::select! {
            () = stream.end_with(last.as_bytes()) => {}
            () = closing(&session.proxy, LAST_LINGER) => {}
        },
    }
}

/// A connection that hyper gave up. Gives what is still to be written: the answer, if there is one, with what can be said.
fn broken(session: &Session, error: &hyper::Error, unread: &[u8], answer: &str) -> String {
    let Some(why) = NoRequest::of_http(error, unread) else {
        log::broken(session, error);
        return answer.to_owned();
    };
    why.say(&session.proxy, &session.listener, session.peer.ip(), error);
    with_words(answer, &why.words(error))
}

/// Waits until so long after the process began to close what is left.
async fn closing(proxy: &Proxy, after: Duration) {
    // The sender lives as long as the proxy.
    let _ = proxy.stages().wait_for(|stage| stage.phase >= Phase::Closing).await;
    Box::pin(sleep(after)).await;
}

/// Waits until the process cuts what is left.
async fn cutting(proxy: &Proxy) {
    let _ = proxy.stages().wait_for(|stage| stage.phase >= Phase::Cutting).await;
}

/// How long who comes just before the process ends has for a first request.
const NEWCOMER: Duration = Duration::from_secs(1);

/// How long, when the process ends, a client may take to close its side: mostly it has done so by then.
const LAST_LINGER: Duration = Duration::from_millis(200);

/// How long, when the process ends, a client may take nothing of an answer that was cut.
const LAST_PATIENCE: Duration = Duration::from_secs(2);

/// How long somebody for whom there is no place may take to ask: its TLS handshake and the head of its request.
const TELL_WITHIN: Duration = Duration::from_secs(3);

/// For so long nobody else has its place in the reserve: 320 handshakes a second at the most.
const TURNED_AWAY_EVERY: Duration = Duration::from_millis(100);

/// The longest request head, and what is read ahead of a body, in bytes.
pub(super) const MAX_BUFFER: usize = 64 * 1024;

impl Session {
    /// The request at hand has opened a tunnel: the connection is taken from HTTP as soon as it may be.
    pub(super) fn open(&self, opened: Box<Opened>) {
        *self.opened.lock().unwrap_or_else(PoisonError::into_inner) = Some(opened);
    }

    /// The answer at hand ends before its time, and its client could take what it has for all of it.
    pub(super) fn note_cut(&self) {
        self.is_cut.store(true, Ordering::Relaxed);
    }

    /// Whether the end of the connection must not look like the end of its last answer: some of that never came, or never
    /// went out.
    fn is_cut(&self) -> bool {
        self.is_cut.load(Ordering::Relaxed) || self.unsent.is_some()
    }

    /// For how long its client may take nothing of the last that was written: no longer, where it has used up its time already.
    fn patience(&self) -> Duration {
        match self.listener.settings.body_timeout {
            _ if self.unsent.has_stalled() => Duration::ZERO,
            time if self.proxy.phase() >= Phase::Closing => time.min(LAST_PATIENCE),
            time => time,
        }
    }

    fn take_opened(&self) -> Option<Box<Opened>> {
        self.opened.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

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
