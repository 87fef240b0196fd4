//! What a request has come to, whichever protocol it came by: an answer, or a tunnel that takes its place.

use std::sync::Arc;

use http::{HeaderMap, Response};

use super::access_log;
use super::body::AnswerBody;
use super::kept::Kept;
use super::metering::MeteredLease;
use super::records::Records;
use super::running_tunnel::RunningTunnel;
use super::tunnel_record::TunnelRecord;
use super::unopened::Switched;
use crate::drain::Registration;
use crate::http::reader::Handshake;
use crate::http::{Refusal, RefusalTerms};
use crate::net::Stream;
use crate::tunnel::{Streams, Tunnel};
use crate::websocket::{CloseCode, Frame, Side};

/// What a request has come to.
#[derive(Debug)]
pub(super) enum Served {
    /// It has an answer; the body follows. Behind a [`LastAnswer`] its connection carries no other.
    Answered(Response<AnswerBody>),
    /// It is refused, on these terms.
    Refused(Refusal, RefusalTerms),
    /// It has opened a tunnel.
    Opened(Box<OpenTunnel>),
    /// It has opened a WebSocket that is closed at once.
    ClosedAtOnce(Box<ClosedAtOnce>),
}

/// Stands among the extensions of an answer behind which nothing is read from its connection. How a client learns that is for
/// the driver of its protocol.
#[derive(Clone, Copy, Debug)]
pub(super) struct LastAnswer;

/// A tunnel that only waits for the client's stream. If that never comes, its endpoint is told.
#[derive(Debug)]
pub(super) struct OpenTunnel {
    pub(super) endpoint: Switched,
    /// What the endpoint sent behind its 101.
    pub(super) early: Vec<u8>,
    /// The headers of its 101, with the cookie of ours. What the client reads of them is for the driver of its protocol.
    pub(super) headers: HeaderMap,
    /// What the client asked for.
    pub(super) handshake: Handshake,
    pub(super) registration: Registration,
    pub(super) lease: MeteredLease,
    pub(super) records: Arc<Records>,
    /// For the line about its end.
    pub(super) record: TunnelRecord,
    /// By what its client is known if it comes back.
    pub(super) key: u64,
    /// What it keeps for as long as it is open.
    pub(super) kept: Option<Box<Kept>>,
}

/// A WebSocket that is closed as soon as its client knows that it is open. No endpoint is at its other end.
#[derive(Debug)]
pub(super) struct ClosedAtOnce {
    /// What the client reads of a 101; see [`OpenTunnel::headers`].
    pub(super) headers: HeaderMap,
    /// What it asked for.
    pub(super) handshake: Handshake,
    pub(super) code: CloseCode,
    /// Why.
    pub(super) refusal: Refusal,
}

impl ClosedAtOnce {
    /// What the client reads behind its answer.
    pub(super) fn close(&self) -> Frame {
        // What goes to a client is not masked.
        Frame::close(Side::Client, self.code, &self.refusal.to_string(), [0; 4])
    }
}

impl OpenTunnel {
    /// Joins the two streams: a task of its own from now on, so that nothing of the session stays with the tunnel but what is
    /// `held`. The client reads `answer` first; `early` is what it sent behind its request.
    pub(super) fn join(self, client: Stream, answer: Vec<u8>, early: Vec<u8>, held: impl Send + Unpin + 'static) {
        let Self {
            endpoint,
            early: upstream_early,
            headers: _,
            handshake: _,
            registration,
            lease,
            kept,
            records,
            record,
            key,
        } = self;
        access_log::joined(&records.metrics, registration.handle(), record.protocol());
        let (upstream, parameters) = endpoint.open();
        record.leave_with(registration.handle(), &parameters.settings);
        let streams = Streams { client, upstream, client_early: early, upstream_early, answer };
        let tunnel = Tunnel::new(streams, parameters, registration);
        RunningTunnel { tunnel, lease, records, key, kept, held }.start();
    }
}
