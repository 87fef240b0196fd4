//! `Expect: 100-continue` from end to end (RFC 9110 §10.1.1).
//!
//! A body that its client holds back is not asked for before the endpoint wants it: it said 100, or nothing for so long that
//! it may not know how to. An endpoint that answers finally has not asked, and never gets the body. Asking the client is
//! hyper's: it says 100 when the body is first polled. Other interim answers are none of its business (`interim`).

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use http::Version;
use http::header::EXPECT;
use http::request::Parts;
use tokio::time::{Sleep, sleep};

use crate::http::forward;

/// How long an endpoint may say nothing before it gets the body unasked, as RFC 9110 §10.1.1 asks of those who wait. Clients
/// such as curl wait for one second themselves.
const PATIENCE: Duration = Duration::from_secs(1);

/// Holds a body back.
#[derive(Debug)]
pub struct Expectation {
    verdict: ContinueVerdict,
    patience: Option<Pin<Box<Sleep>>>,
}

/// What the endpoint thinks of a body that is held back.
#[derive(Clone, Debug, Default)]
pub struct ContinueVerdict(Arc<Mutex<ExpectationState>>);

#[derive(Debug, Default)]
struct ExpectationState {
    wish: Wish,
    waiting: Option<Waker>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Wish {
    #[default]
    Unknown,
    Wanted,
    Unwanted,
}

impl Expectation {
    /// The expectation of a request, if its client has one that we may pass on; otherwise the header is taken out.
    pub fn of(parts: &mut Parts, has_body: bool) -> Option<Self> {
        // RFC 9110 §10.1.1: one of HTTP/1.0 is ignored, and without a body there is nothing to expect.
        if parts.version < Version::HTTP_11 || !has_body {
            forward::remove(&mut parts.headers, |name| *name == EXPECT);
            return None;
        }
        let is_continue = parts.headers.get(EXPECT)?.as_bytes().eq_ignore_ascii_case(b"100-continue");
        is_continue.then(|| Self { verdict: ContinueVerdict::default(), patience: None })
    }

    /// Where the endpoint's verdict is to be noted.
    pub fn verdict(&self) -> ContinueVerdict {
        self.verdict.clone()
    }

    /// Ready when the body may be asked for; never, once the endpoint has answered without it.
    pub fn poll_wanted(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match self.verdict.poll(cx) {
            Wish::Wanted => return Poll::Ready(()),
            Wish::Unwanted => return Poll::Pending,
            Wish::Unknown => {}
        }
        ready!(self.patience.get_or_insert_with(|| Box::pin(sleep(PATIENCE))).as_mut().poll(cx));
        self.verdict.note_wanted();
        Poll::Ready(())
    }
}

impl ContinueVerdict {
    /// The endpoint has answered finally. Returns whether it had the body asked for; if not, it never will be.
    pub fn conclude(&self) -> bool {
        let mut shared = self.lock();
        if shared.wish == Wish::Unknown {
            shared.wish = Wish::Unwanted;
        }
        shared.wish == Wish::Wanted
    }

    /// The endpoint has said 100.
    pub fn note_wanted(&self) {
        let mut shared = self.lock();
        if shared.wish == Wish::Unknown {
            shared.wish = Wish::Wanted;
            if let Some(waiting) = shared.waiting.take() {
                waiting.wake();
            }
        }
    }

    fn poll(&self, cx: &Context<'_>) -> Wish {
        let mut shared = self.lock();
        if shared.wish == Wish::Unknown {
            shared.waiting = Some(cx.waker().clone());
        }
        shared.wish
    }

    fn lock(&self) -> MutexGuard<'_, ExpectationState> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use futures_util::FutureExt;
    use http::Request;
    use tokio::time::Instant;

    use super::*;

    fn expectation(version: Version, value: &str, has_body: bool) -> (Option<Expectation>, Parts) {
        let request = Request::builder().version(version).header(EXPECT, value).body(()).unwrap();
        let mut parts = request.into_parts().0;
        (Expectation::of(&mut parts, has_body), parts)
    }

    fn any() -> Expectation {
        expectation(Version::HTTP_11, "100-Continue", true).0.unwrap()
    }

    #[test]
    fn one_that_cannot_be_met_is_taken_out() {
        for (version, has_body) in [(Version::HTTP_10, true), (Version::HTTP_11, false)] {
            let (expectation, parts) = expectation(version, "100-continue", has_body);
            assert!(expectation.is_none());
            assert!(!parts.headers.contains_key(EXPECT));
        }
    }

    #[test]
    fn one_that_we_do_not_know_is_the_endpoints() {
        let (expectation, parts) = expectation(Version::HTTP_11, "a-miracle", true);
        assert!(expectation.is_none());
        assert!(parts.headers.contains_key(EXPECT));
    }

    #[tokio::test(start_paused = true)]
    async fn waits_for_the_endpoint_and_not_for_ever() {
        let mut expectation = any();
        let started = Instant::now();
        poll_fn(|cx| expectation.poll_wanted(cx)).await;
        assert_eq!(started.elapsed(), PATIENCE);
        assert!(expectation.verdict().conclude());
    }

    #[tokio::test(start_paused = true)]
    async fn a_100_ends_the_wait_at_once() {
        let mut expectation = any();
        let verdict = expectation.verdict();
        let started = Instant::now();
        tokio::join!(poll_fn(|cx| expectation.poll_wanted(cx)), async { verdict.note_wanted() });
        assert!(started.elapsed().is_zero());
    }

    #[tokio::test(start_paused = true)]
    async fn a_final_answer_ends_it_for_good() {
        let mut expectation = any();
        assert!(poll_fn(|cx| expectation.poll_wanted(cx)).now_or_never().is_none());
        assert!(!expectation.verdict().conclude());
        expectation.verdict().note_wanted();
        assert!(tokio::time::timeout(10 * PATIENCE, poll_fn(|cx| expectation.poll_wanted(cx))).await.is_err());
    }
}
