//! What a request gathers for its span while it is served.

use std::borrow::Cow;
use std::sync::{Mutex, MutexGuard, PoisonError};

use http::{HeaderMap, HeaderValue};
use tokio::time::Instant;

use super::sampling::Begun;
use super::span::{Attribute, Moment, Span, SpanEvent, SpanKind};
use super::trace_context::{PARENT, STATE, SpanId, TraceContext};
use crate::grammar::remove;

/// The span of a request that is served, taken or not: its endpoint reads of it in either case.
#[derive(Debug)]
pub struct RequestTrace {
    begun: Begun,
    noted: Mutex<Noted>,
}

/// What was noted so far.
#[derive(Debug, Default)]
struct Noted {
    parts: Vec<Part>,
    events: Vec<(&'static str, Instant, Vec<Attribute>)>,
    is_finished: bool,
}

/// A part of the work, which has a span of its own.
#[derive(Debug)]
struct Part {
    name: &'static str,
    kind: SpanKind,
    begun: Instant,
    ended: Instant,
    attributes: Vec<Attribute>,
}

/// What a request has come to.
#[derive(Debug)]
pub struct Finish {
    /// What its span is called.
    pub name: Cow<'static, str>,
    /// When it began.
    pub begun: Instant,
    /// What it says.
    pub attributes: Vec<Attribute>,
    /// What went wrong, if anything did.
    pub error: Option<String>,
}

impl RequestTrace {
    /// Nothing is noted yet.
    pub(super) fn new(begun: Begun) -> Self {
        Self { begun, noted: Mutex::default() }
    }

    /// Our span.
    pub fn own(&self) -> TraceContext {
        match self.begun {
            Begun::Continued { own, .. } | Begun::Root { own, .. } => own,
        }
    }

    /// Our span, if it is taken.
    pub fn sampled(&self) -> Option<TraceContext> {
        Some(self.own()).filter(|own| own.is_sampled())
    }

    /// Has the endpoint read of it. A span that nobody takes stands between no two others; and what was said to somebody else's tracing
    /// is for a trace that is gone on with (W3C Trace Context §3.3, §4.3).
    pub fn write(&self, headers: &mut HeaderMap) {
        let told = match self.begun {
            Begun::Continued { parent, own } => {
                if own.is_sampled() {
                    own
                } else {
                    parent
                }
            }
            Begun::Root { own, .. } => {
                remove(headers, |name| *name == STATE);
                own
            }
        };
        put(headers, told.to_value());
    }

