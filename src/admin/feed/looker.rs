//! One who looks: the events as the body of an answer, until the connection is needed elsewhere or the process stops.

use std::convert::Infallible;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::stream;
use http::{Response, StatusCode};
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};
use serde::Serialize;

use super::event::named;
use super::lookers::Hearing;
use super::sections::sections;
use crate::admin::answer::{AdminAnswer, Leaving, ProblemKind, problem, typed};
use crate::admin::context::Context;
use crate::admin::door::LetIn;
use crate::session::Phase;

/// What is said before anything else: what only this listener decides.
#[derive(Clone, Copy, Debug, Serialize)]
pub(in crate::admin) struct Hello {
    /// Whether endpoints are drained and tunnels are closed from here, too.
    pub(in crate::admin) may_steer: bool,
}

/// The last that is said.
#[derive(Clone, Copy, Debug, Serialize)]
struct Farewell {
    why: &'static str,
}

/// One who looks, and how far the telling has come.
struct Looker {
    context: Arc<Context>,
    hearing: Hearing,
    leaving: Leaving,
    hello: Option<Hello>,
    /// The number of the last event that was written.
    heard: Option<u64>,
    is_over: bool,
}

/// The feed, as the answer to one who asks for it.
pub(in crate::admin) fn watched(
    context: &Arc<Context>,
    (hello, let_in): (Hello, LetIn),
    leaving: Leaving,
) -> AdminAnswer {
    let looked_at = Arc::clone(context);
    let build = move || {
        let context = Arc::clone(&looked_at);
        async move { sections(&context).await }
    };
    let Some(hearing) = context.lookers.join(let_in, build) else {
        return problem(&ProblemKind::Busy.because(
            "too many look at the feed already: close a dashboard, or say who you are (a token), and ask again",
        ));
    };
    let context = Arc::clone(context);
    let looker = Looker { context, hearing, leaving, hello: Some(hello), heard: None, is_over: false };
    let events = stream::unfold(looker, |mut looker| async move {
        let text = looker.next().await?;
        Some((Ok::<_, Infallible>(Frame::data(text)), looker))
    });
    let mut answer = typed(Response::new(StreamBody::new(events).boxed_unsync()), "text/event-stream");
    *answer.status_mut() = StatusCode::OK;
    answer
}

impl Looker {
    async fn next(&mut self) -> Option<Bytes> {
        if self.is_over {
            return None;
        }
        if let Some(hello) = self.hello.take() {
            return Some(named("hello", &serde_json::to_string(&hello).unwrap_or_default()));
        }
        let event = tokio::select! {
            biased;
            () = self.leaving.is_told() => None,
            event = self.hearing.next() => event,
        };
        let Some(event) = event else { return Some(self.farewell()) };
        let text = event.for_one_who_heard(self.heard);
        self.heard = Some(event.number);
        Some(text)
    }

    fn farewell(&mut self) -> Bytes {
        self.is_over = true;
        let why = match self.context.proxy.phase() {
            Phase::HandedOver => "handed over",
            Phase::Serving | Phase::Leaving => "the listener has moved, or somebody else needs the place",
            Phase::Draining | Phase::Closing | Phase::Cutting => "stopped",
        };
        named("end", &serde_json::to_string(&Farewell { why }).unwrap_or_default())
    }
}
