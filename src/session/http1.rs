//! The driver of a connection that speaks HTTP/1.1: hyper under the deadlines of its listener, and the stream taken from it.

use std::convert::Infallible;
use std::future::{pending, poll_fn};
use std::mem;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::Duration;

use http::{Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1::{self, Connection};
use hyper::service::{HttpService, service_fn};
use hyper_util::rt::TokioIo;
use tokio::time::{Instant, sleep_until};

use super::access_log;
use super::body::AnswerBody;
use super::context::{Admission, Session};
use super::flawed_head;
use super::no_request::NoRequest;
use super::proxy::Phase;
use super::request;
use super::rest::HeadTimes;
use super::served::{ClosedAtOnce, LastAnswer, OpenTunnel, Served};
use super::wordless::{Wordless, with_words};
use crate::config::HygieneSettings;
use crate::endpoint::ClientBody;
use crate::http::http1::{READER, answer};
use crate::http::limits::MAX_BUFFER;
use crate::judge::{Flaw, Limits};
use crate::net::{FoundFlaw, Guarded, HalfOpen, Judged, ReadActivity, Unjudged};

/// What a driver and the requests of its connection share.
struct ConnectionState {
    session: Arc<Session>,
    /// What was heard of the client.
    heard: ReadActivity,
    /// A first request has come.
    is_asked: AtomicBool,
    /// What the connection becomes, once a request wants its stream.
    becomes: Mutex<Option<Becomes>>,
}

/// What a connection becomes that speaks HTTP no more.
enum Becomes {
    Tunnel(Box<OpenTunnel>),
    ClosedAtOnce(Box<ClosedAtOnce>),
}

/// How it ends that HTTP is spoken on a connection.
enum Ended {
    /// A request wants the stream, and it is free.
    Becomes(Becomes),
    /// hyper is done, by an error or without.
    Done(Result<(), hyper::Error>),
    /// The process ends, and waits for no answer and no request any more.
    GivenUp,
}

/// Speaks HTTP/1.1 until the connection ends or becomes a tunnel.
pub(super) async fn speak(stream: Guarded<HalfOpen>, session: Arc<Session>, admission: Admission, begun: Instant) {
    let state = ConnectionState {
        heard: stream.read_activity(),
        is_asked: AtomicBool::new(false),
        becomes: Mutex::default(),
        session,
    };
    let mut connection = connection(stream, &state);
    let ended = drive(&mut connection, &state, begun).await;
    let parts = connection.into_parts();
    let Unjudged { stream, held, found } = parts.io.into_inner().into_parts();
    let (stream, kept) = stream.into_parts();
    // An endpoint that has switched for a client that is gone learns that now.
    drop(locked(&state.becomes).take());
    let session = &state.session;
    let kept = kept.unwrap_or_default();
    match ended {
        Ended::Becomes(Becomes::Tunnel(mut opened)) => {
            let answer = answer::switch(mem::take(&mut opened.headers), opened.handshake.token());
            let early = [&parts.read_buf[..], &held[..]].concat();
            opened.join(stream.into_inner().into_inner(), answer, early, admission);
        }
        Ended::Becomes(Becomes::ClosedAtOnce(mut closed)) => {
            let mut last = answer::switch(mem::take(&mut closed.headers), closed.handshake.token());
            last.extend_from_slice(&closed.close());
            leave(stream, session, &last).await;
        }
        Ended::Done(done) if let Some(flaw) = unread(&done, found) => {
            leave(stream, session, &flawed_head::refuse(session, flaw)).await;
        }
        Ended::Done(Err(error)) => {
            leave(stream, session, broken(session, &error, &parts.read_buf, &kept).as_bytes()).await;
        }
        Ended::Done(Ok(())) | Ended::GivenUp => leave(stream, session, kept.as_bytes()).await,
    }
}

/// What hyper reads from and writes to.
type ClientIo = TokioIo<Judged<Wordless<Guarded<HalfOpen>>>>;

/// hyper's HTTP/1.1 over the client's stream, under the deadlines of its listener.
fn connection(
    stream: Guarded<HalfOpen>,
    state: &ConnectionState,
) -> Connection<ClientIo, impl HttpService<Incoming, ResBody = AnswerBody, Error = Infallible, Future: Send>> {
    let settings = &state.session.listener.settings;
    let HygieneSettings { max_head, max_header_lines, max_header_line, max_target, .. } = settings.hygiene;
    let limits = Limits { head: max_head, lines: max_header_lines, line: max_header_line, target: max_target };
    let service = service_fn(move |request| {
        state.is_asked.store(true, Ordering::Relaxed);
        state.heard.note_understood();
        Box::pin(answered(&state.session, request, Takeover { becomes: &state.becomes }))
    });
    let (heard, unsent) = (state.heard.clone(), state.session.unsent.clone());
    let stream = Judged::requests(Wordless::new(stream, heard.clone()), limits, unsent.clone());
    let mut builder = http1::Builder::new();
    if max_header_lines as usize > USUAL_LINES {
        builder.max_headers(max_header_lines as usize);
    }
    builder
        .timer(HeadTimes::new(settings.head_timeout, settings.rest_timeout, heard, unsent))
        .header_read_timeout(settings.head_timeout)
        .max_buf_size(MAX_BUFFER.max(max_head as usize + 1))
        // A client may have nothing more to say and wait for its answer; whether it is gone is `HalfOpen`'s to notice.
        .half_close(true)
        .preserve_header_case(true)
        .title_case_headers(true)
        .serve_connection(TokioIo::new(stream), service)
}

/// Serves requests until one wants the stream, the connection ends, or the process does: then the answer at hand is the last.
async fn drive<S>(connection: &mut Connection<ClientIo, S>, state: &ConnectionState, begun: Instant) -> Ended
where
    S: HttpService<Incoming, ResBody = AnswerBody, Error = Infallible>,
{
    tokio::select! {
        biased;
        () = closing(state, begun) => {}
        ended = until_ended(connection, state) => return ended,
    }
    if !state.is_asked() {
        // Half a head at the most: hyper would wait for the rest of it.
        return Ended::GivenUp;
    }
    Pin::new(&mut *connection).graceful_shutdown();
    tokio::select! {
        biased;
        () = state.session.proxy.reached(Phase::Cutting) => Ended::GivenUp,
        ended = until_ended(connection, state) => ended,
    }
}

/// Waits until the process closes its sessions. Whoever has only just come has a moment to ask: the answer is when to come
/// back.
async fn closing(state: &ConnectionState, begun: Instant) {
    state.session.proxy.reached(Phase::Closing).await;
    if !state.is_asked() && begun.elapsed() < NEWCOMER {
        Box::pin(sleep_until(begun + NEWCOMER)).await;
    }
}

/// Lets hyper work until it is done, or the stream is to be taken from it.
async fn until_ended<S>(connection: &mut Connection<ClientIo, S>, state: &ConnectionState) -> Ended
where
    S: HttpService<Incoming, ResBody = AnswerBody, Error = Infallible>,
{
    poll_fn(|cx| {
        // Not `poll_without_shutdown`: with that, hyper is done before everything that it took of an answer is out.
        let done = Pin::new(&mut *connection).poll(cx);
        // The stream may be taken when everything of earlier answers is out; hyper keeps at it until then.
        if !state.session.unsent.is_some()
            && let Some(becomes) = locked(&state.becomes).take()
        {
            return Poll::Ready(Ended::Becomes(becomes));
        }
        done.map(Ended::Done)
    })
    .await
}

/// Ends a connection that has become no tunnel, as its client is best served; `last` is what is still to be written.
async fn leave(stream: Guarded<HalfOpen>, session: &Session, last: &[u8]) {
    if session.is_cut() {
        tokio::select! {
            biased;
            () = stream.into_inner().reset(|| session.patience()) => {}
            () = session.proxy.reached(Phase::Cutting) => {}
        }
    } else if session.proxy.phase() < Phase::Cutting {
        // Later nobody has time to part politely.
        tokio::select! {
            () = stream.end_with(last) => {}
            () = session.proxy.closing_for(LAST_LINGER) => {}
        }
    }
}

impl ConnectionState {
    fn is_asked(&self) -> bool {
        self.is_asked.load(Ordering::Relaxed)
    }
}

/// The answer to a request; `Connection: close` stands in the last one. Does not end for a request that wants the stream.
async fn answered(
    session: &Arc<Session>,
    request: Request<Incoming>,
    takeover: Takeover<'_>,
) -> Result<Response<AnswerBody>, Infallible> {
    let mut response = match request::answer(session, request.map(ClientBody::from), &READER).await {
        Served::Answered(response) => response,
        Served::Refused(refusal, terms) => answer::of_refusal(refusal, terms).map(AnswerBody::own),
        Served::Opened(opened) => takeover.hand_over(Becomes::Tunnel(opened)).await,
        Served::ClosedAtOnce(closed) => takeover.hand_over(Becomes::ClosedAtOnce(closed)).await,
    };
    if session.is_ending() || response.extensions().get::<LastAnswer>().is_some() {
        answer::end_connection(response.headers_mut());
    }
    Ok(response)
}

/// A request's handle on its connection: by it the stream is taken from hyper, in the middle of that request.
///
/// It only borrows from the driver, for HTTP/1.1 answers one request after the other: one that opens no tunnel pays nothing.
struct Takeover<'d> {
    becomes: &'d Mutex<Option<Becomes>>,
}

