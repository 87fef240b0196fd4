//! Interim answers of an endpoint on their way to the client (RFC 9110 §15.2): Early Hints, and what else may come.
//!
//! hyper reads them from endpoints and sends none to clients, so they are said aside: written between two answers while
//! the request waits for its own. Over HTTP/2 they go into the request's stream. 100 is not among them, for that is hyper's to say (`expect`). Where a client takes none of
//! them for so long that no more may wait, the next are dropped.

use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Poll, Waker};

use http::header::{CONTENT_LENGTH, TRAILER, TRANSFER_ENCODING};
use http::{Extensions, HeaderMap, Request, StatusCode, Version};

use super::context::Session;
use super::http2::Respond;
use crate::endpoint::{ContinueVerdict, InterimListener};
use crate::http::forward;
use crate::http::head::write_response_head;
use crate::net::Unsent;

/// The interim answers to one request.
#[derive(Clone, Debug)]
pub(super) struct Interim(Arc<InterimState>);

#[derive(Debug)]
struct InterimState {
    way: Way,
    /// Whether one may be said still: not once the answer is final.
    is_open: AtomicBool,
}

/// How they get to the client.
#[derive(Debug)]
enum Way {
    /// Written aside, as HTTP/1.1 has it.
    Aside {
        unsent: Unsent,
        /// Wakes who drives the client's connection.
        client: Waker,
    },
    /// Into a stream of HTTP/2.
    Stream(Respond),
    /// HTTP/1.0 knows none.
    Nowhere,
}

impl Interim {
    /// Those to the request at hand, which came in this version; its driver may have left word among its extensions of how they
    /// get to the client. Call it where the request is answered.
    pub(super) async fn begin(session: &Session, version: Version, extensions: &mut Extensions) -> Self {
        let way = match (extensions.remove(), version) {
            (Some(respond), _) => Way::Stream(respond),
            (None, Version::HTTP_11) => {
                let client = poll_fn(|cx| Poll::Ready(cx.waker().clone())).await;
                Way::Aside { unsent: session.unsent.clone(), client }
            }
            (None, _) => Way::Nowhere,
        };
        Self(Arc::new(InterimState { way, is_open: AtomicBool::new(true) }))
    }

    /// Listens for what comes before the answer to `request`, and tells `verdict` of a 100.
    pub(super) fn listen<B>(&self, request: &mut Request<B>, verdict: Option<ContinueVerdict>) {
        let interim = self.clone();
        request.extensions_mut().insert(InterimListener::new(move |status, headers| match &verdict {
            Some(verdict) if status == StatusCode::CONTINUE => verdict.note_wanted(),
            _ => interim.say(status, headers),
        }));
    }

    /// Passes one on.
    pub(super) fn say(&self, status: StatusCode, headers: &HeaderMap) {
        // To the client, a 101 would be the last there is of HTTP.
        let is_other = [StatusCode::CONTINUE, StatusCode::SWITCHING_PROTOCOLS].contains(&status);
        if is_other || !self.0.is_open.load(Ordering::Relaxed) {
            return;
        }
        let mut headers = headers.clone();
        forward::response(&mut headers, None);
        // It has no body (RFC 9110 §8.6, RFC 9112 §6.1).
        forward::remove(&mut headers, |name| [CONTENT_LENGTH, TRAILER, TRANSFER_ENCODING].contains(name));
        match &self.0.way {
            Way::Aside { unsent, client } => {
                let mut head = Vec::new();
                write_response_head(&mut head, status, &headers);
                if unsent.say_aside(&head) {
                    client.wake_by_ref();
                }
            }
            Way::Stream(respond) => respond.say_interim(status, headers),
            Way::Nowhere => {}
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
        let Way::Aside { unsent, .. } = &self.0.way else { return };
        poll_fn(|_| if unsent.has_aside() { Poll::Pending } else { Poll::Ready(()) }).await;
    }
}
