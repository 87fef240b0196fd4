//! The driver of a connection that speaks HTTP/1.1: hyper under the deadlines of its listener, and the stream taken from it.

use std::convert::Infallible;
use std::future::{pending, poll_fn};
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::Duration;

use http::header::{CONNECTION, HeaderValue};
use http::{HeaderMap, Request, Response, StatusCode};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::time::{Instant, sleep_until};

use super::body::AnswerBody;
use super::context::{Place, Session};
use super::limits::MAX_BUFFER;
use super::log;
use super::no_request::NoRequest;
use super::proxy::Phase;
use super::request::answer;
use super::rest::HeadTimes;
use super::served::{Opened, Served};
use super::wordless::{Wordless, with_words};
use crate::http::head::write_response_head;
use crate::net::{Guarded, HalfOpen, ReadActivity};

/// What a driver and the requests of its connection share.
struct Shared {
    session: Arc<Session>,
    /// What was heard of the client.
    heard: ReadActivity,
    /// A first request has come.
    is_asked: AtomicBool,
    /// What the connection becomes, once a request has opened a tunnel.
    opened: Mutex<Option<Box<Opened>>>,
}

/// Speaks HTTP/1.1 until the connection ends or becomes a tunnel.
pub(super) async fn speak(stream: Guarded<HalfOpen>, session: Arc<Session>, place: Place, begun: Instant) {
    let settings = Arc::clone(&session.listener.settings);
    let shared =
        &Shared { heard: stream.read_activity(), is_asked: AtomicBool::new(false), opened: Mutex::default(), session };
    let Shared { session, heard, .. } = shared;
    let service = service_fn(move |request| {
        shared.is_asked.store(true, Ordering::Relaxed);
        shared.heard.note_understood();
        Box::pin(answered(&shared.session, request, Takeover { opened: &shared.opened }))
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
        if !shared.is_asked.load(Ordering::Relaxed) && begun.elapsed() < NEWCOMER {
            Box::pin(sleep_until(begun + NEWCOMER)).await;
        }
        if !shared.is_asked.load(Ordering::Relaxed) {
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
        if !shared.session.unsent.is_some()
            && let Some(opened) = locked(&shared.opened).take()
        {
            return Poll::Ready(Some(opened));
        }
        ended.map(|ended| {
            error = ended.err();
            None
        })
    });
    let taken_over = ended.await;
    let parts = connection.into_parts();
    let (stream, answer) = parts.io.into_inner().into_parts();
    let answer = answer.unwrap_or_default();
    let last = match error {
        Some(error) => broken(session, &error, &parts.read_buf, &answer),
        None => answer.into(),
    };
    match taken_over {
        Some(opened) => {
            let answer = switched(&opened.headers);
            opened.join(stream.into_inner().into_inner(), answer, parts.read_buf.to_vec(), place);
        }
        None if session.is_cut() => tokio::select! {
            biased;
            () = stream.into_inner().reset(|| session.patience()) => {}
            () = session.proxy.reached(Phase::Cutting) => {}
        },
        // Nobody has a moment for good-byes.
        None if session.proxy.phase() >= Phase::Cutting => {}
        None => tokio::select! {
            () = stream.end_with(last.as_bytes()) => {}
            () = session.proxy.closing_for(LAST_LINGER) => {}
        },
    }
}

/// The answer to a request; `Connection: close` stands in the last one. Does not end for a request that has opened a tunnel.
async fn answered(
    session: &Arc<Session>,
    request: Request<Incoming>,
    takeover: Takeover<'_>,
) -> Result<Response<AnswerBody>, Infallible> {
    let opened = match answer(session, request).await {
        Served::Answered(mut response) => {
            if session.is_ending() {
                response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
            }
            return Ok(response);
        }
        Served::Opened(opened) => opened,
    };
    takeover.hand_over(opened).await
}

/// A request's handle on its connection: by it the stream is taken from hyper, in the middle of that request.
///
/// It only borrows from the driver, for HTTP/1.1 answers one request after the other: one that opens no tunnel pays nothing.
struct Takeover<'d> {
    opened: &'d Mutex<Option<Box<Opened>>>,
}

impl Takeover<'_> {
    /// Leaves the tunnel to the driver. It takes the stream as soon as everything of earlier answers is out, and drops the
    /// request that waits here.
    async fn hand_over(self, tunnel: Box<Opened>) -> ! {
        *locked(self.opened) = Some(tunnel);
        pending().await
    }
}

fn locked(opened: &Mutex<Option<Box<Opened>>>) -> MutexGuard<'_, Option<Box<Opened>>> {
    opened.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The 101 by which a client learns of its tunnel.
fn switched(headers: &HeaderMap) -> Vec<u8> {
    let mut answer = Vec::with_capacity(HEAD);
    write_response_head(&mut answer, StatusCode::SWITCHING_PROTOCOLS, headers);
    answer
}

/// A connection that hyper gave up. Gives what is still to be written: the answer, if there is one, with what can be said.
fn broken(session: &Session, error: &hyper::Error, unread: &[u8], answer: &str) -> String {
    let Some(why) = NoRequest::of_http(error, unread) else {
        log::broken(session, error);
        return answer.to_owned();
    };
    why.say((&session.proxy.metrics, &session.proxy.sums), &session.listener, session.peer.ip(), error);
    with_words(answer, &why.words(error))
}

/// How long who comes just before the process ends has for a first request.
pub(super) const NEWCOMER: Duration = Duration::from_secs(1);

/// How long, when the process ends, a client may take to close its side: mostly it has done so by then.
pub(super) const LAST_LINGER: Duration = Duration::from_millis(200);

/// What the head of a 101 seldom exceeds, in bytes.
const HEAD: usize = 512;
