//! How long a session may rest between two requests, and how long the head of one may take: the timer that hyper asks for a
//! head.
//!
//! hyper knows one time for both. It starts a sleep when it begins to wait for a head, and looks at it each time that it has
//! read and the head is not whole; so a sleep that knows whether anything was read can be both.
//!
//! What hyper has read behind the end of a request it keeps to itself. So of a head whose beginning came with the request
//! before, only what is read later counts as its first byte. That wins nobody more than `rest` and `head`, which every
//! session may take that sends its first byte late.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant as StdInstant};

use hyper::rt::{Sleep as HyperSleep, Timer};
use tokio::time::{Instant, Sleep, sleep_until};

use crate::net::{ReadActivity, Unsent};

/// The times of the heads of one session.
#[derive(Debug)]
pub(super) struct HeadTimes {
    head: Duration,
    rest: Duration,
    heard: ReadActivity,
    unsent: Unsent,
    /// The first head was waited for already.
    has_begun: AtomicBool,
}

/// A wait for one head.
struct Wait {
    sleep: Pin<Box<Sleep>>,
    head: Duration,
    rest: Duration,
    /// What tells that its first byte has come; `None` once it has, and where it is not waited for.
    heard: Option<ReadActivity>,
    /// hyper waits for the next head while the last of an answer waits for a slow client: that is no rest.
    unsent: Unsent,
}

impl HeadTimes {
    /// The first head may take `head` in all, any other so long from its first byte on, which may come after `rest`.
    pub(super) fn new(head: Duration, rest: Duration, heard: ReadActivity, unsent: Unsent) -> Self {
        Self { head, rest, heard, unsent, has_begun: AtomicBool::new(false) }
    }

    fn wait(&self) -> Pin<Box<dyn HyperSleep>> {
        self.heard.forget();
        let is_first = !self.has_begun.swap(true, Ordering::Relaxed);
        let (time, heard) = if is_first { (self.head, None) } else { (self.rest, Some(self.heard.clone())) };
        let sleep = Box::pin(sleep_until(Instant::now() + time));
        Box::pin(Wait { sleep, head: self.head, rest: self.rest, heard, unsent: self.unsent.clone() })
    }
}

/// hyper asks for its one time; ours are known better.
impl Timer for HeadTimes {
    fn sleep(&self, _: Duration) -> Pin<Box<dyn HyperSleep>> {
        self.wait()
    }

    fn sleep_until(&self, _: StdInstant) -> Pin<Box<dyn HyperSleep>> {
        self.wait()
    }
}

impl HyperSleep for Wait {}

impl Future for Wait {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if self.heard.as_ref().is_some_and(ReadActivity::is_some) {
            self.heard = None;
            let end = Instant::now() + self.head;
            self.sleep.as_mut().reset(end);
        }
        while self.sleep.as_mut().poll(cx).is_ready() {
            if !self.unsent.is_some() {
                return Poll::Ready(());
            }
            let end = Instant::now() + self.rest;
            self.sleep.as_mut().reset(end);
        }
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use tokio::time::{advance, timeout};

    use super::*;

    const HEAD: Duration = Duration::from_secs(10);
    const REST: Duration = Duration::from_secs(75);

    /// How long hyper waits for a head whose first byte comes after `first`, if it ever does.
    async fn waits(times: &HeadTimes, first: Option<Duration>) -> Duration {
        let start = Instant::now();
        let mut wait = times.sleep_until(StdInstant::now());
        if let Some(first) = first {
            let over = timeout(first, poll_fn(|cx| wait.as_mut().poll(cx))).await;
            if over.is_ok() {
                return start.elapsed();
            }
            times.heard.note();
        }
        poll_fn(|cx| wait.as_mut().poll(cx)).await;
        start.elapsed()
    }

    #[tokio::test(start_paused = true)]
    async fn a_session_may_rest_and_a_head_may_not() {
        let times = HeadTimes::new(HEAD, REST, ReadActivity::default(), Unsent::default());
        let almost = |time: Duration, took: Duration| (time..=time + Duration::from_millis(2)).contains(&took);
        times.heard.note();
        assert!(almost(HEAD, waits(&times, None).await), "the first head counts from the start");
        assert!(almost(REST, waits(&times, None).await), "then the session rests");
        let slow = Duration::from_secs(70);
        assert!(almost(slow + HEAD, waits(&times, Some(slow)).await), "a head counts from its first byte on");
        advance(REST).await;
        let first = Duration::from_millis(1);
        assert!(almost(first + HEAD, waits(&times, Some(first)).await));
        assert!(almost(REST, waits(&times, None).await), "what came with the last request may be all of it");
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_rests_while_the_last_of_an_answer_waits() {
        let times = HeadTimes::new(HEAD, REST, ReadActivity::default(), Unsent::default());
        waits(&times, None).await;
        assert!(times.unsent.say_aside(b"the last of an answer"));
        let mut wait = times.sleep_until(StdInstant::now());
        let over = timeout(10 * REST, poll_fn(|cx| wait.as_mut().poll(cx))).await;
        assert!(over.is_err());
    }
}