impl Takeover<'_> {
    /// Leaves the stream to what the connection becomes. The driver takes it as soon as everything of earlier answers is out, and
    /// drops the request that waits here.
    async fn hand_over(self, becomes: Becomes) -> ! {
        *locked(self.becomes) = Some(becomes);
        pending().await
    }
}

fn locked(becomes: &Mutex<Option<Becomes>>) -> MutexGuard<'_, Option<Becomes>> {
    becomes.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The flaw for which a head never became a request, unless hyper found that it is none before.
fn unread(done: &Result<(), hyper::Error>, found: Option<FoundFlaw>) -> Option<Flaw> {
    let is_refused = done.as_ref().is_err_and(hyper::Error::is_parse);
    found.filter(|found| found.is_in_head && !is_refused).map(|found| found.flaw)
}

/// A connection that hyper gave up. Gives what is still to be written: the answer, if there is one, with what can be said.
fn broken(session: &Session, error: &hyper::Error, unread: &[u8], answer: &str) -> String {
    let Some(why) = NoRequest::of_http(error, unread) else {
        access_log::broken(session, error);
        return answer.to_owned();
    };
    why.say(
        (&session.proxy.metrics, &session.proxy.sums),
        &session.listener,
        session.peer.ip(),
        NoRequest::detail(error, unread),
    );
    with_words(answer, &why.words(error))
}

/// How many header lines hyper reads without being told.
const USUAL_LINES: usize = 100;

/// How long who comes just before the process ends has for a first request.
pub(super) const NEWCOMER: Duration = Duration::from_secs(1);

/// How long, when the process ends, a client may take to close its side: mostly it has done so by then.
pub(super) const LAST_LINGER: Duration = Duration::from_millis(200);
