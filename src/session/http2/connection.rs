//! One connection: `h2` under the deadlines of its listener, and what ends it.
//!
//! A task of its own; each stream is another. It says GOAWAY where the session should end (its listener is gone, the process
//! stops), where it has rested for long enough, and where there is a flood; streams that are open then go on, but for the flood's.

use std::future::{Future, pending, poll_fn};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use h2::server::{Builder, Connection, SendResponse};
use h2::{Ping, PingPong, Reason, RecvStream};
use http::Request;
use tokio::time::{Instant, sleep_until, timeout, timeout_at};

use super::liveness::{Due, LOOK_EVERY, Liveness};
use super::respond::Respond;
use super::stream::{StreamAdmission, serve};
use super::streams::Streams;
use super::watched::{Watch, Watched};
use crate::config::ListenerSettings;
use crate::http::http2::flood::Flood;
use crate::net::{Guarded, ReadActivity, Stream, TunnelStream, Unsent};
use crate::session::access_log;
use crate::session::context::{Admission, Session, Welcome};
use crate::session::http1::{LAST_LINGER, NEWCOMER};
use crate::session::no_request::NoRequest;
use crate::session::proxy::Phase;

/// A connection, and what is known of it.
struct Driver {
    connection: Connection<Watched, Bytes>,
    pings: Option<PingPong>,
    session: Arc<Session>,
    admission: Arc<Admission>,
    streams: Streams,
    watch: Watch,
    /// Whether anything was read since it was last looked.
    heard: ReadActivity,
    liveness: Liveness,
    begun: Instant,
    /// A first request has come.
    is_asked: bool,
    /// Since when it has no streams open.
    idle_since: Option<Instant>,
    /// GOAWAY is said; since when.
    leaving_since: Option<Instant>,
}

/// Why a connection is not driven any further.
enum Over {
    /// It has ended.
    Ended,
    /// By an error.
    Broken(h2::Error),
    /// By us: its client sends too much of what carries nothing.
    Flooded(Flood),
    /// Its client is gone, or takes no leave.
    Gone,
    /// The process ends, and waits for nothing any more.
    GivenUp,
}

/// Speaks HTTP/2 until the connection ends.
pub(in crate::session) async fn speak(stream: Stream, session: Arc<Session>, admission: Admission, begun: Instant) {
    let settings = &session.listener.settings;
    let stream = Guarded::telling(stream, settings.body_timeout, Unsent::default(), Stream::delivery);
    let heard = stream.read_activity();
    let (stream, watch) = Watched::new(stream);
    let handshake = timeout_at(begun + settings.head_timeout, builder(settings).handshake(stream));
    let mut connection = tokio::select! {
        biased;
        shaken = handshake => match shaken {
            Ok(Ok(connection)) => connection,
            Ok(Err(error)) => return broken(&session, &error),
            Err(_) => return,
        },
        () = session.proxy.closing_for(NEWCOMER) => return,
    };
    let now = Instant::now();
    let mut driver = Driver {
        pings: connection.ping_pong(),
        connection,
        streams: Streams::new(Arc::clone(&session.proxy.permits)),
        session,
        admission: Arc::new(admission),
        watch,
        heard,
        liveness: Liveness::new(now),
        begun,
        is_asked: false,
        idle_since: Some(begun),
        leaving_since: None,
    };
    let over = driver.run().await;
    driver.end(over).await;
}

/// Windows are fixed, and the connection's is that of all its streams together: so an endpoint that reads slowly holds up its own
/// stream and none of the others, and what one stream may leave unread with us is what a connection of HTTP/1.1 may.
fn builder(settings: &ListenerSettings) -> Builder {
    let most = settings.http2.max_streams.get();
    let mut builder = Builder::new();
    if settings.http2.takes_websockets {
        builder.enable_connect_protocol();
    }
    builder
        .max_concurrent_streams(most)
        .initial_window_size(STREAM_WINDOW)
        .initial_connection_window_size(STREAM_WINDOW.saturating_mul(most).min(LARGEST_WINDOW))
        // What small frames cost beyond their bytes while nobody reads them: one tunnel that stands still never costs its siblings
        // their connection, for its own window holds less than this.
        .data_frame_budget((STREAM_WINDOW as usize * most as usize / 2).max(LEAST_FRAME_BUDGET))
        .max_header_list_size(settings.hygiene.max_head)
        .max_send_buffer_size(SEND_BUFFER)
        // Streams that the client was wrong about ("made you reset", CVE-2025-8671), in all the life of a connection.
        .max_local_error_reset_streams(Some(MOST_WRONG))
        // Those that it resets before they were looked at, at a time: a page that is left resets all it has.
        .max_pending_accept_reset_streams(most as usize)
        .max_concurrent_reset_streams(most as usize);
    builder
}

