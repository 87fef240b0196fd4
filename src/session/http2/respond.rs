//! A request's handle on its answer: interim ones (RFC 9110 §15.2), the final one, and whether the client still wants it.

use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use h2::SendStream;
use h2::server::SendResponse;
use http::{HeaderMap, Response, StatusCode};

use crate::http::http2::answer;

/// The answer of one stream; for whoever has something to say before it, and whoever gives it.
#[derive(Clone, Debug)]
pub(in crate::session) struct Respond(Arc<Mutex<SendResponse<Bytes>>>);

impl Respond {
    pub(super) fn new(respond: SendResponse<Bytes>) -> Self {
        Self(Arc::new(Mutex::new(respond)))
    }

    /// Says what comes before the answer; of nobody's concern once that is given, or the stream is no more.
    pub(in crate::session) fn say_interim(&self, status: StatusCode, headers: HeaderMap) {
        let _ = self.lock().send_informational(answer::interim(status, headers));
    }

    /// Gives the answer's head, which is all of it if `is_all`.
    ///
    /// # Errors
    /// The stream is no more.
    pub(super) fn answer(&self, head: Response<()>, is_all: bool) -> Result<SendStream<Bytes>, h2::Error> {
        self.lock().send_response(head, is_all)
    }

    /// Ready once the client wants no answer any more, or its connection has ended.
    pub(super) async fn unwanted(&self) {
        let _ = poll_fn(|cx| self.lock().poll_reset(cx)).await;
    }

    fn lock(&self) -> MutexGuard<'_, SendResponse<Bytes>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
