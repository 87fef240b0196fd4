//! What a request has come to, whichever protocol it came by: an answer, or a tunnel that takes its place.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Poll, ready};

use http::{HeaderMap, Response};

use super::body::AnswerBody;
use super::log;
use super::tale::Tale;
use crate::config::WebsocketSettings;
use crate::drain::Registration;
use crate::metrics::Metrics;
use crate::net::{ClientStream, Socket};
use crate::snapshot::Lease;
use crate::tunnel::{Joined, Protocol, Terms, Tunnel};

/// What a request has come to.
#[derive(Debug)]
pub(super) enum Served {
    /// It has an answer; the body follows.
    Answered(Response<AnswerBody>),
    /// It has opened a tunnel.
    Opened(Box<Opened>),
}

/// A tunnel that only waits for the client's stream.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) upstream: Socket,
    /// What the endpoint sent behind its 101.
    pub(super) early: Vec<u8>,
    /// The headers of our answer.
    pub(super) headers: HeaderMap,
    pub(super) protocol: Protocol,
    pub(super) settings: Arc<WebsocketSettings>,
    pub(super) registration: Registration,
    pub(super) lease: Lease,
    pub(super) metrics: Arc<Metrics>,
    /// For the line about its end.
    pub(super) tale: Tale,
}

impl Opened {
    /// Joins the two streams: a task of its own from now on, so that nothing of the session stays with the tunnel but what is
    /// `held`. The client reads `answer` first; `early` is what it sent behind its request.
    pub(super) fn join(self, client: ClientStream, answer: Vec<u8>, early: Vec<u8>, held: impl Send + 'static) {
        let Self {
            upstream,
            early: upstream_early,
            headers: _,
            protocol,
            settings,
            registration,
            lease,
            metrics,
            tale,
        } = self;
        metrics.tunnel_opened();
        let joined = Joined { client, upstream, client_early: early, upstream_early, answer };
        let mut tunnel = Tunnel::new(joined, Terms { settings, protocol }, registration);
        let held = (lease, held);
        // Not `tunnel.await` in an async block: that keeps room for the tunnel twice, where it is captured and where it is
        // polled, for as long as the task lives.
        tokio::spawn(poll_fn(move |cx| {
            let outcome = ready!(Pin::new(&mut tunnel).poll(cx));
            log::ended(&metrics, tunnel.handle(), tunnel.settings(), &tale, &outcome);
            let _ = &held;
            Poll::Ready(())
        }));
    }
}