    /// A part of the work has ended.
    pub fn note_part(&self, (name, kind): (&'static str, SpanKind), begun: Instant, attributes: Vec<Attribute>) {
        let ended = Instant::now();
        self.note(|noted| {
            if noted.parts.len() < MOST_NOTED {
                noted.parts.push(Part { name, kind, begun, ended, attributes });
            }
        });
    }

    /// A part of the work had ended before there was a request.
    pub fn note_before(&self, name: &'static str, begun: Instant, ended: Instant) {
        let part = Part { name, kind: SpanKind::Internal, begun, ended, attributes: Vec::new() };
        self.note(|noted| noted.parts.push(part));
    }

    /// Something has happened.
    pub fn note_event(&self, name: &'static str, attributes: Vec<Attribute>) {
        self.note(|noted| {
            if noted.events.len() < MOST_NOTED {
                noted.events.push((name, Instant::now(), attributes));
            }
        });
    }

    /// It is over: its span, and one for each part. The first word counts.
    pub fn finish(&self, moment: Moment, finish: impl FnOnce() -> Finish) -> Vec<Span> {
        let Some(own) = self.sampled() else { return Vec::new() };
        let mut noted = self.noted();
        if std::mem::replace(&mut noted.is_finished, true) {
            return Vec::new();
        }
        let (parts, events) = (std::mem::take(&mut noted.parts), std::mem::take(&mut noted.events));
        drop(noted);
        let Finish { name, begun, attributes, error } = finish();
        let event = |(name, at, attributes)| SpanEvent { name, at: moment.tell(at), attributes };
        let span = Span {
            context: own,
            parent: self.parent(),
            name,
            kind: SpanKind::Server,
            begun: moment.tell(begun),
            ended: moment.told(),
            attributes,
            events: events.into_iter().map(event).collect(),
            links: self.said().into_iter().collect(),
            error,
        };
        let part = |Part { name, kind, begun, ended, attributes }| Span {
            context: own.child(fastrand::u64(..)),
            parent: Some(own.span),
            name: name.into(),
            kind,
            begun: moment.tell(begun),
            ended: moment.tell(ended),
            attributes,
            events: Vec::new(),
            links: Vec::new(),
            error: None,
        };
        [span].into_iter().chain(parts.into_iter().map(part)).collect()
    }

    fn parent(&self) -> Option<SpanId> {
        match self.begun {
            Begun::Continued { parent, .. } => Some(parent.span),
            Begun::Root { .. } => None,
        }
    }

    fn said(&self) -> Option<TraceContext> {
        match self.begun {
            Begun::Continued { .. } => None,
            Begun::Root { said, .. } => said,
        }
    }

    fn note(&self, note: impl FnOnce(&mut Noted)) {
        if self.own().is_sampled() {
            note(&mut self.noted());
        }
    }

    fn noted(&self) -> MutexGuard<'_, Noted> {
        // Each change leaves it whole.
        self.noted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// It keeps its place among the lines. Where a map of headers is full, the endpoint does not read of it.
fn put(headers: &mut HeaderMap, value: HeaderValue) {
    let _ = headers.try_insert(PARENT, value);
}

/// How many parts and events one request has at the most: each endpoint that is asked has two, and few are.
const MOST_NOTED: usize = 16;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn context(text: &str) -> TraceContext {
        TraceContext::parse(text.as_bytes()).unwrap()
    }

    fn theirs() -> TraceContext {
        context("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
    }

    fn unsampled() -> TraceContext {
        context("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00")
    }

    /// What the endpoint reads.
    fn written(begun: Begun) -> (String, bool) {
        let mut headers = HeaderMap::new();
        headers.append(PARENT, HeaderValue::from_static("what was there"));
        headers.append(STATE, HeaderValue::from_static("a=b"));
        RequestTrace::new(begun).write(&mut headers);
        assert_eq!(headers.get_all(&PARENT).iter().count(), 1);
        (headers[&PARENT].to_str().unwrap().to_owned(), headers.contains_key(&STATE))
    }

    #[test]
    fn an_endpoint_reads_a_span_that_is_there_to_be_found() {
        let own = theirs().child(1);
        assert_eq!(written(Begun::Continued { parent: theirs(), own }), (own.to_string(), true));
        let own = unsampled().child(1);
        assert_eq!(written(Begun::Continued { parent: unsampled(), own }), (unsampled().to_string(), true));
        let own = TraceContext::begin((1, 2), false);
        assert_eq!(written(Begun::Root { own, said: Some(theirs()) }), (own.to_string(), false));
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_becomes_a_span_and_each_part_one_below_it() {
        let trace = RequestTrace::new(Begun::Continued { parent: theirs(), own: theirs().child(1) });
        let begun = Instant::now();
        tokio::time::advance(Duration::from_nanos(5)).await;
        trace.note_part(("connect", SpanKind::Client), begun, Vec::new());
        trace.note_event("endpoint failed", Vec::new());
        tokio::time::advance(Duration::from_nanos(5)).await;
        let moment = Moment::new(Instant::now(), Duration::from_nanos(1000));
        let finish = || Finish { name: "GET chat".into(), begun, attributes: Vec::new(), error: None };
        let spans = trace.finish(moment, finish);
        let [span, part] = &spans[..] else { panic!("{spans:?}") };
        assert_eq!((span.parent, span.context.trace), (Some(theirs().span), theirs().trace));
        assert_eq!((span.begun, span.ended, span.events[0].at), (990, 1000, 995));
        assert_eq!((part.parent, part.begun, part.ended), (Some(span.context.span), 990, 995));
        assert!(trace.finish(moment, finish).is_empty(), "once");
    }

    #[test]
    fn one_that_is_not_taken_keeps_nothing() {
        let own = TraceContext::begin((1, 2), false);
        let trace = RequestTrace::new(Begun::Root { own, said: None });
        trace.note_event("endpoint failed", Vec::new());
        assert!(trace.noted().events.is_empty() && trace.sampled().is_none());
    }

    #[test]
    fn what_one_request_keeps_is_bounded() {
        let trace = RequestTrace::new(Begun::Root { own: theirs(), said: None });
        for _ in 0..1000 {
            trace.note_event("endpoint failed", Vec::new());
            trace.note_part(("connect", SpanKind::Client), Instant::now(), Vec::new());
        }
        let noted = trace.noted();
        assert_eq!((noted.events.len(), noted.parts.len()), (MOST_NOTED, MOST_NOTED));
    }
}
