//! The body of an answer: our own few words, or what an endpoint sends, as it comes.

use std::fmt;
use std::future::{Future, pending};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, Version};
use http_body::{Body, Frame, SizeHint};
use http_body_util::Full;
use tokio::sync::watch;
use tokio::time::{Instant, Sleep, sleep, sleep_until};

use super::end::End;
use super::exchange_record::ExchangeRecord;
use super::inflow::Inflow;
use super::proxy::PhaseTimes;
use crate::endpoint::{BrokenAnswer, EndpointBody, Reuse, cleaned};

/// The body of an answer.
#[derive(Debug)]
pub(super) enum AnswerBody {
    /// Our own few words.
    Own(Full<Bytes>),
    /// What an endpoint sends.
    Relayed(Box<Relay>),
}

/// The body of an endpoint's answer on its way to the client: the exchange ends with it.
pub(super) struct Relay {
    /// What it comes by.
    inflow: Inflow,
    /// It has come whole, or comes no more.
    is_over: bool,
    record: ExchangeRecord,
    /// Whether the client could take the part of it that it has for all, if nothing but the end followed.
    part_looks_whole: bool,
    /// Why there is no more of it, until what there was is out.
    lost: Option<BrokenAnswer>,
    /// When it ends although it has no end: events of a server.
    last_call: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
    /// When it is over whatever it still has to say, where its route says so.
    overdue: Option<Pin<Box<Sleep>>>,
}

impl AnswerBody {
    pub(super) fn own(body: Full<Bytes>) -> Self {
        Self::Own(body)
    }

    /// The body of an endpoint's answer with these headers. Events of a server go on for ever by their nature: when the
    /// process ends they end like tunnels, each at its own moment; everything else has until the deadline.
    pub(super) fn relayed(body: EndpointBody, headers: &HeaderMap, reuse: Reuse, record: ExchangeRecord) -> Self {
        // What is chunked has an end of its own, and not every client counts what it gets against its length.
        let part_looks_whole = record.summary.version < Version::HTTP_11 || body.size_hint().exact().is_some();
        let is_endless = is_event_stream(headers) && body.size_hint().exact().is_none();
        let phases = is_endless.then(|| record.session.proxy.phases());
        let last_call = phases.map(|phases| Box::pin(last_call(phases)) as Pin<Box<_>>);
        let overdue = record.overdue_at().map(|time| Box::pin(sleep_until(time)));
        let inflow = Inflow::new(body, reuse, record.overdue_at());
        let (is_over, lost) = (false, None);
        Self::Relayed(Box::new(Relay { inflow, is_over, record, part_looks_whole, lost, last_call, overdue }))
    }
}

impl Relay {
    fn poll_endpoint(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BrokenAnswer>>> {
        if self.lost.is_some() {
            return self.poll_lost();
        }
        if self.last_call.as_mut().is_some_and(|last_call| last_call.as_mut().poll(cx).is_ready()) {
            self.last_call = None;
            self.record.end(End::Drained);
            // The endpoint learns that nobody listens any more.
            self.inflow.with(|parts| parts.reuse = None);
            self.is_over = true;
            return Poll::Ready(None);
        }
        if self.overdue.as_mut().is_some_and(|overdue| overdue.as_mut().poll(cx).is_ready()) {
            self.overdue = None;
            return self.lose(BrokenAnswer::Overdue, End::Overdue, cx);
        }
        let Some(polled) = self.inflow.with(|parts| Pin::new(&mut parts.body).poll_frame(cx)) else {
            return self.lose(BrokenAnswer::Overdue, End::Overdue, cx);
        };
        match ready!(polled) {
            Some(Ok(frame)) => {
                self.record.note_answered(frame.data_ref().map_or(0, Bytes::len));
                Poll::Ready(Some(Ok(cleaned(frame))))
            }
            Some(Err(error)) => self.lose(error, End::EndpointLost, cx),
            None => {
                self.complete();
                Poll::Ready(None)
            }
        }
    }

    /// Nothing of it comes any more.
    fn lose(
        &mut self,
        why: BrokenAnswer,
        end: End,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BrokenAnswer>>> {
        self.record.end(end);
        if self.part_looks_whole {
            self.record.session.note_cut();
        }
        self.lost = Some(why);
        // hyper writes what it has while there is nothing new, and asks again.
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// Says that there is no more, and not before everything that there was is out: hyper forgets it at that word.
    fn poll_lost(&mut self) -> Poll<Option<Result<Frame<Bytes>, BrokenAnswer>>> {
        match self.record.session.unsent.is_some() {
            // Whoever takes it wakes us.
            true => Poll::Pending,
            false => Poll::Ready(self.lost.take().map(Err)),
        }
    }

    /// The answer is whole: its connection may serve another.
    fn complete(&mut self) {
        self.record.end(End::Complete);
        self.is_over = true;
        if let Some(reuse) = self.inflow.with(|parts| parts.reuse.take()).flatten() {
            reuse.release();
        }
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        if self.is_over {
            return;
        }
        // hyper does not ask again for the end of a body that says by itself that it has ended.
        let is_whole = self.inflow.look(|parts| parts.body.is_end_stream());
        if is_whole == Some(true) {
            self.complete();
            return;
        }
        if is_whole.is_none() {
            self.record.end(End::Overdue);
        }
        if self.part_looks_whole {
            self.record.session.note_cut();
        }
    }
}

impl fmt::Debug for Relay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { inflow, record, last_call, .. } = self;
        let is_endless = last_call.is_some();
        f.debug_struct("Relay")
            .field("inflow", inflow)
            .field("record", record)
            .field("is_endless", &is_endless)
            .finish_non_exhaustive()
    }
}

fn is_event_stream(headers: &HeaderMap) -> bool {
    let value = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    value.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("text/event-stream")
}

/// A moment of its own while the tunnels are told; a stop that comes meanwhile brings it nearer.
async fn last_call(mut phases: watch::Receiver<PhaseTimes>) {
    loop {
        let times = phases.borrow_and_update().drain;
        let moment = async {
            match times {
                Some(times) => {
                    let left = times.told_by.saturating_duration_since(Instant::now());
                    sleep(left.mul_f64(fastrand::f64())).await;
                }
                None => pending().await,
            }
        };
        tokio::select! {
            () = moment => return,
            // Nobody is left who could end it.
            changed = phases.changed() => if changed.is_err() { pending().await },
        }
    }
}

impl Body for AnswerBody {
    type Data = Bytes;
    type Error = BrokenAnswer;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BrokenAnswer>>> {
        match self.get_mut() {
            Self::Own(body) => Pin::new(body).poll_frame(cx).map_err(|never| match never {}),
            Self::Relayed(relay) => relay.poll_endpoint(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Own(body) => body.is_end_stream(),
            Self::Relayed(relay) => relay.inflow.look(|parts| parts.body.is_end_stream()).unwrap_or_default(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Own(body) => body.size_hint(),
            Self::Relayed(relay) => relay.inflow.look(|parts| parts.body.size_hint()).unwrap_or_default(),
        }
    }
}
