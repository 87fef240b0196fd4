//! Interim answers of an endpoint on their way to the client (RFC 9110 §15.2): Early Hints, and what else may come.
//!
//! hyper reads them from endpoints and sends none to clients, so they are said aside: written between two answers while
//! the request waits for its own. 100 is not among them, for that is hyper's to say (`expect`). Where a client takes none of
//! them for so long that no more may wait, the next are dropped.

use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Poll, Waker};

use http::header::{CONTENT_LENGTH, TRAILER, TRANSFER_ENCODING};
use http::{HeaderMap, Request, StatusCode, Version};

use super::context::Session;
use crate::endpoint::ContinueVerdict;
use crate::http::forward;
use crate::http::head::write_response_head;
use crate::net::Unsent;

/// The interim answers to one request.
#[derive(Clone, Debug)]
pub(super) struct Interim(Arc<InterimState>);

#[derive(Debug)]
struct InterimState {
    unsent: Unsent,
    /// Wakes who drives the client's connection.
    client: Waker,
    /// Whether one may be said still: only to a client of HTTP/1.1, for it is written as that, and not once the answer is final.
    is_open: AtomicBool,
}

impl Interim {
    /// Those to the request at hand, which came in this version. Call it where the request is answered.
    pub(super) async fn begin(session: &Session, version: Version) -> Self {
        let client = poll_fn(|cx| Poll::Ready(cx.waker().clone())).await;
        let is_open = AtomicBool::new(version == Version::HTTP_11);
        Self(Arc::new(InterimState { unsent: session.unsent.clone(), client, is_open }))
    }

    /// Listens for what comes before the answer to `request`, and tells `verdict` of a 100.
    pub(super) fn listen<B>(&self, request: &mut Request<B>, verdict: Option<ContinueVerdict>) {
        let interim = self.clone();
        hyper::ext::on_informational(request, move |answer| match (answer.status(), &verdict) {
            (StatusCode::CONTINUE, Some(verdict)) => verdict.note_wanted(),
            (status, _) => interim.say(status, answer.headers()),
        });
    }

    /// Passes one on.
    pub(super) fn say(&self, status: StatusCode, headers: &HeaderMap) {
        if status == StatusCode::CONTINUE || !self.0.is_open.load(Ordering::Relaxed) {
            return;
        }
        let mut headers = headers.clone();
        forward::response(&mut headers, None);
        // It has no body (RFC 9110 §8.6, RFC 9112 §6.1).
        forward::remove(&mut headers, |name| [CONTENT_LENGTH, TRAILER, TRANSFER_ENCODING].contains(name));
        let mut head = Vec::new();
        write_response_head(&mut head, status, &headers);
        if self.0.unsent.say_aside(&head) {
            self.0.client.wake_by_ref();
        }
    }

    /// The answer is final: nothing more is said before it.
    pub(super) fn close(&self) {
        self.0.is_open.store(false, Ordering::Relaxed);
    }

    /// The answer is final: waits until the client has what was said before it. How long it may take nothing is watched
    /// where that is written.
    pub(super) async fn conclude(self) {
        self.close();
        let unsent = &self.0.unsent;
        poll_fn(|_| if unsent.has_aside() { Poll::Pending } else { Poll::Ready(()) }).await;
    }
}