impl Driver {
    async fn run(&mut self) -> Over {
        let mut phases = self.session.proxy.phases();
        let mut next_look = Instant::now() + LOOK_EVERY;
        loop {
            let until = self.due(next_look);
            tokio::select! {
                biased;
                accepted = self.connection.accept() => match accepted {
                    Some(Ok((request, respond))) => self.take(request, respond),
                    Some(Err(error)) => return Over::Broken(error),
                    None => return Over::Ended,
                },
                flood = flooded(&self.watch) => return Over::Flooded(flood),
                () = pong(&mut self.pings) => {}
                () = self.streams.ended() => {}
                // The sender lives as long as the proxy.
                _ = phases.changed() => {}
                () = sleep_until(until) => {}
            }
            let now = Instant::now();
            self.note_streams(now);
            if let Some(over) = self.obey_phase(phases.borrow().phase, now) {
                return over;
            }
            if next_look <= now {
                next_look = now + LOOK_EVERY;
                if self.look(now) == Due::Dead {
                    return Over::Gone;
                }
            }
            if self.has_rested(now) {
                self.leave(now);
            }
            if self.leaving_since.is_some_and(|since| self.streams.open() == 0 && since + LEAVE_WITHIN <= now) {
                return Over::Gone;
            }
        }
    }

    /// Has a request answered, by a task of its own.
    fn take(&mut self, request: Request<RecvStream>, respond: SendResponse<Bytes>) {
        self.is_asked = true;
        self.idle_since = None;
        let place = match self.session.welcome {
            Welcome::Served => self.streams.take_place(),
            Welcome::TurnedAway => None,
        };
        let welcome = if place.is_some() { Welcome::Served } else { Welcome::TurnedAway };
        let session = Arc::new(self.session.for_stream(welcome));
        let delivery = self.watch.delivery.clone();
        let held = StreamAdmission { place, session: Arc::clone(&self.admission), delivery };
        tokio::spawn(serve(session, request, Respond::new(respond), held));
        if self.session.is_ending() {
            self.leave(Instant::now());
        }
    }

    /// Says GOAWAY, once: streams that are open go on, and no others are begun.
    fn leave(&mut self, now: Instant) {
        if self.leaving_since.is_none() {
            self.leaving_since = Some(now);
            self.connection.graceful_shutdown();
        }
    }

    fn note_streams(&mut self, now: Instant) {
        if self.streams.open() > 0 {
            self.idle_since = None;
        } else if self.idle_since.is_none() {
            self.idle_since = Some(now);
            if let Some(since) = &mut self.leaving_since {
                *since = now;
            }
        }
    }

    /// Leaves when the process closes its sessions. Whoever has only just come has a moment to ask: the answer is when to come back.
    fn obey_phase(&mut self, phase: Phase, now: Instant) -> Option<Over> {
        if phase >= Phase::Cutting {
            return Some(Over::GivenUp);
        }
        if phase >= Phase::Closing && (self.is_asked || now >= self.begun + NEWCOMER) {
            self.leave(now);
        }
        None
    }

    /// Looks whether the client is there still, and whether the session should end that nobody asks over.
    fn look(&mut self, now: Instant) -> Due {
        if self.heard.is_some() || self.streams.open() == 0 {
            self.heard.forget();
            self.liveness.note_heard(now);
        }
        if self.streams.open() == 0 && self.session.is_ending() {
            self.leave(now);
        }
        let due = self.liveness.look(self.watch.delivery.ask(), now);
        if due == Due::Ping
            && let Some(pings) = &mut self.pings
        {
            // One that is under way still asks as well.
            let _ = pings.send_ping(Ping::opaque());
        }
        due
    }

