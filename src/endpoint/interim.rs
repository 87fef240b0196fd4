//! Who hears what an endpoint says before its answer (RFC 9110 §15.2), whichever way it is asked.

use std::fmt;
use std::sync::Arc;

use http::{HeaderMap, Request, StatusCode};

/// Hears the interim answers to a request; it goes along among the request's extensions.
#[derive(Clone)]
pub struct InterimListener(Arc<Hear>);

type Hear = dyn Fn(StatusCode, &HeaderMap) + Send + Sync;

impl InterimListener {
    /// One that calls `hear` for each.
    pub fn new(hear: impl Fn(StatusCode, &HeaderMap) + Send + Sync + 'static) -> Self {
        Self(Arc::new(hear))
    }

    /// One has come.
    pub(super) fn hear(&self, status: StatusCode, headers: &HeaderMap) {
        (self.0)(status, headers);
    }

    /// Has hyper tell the listener of `request`, where it has one: hyper asks over HTTP/1.1.
    pub(super) fn listen<B>(request: &mut Request<B>) {
        if let Some(listener) = request.extensions().get::<Self>().cloned() {
            hyper::ext::on_informational(request, move |interim| listener.hear(interim.status(), interim.headers()));
        }
    }
}

impl fmt::Debug for InterimListener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("InterimListener")
    }
}
