//! What is kept of a request for the line about it.

use std::net::IpAddr;
use std::sync::OnceLock;

use http::header::{HOST, HeaderValue, UPGRADE};
use http::request::Parts;
use http::{HeaderMap, Method, Version};

use super::request_id::RequestId;
use super::shortened::shortened;
use super::visitor::Visitor;
use crate::metrics::ClientProtocol;
use crate::traces::{RequestTrace, TraceContext};

/// What is kept of a request for the line about it.
#[derive(Debug)]
pub(super) struct Summary {
    pub(super) method: Method,
    pub(super) host: String,
    pub(super) path: String,
    pub(super) client: IpAddr,
    pub(super) version: Version,
    /// What it asked to upgrade to, if it did.
    pub(super) upgrade: Option<Box<str>>,
    /// The name that its route gives it, once that is known.
    pub(super) request_name: OnceLock<Box<str>>,
    /// The number by which it is known where it has no name, once a line has told it.
    drawn_id: OnceLock<u64>,
    /// What the access log says of its client, where there is one.
    pub(super) visitor: Option<Box<Visitor>>,
    /// Its span; `None` where traces are off.
    pub(super) trace: Option<Box<RequestTrace>>,
}

impl Summary {
    pub(super) fn of(request: &Parts, client: IpAddr) -> Self {
        let text =
            |name| request.headers.get(name).map(|value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()));
        let host = text(HOST);
        Self {
            method: request.method.clone(),
            host: shortened(&host.unwrap_or_default(), LONGEST_HOST),
            path: shortened(request.uri.path(), LONGEST_PATH),
            client,
            version: request.version,
            upgrade: text(UPGRADE).map(|upgrade| shortened(&upgrade, LONGEST_UPGRADE).into()),
            request_name: OnceLock::new(),
            drawn_id: OnceLock::new(),
            visitor: None,
            trace: None,
        }
    }
}

impl Summary {
    /// The same, with what the access log says of its client.
    pub(super) fn with_visitor(self, headers: &HeaderMap) -> Self {
        Self { visitor: Some(Box::new(Visitor::of(headers))), ..self }
    }

    /// The name that its route gives it.
    pub(super) fn request_name(&self) -> Option<&str> {
        self.request_name.get().map(|name| &**name)
    }

    /// By what it is known in every line about it.
    pub(super) fn request_id(&self) -> RequestId<'_> {
        match self.request_name() {
            Some(name) => RequestId::Named(name),
            None => RequestId::Drawn(*self.drawn_id.get_or_init(RequestId::draw)),
        }
    }

    /// Its span, if that is taken.
    pub(super) fn sampled(&self) -> Option<TraceContext> {
        self.trace.as_ref().and_then(|trace| trace.sampled())
    }

    /// What the client speaks.
    pub(super) fn protocol(&self) -> ClientProtocol {
        if self.version == Version::HTTP_2 { ClientProtocol::Http2 } else { ClientProtocol::Http1 }
    }
}

/// How much of a client's words stands in a line, in bytes.
const LONGEST_PATH: usize = 1024;
const LONGEST_HOST: usize = 256;
const LONGEST_UPGRADE: usize = 64;