    fn has_rested(&self, now: Instant) -> bool {
        self.rests_until().is_some_and(|until| until <= now)
    }

    /// Until when it may rest, if it has no streams.
    fn rests_until(&self) -> Option<Instant> {
        let settings = &self.session.listener.settings;
        let time = if self.is_asked { settings.rest_timeout } else { settings.head_timeout };
        self.idle_since.map(|since| since + time)
    }

    /// When it is to be looked at, at the latest.
    fn due(&self, next_look: Instant) -> Instant {
        let leaves = self.leaving_since.map(|since| since + LEAVE_WITHIN).filter(|_| self.idle_since.is_some());
        let rests = self.rests_until().filter(|_| self.leaving_since.is_none());
        let newcomer = Some(self.begun + NEWCOMER).filter(|_| !self.is_asked && self.leaving_since.is_none());
        let now = Instant::now();
        let later = newcomer.filter(|until| *until > now);
        [leaves, rests, later].into_iter().flatten().fold(next_look, Instant::min)
    }

    /// Ends it.
    async fn end(mut self, over: Over) {
        match over {
            Over::Ended | Over::Gone => {}
            Over::Broken(error) => broken(&self.session, &error),
            Over::Flooded(flood) => {
                let session = &self.session;
                let why = NoRequest::of_flood(flood);
                why.say((&session.proxy.metrics, &session.proxy.sums), &session.listener, session.peer.ip(), &flood);
                self.end_with(Reason::ENHANCE_YOUR_CALM, LAST_WORD).await;
            }
            Over::GivenUp => {
                // What is cut says so by itself, mostly.
                let _ = timeout(LAST_LINGER, self.closed()).await;
                self.end_with(Reason::NO_ERROR, LAST_LINGER).await;
            }
        }
    }

    async fn end_with(&mut self, reason: Reason, time: Duration) {
        self.connection.abrupt_shutdown(reason);
        let _ = timeout(time, self.closed()).await;
    }

    fn closed(&mut self) -> impl Future<Output = ()> {
        poll_fn(|cx| self.connection.poll_closed(cx).map(|_| ()))
    }
}

/// A connection that ended by an error.
fn broken(session: &Session, error: &h2::Error) {
    match NoRequest::of_http2(error) {
        Some(why) => {
            why.say((&session.proxy.metrics, &session.proxy.sums), &session.listener, session.peer.ip(), error);
        }
        None => access_log::broken(session, error),
    }
}

/// Ends once there is a flood.
async fn flooded(watch: &Watch) -> Flood {
    poll_fn(|_| watch.flood().map_or(Poll::Pending, Poll::Ready)).await
}

/// Ends with the answer to a ping.
async fn pong(pings: &mut Option<PingPong>) {
    let Some(pings) = pings else { return pending().await };
    if poll_fn(|cx| pings.poll_pong(cx)).await.is_err() {
        // The connection has ended, and says so itself.
        pending().await
    }
}

/// How much of a stream may be with us that is not passed on, in bytes.
const STREAM_WINDOW: u32 = 64 * 1024;

/// A window full of the smallest frames that a tunnel has, of six bytes and a payload: 9,363 of them, each 249 below the 256 bytes that
/// `h2` counts a frame for.
const LEAST_FRAME_BUDGET: usize = 4 * 1024 * 1024;

/// The largest there is (RFC 9113 §6.9.1).
const LARGEST_WINDOW: u32 = (1 << 31) - 1;

/// How much of an answer may wait with us until the connection takes it, in bytes, beyond what is being read.
const SEND_BUFFER: usize = 32 * 1024;

/// How many streams of one connection may be in error.
const MOST_WRONG: usize = 1024;

/// How long a client without streams may take to answer our leave.
const LEAVE_WITHIN: Duration = Duration::from_secs(5);

/// How long the last word of a connection may take.
const LAST_WORD: Duration = Duration::from_secs(1);
