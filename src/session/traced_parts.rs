//! What spans say of the parts of a request: its stages, and the calls of endpoints, each of which is a span of its own that the endpoint's
//! spans hang below.

use std::fmt::Display;

use http::{HeaderMap, Method, StatusCode};
use tokio::time::Instant;

use super::refused::Refused;
use super::request_context::RequestContext;
use super::traced::{detail, known_method};
use crate::config::EndpointAddress;
use crate::metrics::HandshakePhase;
use crate::snapshot::Endpoint;
use crate::traces::{Attribute, RequestTrace};

impl RequestContext {
    /// A part of its handshake has ended.
    pub(super) fn note_phase(&self, phase: HandshakePhase, begun: Instant) {
        self.phases.note(phase, begun);
        if let Some(trace) = self.taken() {
            trace.note_part(phase.as_str(), begun, Vec::new());
        }
    }

    /// `endpoint` is asked from now on, with these headers.
    pub(super) fn begin_call(&self, method: &Method, headers: &mut HeaderMap, endpoint: &Endpoint) {
        let Some(trace) = self.taken() else { return };
        let method = known_method(method).unwrap_or("HTTP");
        let mut about: Vec<Attribute> =
            vec![("http.request.method", method.into()), ("windlass.endpoint", endpoint.name.as_str().into())];
        match &endpoint.address {
            EndpointAddress::Socket(address) => {
                about.push(("server.address", address.ip().to_string().into()));
                about.push(("server.port", address.port().into()));
            }
            EndpointAddress::Name(host, port) => {
                about.push(("server.address", host.as_str().into()));
                about.push(("server.port", (*port).into()));
            }
            EndpointAddress::Unix(address) => {
                let address = address.to_string();
                about.push(("server.address", address.strip_prefix("unix:").unwrap_or(&address).into()));
            }
        }
        trace.begin_call(headers, method.into(), about);
    }

    /// It has answered with this status, or why it has not.
    pub(super) fn end_call(&self, answered: Result<StatusCode, &Refused>) {
        let Some(trace) = self.taken() else { return };
        let mut said: Vec<Attribute> = Vec::new();
        let error = match answered {
            Ok(status) => {
                said.push(("http.response.status_code", status.as_u16().into()));
                // Of who asks, a 4xx is an error as well.
                let is_error = status.is_client_error() || status.is_server_error();
                is_error.then(|| (status.as_str().to_owned(), status.as_str().to_owned()))
            }
            Err(refused) => Some((refused.refusal.log_word().to_owned(), detail(refused))),
        };
        let (kind, why) = error.unzip();
        said.extend(kind.map(|kind| ("error.type", kind.into())));
        trace.end_call(said, why);
    }

    /// An endpoint that was asked has failed.
    pub(super) fn note_endpoint_failed(&self, endpoint: &Endpoint, why: &dyn Display) {
        let Some(trace) = self.taken() else { return };
        let endpoint = ("windlass.endpoint", endpoint.name.as_str().into());
        trace.note_event("endpoint failed", vec![endpoint, ("windlass.detail", why.to_string().into())]);
    }

    fn taken(&self) -> Option<&RequestTrace> {
        self.summary.trace.as_deref().filter(|trace| trace.sampled().is_some())
    }
}
