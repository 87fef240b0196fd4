//! What a request gathers for its span while it is served.

use std::borrow::Cow;
use std::sync::{Mutex, MutexGuard, PoisonError};

use http::{HeaderMap, HeaderValue};
use tokio::time::Instant;

use super::noted::Noted;
use super::sampling::Begun;
use super::span::{Attribute, Moment, Span, SpanKind};
use super::trace_context::{PARENT, STATE, SpanId, TraceContext};
use crate::grammar::remove;

/// The span of a request that is served, taken or not: its endpoint reads of it in either case.
#[derive(Debug)]
pub struct RequestTrace {
    begun: Begun,
    noted: Mutex<Noted>,
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

    /// A part of our own work has ended.
    pub fn note_part(&self, name: &'static str, begun: Instant, attributes: Vec<Attribute>) {
        self.note(|own, noted| noted.part(own, name, begun, attributes));
    }

    /// A part of the work had ended before there was a request.
    pub fn note_before(&self, name: &'static str, begun: Instant, ended: Instant) {
        self.note(|own, noted| noted.part_before(own, name, (begun, ended)));
    }

    /// An endpoint is called from now on, with these headers: it reads of the call, so that its spans hang below that. What a route has
    /// written there itself stays.
    pub fn begin_call(&self, headers: &mut HeaderMap, name: Cow<'static, str>, attributes: Vec<Attribute>) {
        self.note(|own, noted| {
            let before = noted.told.unwrap_or(own);
            let next = noted.begin_call(own, name, attributes).unwrap_or(own);
            if TraceContext::of(headers) == Some(before) {
                put(headers, next.to_value());
                noted.told = Some(next);
            }
        });
    }

    /// The call that is under way has come to this; `error`: it came to nothing.
    pub fn end_call(&self, attributes: Vec<Attribute>, error: Option<String>) {
        self.note(|_, noted| noted.end_call(attributes, error));
    }

    /// Something has happened.
    pub fn note_event(&self, name: &'static str, attributes: Vec<Attribute>) {
        self.note(|_, noted| noted.event(name, attributes));
    }

    /// It is over: its span, and one for each part. The first word counts.
    pub fn finish(&self, moment: Moment, finish: impl FnOnce() -> Finish) -> Vec<Span> {
        let Some(own) = self.sampled() else { return Vec::new() };
        let noted = {
            let mut kept = self.noted();
            let noted = std::mem::take(&mut *kept);
            kept.is_finished = true;
            noted
        };
        if noted.is_finished {
            return Vec::new();
        }
        let Finish { name, begun, attributes, error } = finish();
        let span = Span {
            context: own,
            parent: self.parent(),
            name,
            kind: SpanKind::Server,
            begun: moment.tell(begun),
            ended: moment.told(),
            attributes,
            events: Vec::new(),
            events_left_out: 0,
            links: self.said().into_iter().collect(),
            error,
        };
        noted.finish(moment, span)
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

    fn note(&self, note: impl FnOnce(TraceContext, &mut Noted)) {
        if let Some(own) = self.sampled() {
            note(own, &mut self.noted());
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::noted::MOST_NOTED;
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

    fn finish() -> Finish {
        let attributes = vec![("error.type", "lost".into())];
        Finish { name: "GET chat".into(), begun: Instant::now(), attributes, error: Some("it is lost".into()) }
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_becomes_a_span_and_each_part_one_below_it() {
        let trace = RequestTrace::new(Begun::Continued { parent: theirs(), own: theirs().child(1) });
        let begun = Instant::now();
        tokio::time::advance(Duration::from_nanos(5)).await;
        trace.note_part("authorize", begun, Vec::new());
        trace.note_event("endpoint failed", Vec::new());
        tokio::time::advance(Duration::from_nanos(5)).await;
        let moment = Moment::new(Instant::now(), Duration::from_nanos(1000));
        let spans = trace.finish(moment, || Finish { begun, ..finish() });
        let [span, part] = &spans[..] else { panic!("{spans:?}") };
        assert_eq!((span.parent, span.context.trace), (Some(theirs().span), theirs().trace));
        assert_eq!((span.begun, span.ended, span.events[0].at), (990, 1000, 995));
        assert_eq!((part.parent, part.begun, part.ended), (Some(span.context.span), 990, 995));
        assert!(trace.finish(moment, finish).is_empty(), "once");
    }

    #[tokio::test(start_paused = true)]
    async fn each_endpoint_reads_of_the_call_of_it_and_what_is_done_meanwhile_is_below_that() {
        let trace = RequestTrace::new(Begun::Root { own: theirs(), said: None });
        let mut headers = HeaderMap::new();
        trace.write(&mut headers);
        let mut read = Vec::new();
        for error in [Some("no answer".to_owned()), None] {
            trace.begin_call(&mut headers, "GET".into(), vec![("server.port", 80_u16.into())]);
            read.push(headers[&PARENT].to_str().unwrap().to_owned());
            trace.note_part("connect", Instant::now(), Vec::new());
            trace.end_call(Vec::new(), error);
        }
        trace.note_part("waiting", Instant::now(), Vec::new());
        trace.begin_call(&mut headers, "GET".into(), Vec::new());
        let spans = trace.finish(Moment::new(Instant::now(), Duration::from_nanos(1000)), finish);
        let [_, first, connect, second, _, waiting, last] = &spans[..] else { panic!("{spans:?}") };
        assert_eq!(read, [first.context.to_string(), second.context.to_string()]);
        assert_ne!(first.context, second.context);
        assert_eq!(
            (first.kind, first.parent, first.error.as_deref()),
            (SpanKind::Client, Some(theirs().span), Some("no answer"))
        );
        assert_eq!((connect.kind, connect.parent), (SpanKind::Internal, Some(first.context.span)));
        assert_eq!((waiting.parent, second.error.as_deref()), (Some(theirs().span), None));
        // It was under way when the request came to its end.
        assert_eq!((last.ended, last.error.as_deref()), (1000, Some("it is lost")));
        assert_eq!(last.attributes, [("error.type", "lost".into())]);
    }

    #[test]
    fn what_a_route_has_written_itself_stays() {
        let trace = RequestTrace::new(Begun::Root { own: theirs(), said: None });
        let mut headers = HeaderMap::new();
        trace.begin_call(&mut headers, "GET".into(), Vec::new());
        assert!(headers.is_empty());
        headers.insert(PARENT, unsampled().to_value());
        trace.begin_call(&mut headers, "GET".into(), Vec::new());
        assert_eq!(headers[&PARENT], unsampled().to_value());
    }

    #[test]
    fn one_that_is_not_taken_keeps_nothing() {
        let own = TraceContext::begin((1, 2), false);
        let trace = RequestTrace::new(Begun::Root { own, said: None });
        let mut headers = HeaderMap::new();
        trace.write(&mut headers);
        trace.note_event("endpoint failed", Vec::new());
        trace.begin_call(&mut headers, "GET".into(), Vec::new());
        assert_eq!(headers[&PARENT], own.to_value());
        assert!(trace.noted().counts() == (0, 0) && trace.sampled().is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn what_one_request_keeps_is_bounded_and_what_is_left_out_is_said() {
        let trace = RequestTrace::new(Begun::Root { own: theirs(), said: None });
        let mut headers = HeaderMap::new();
        trace.write(&mut headers);
        for _ in 0..1000 {
            trace.note_event("endpoint failed", Vec::new());
            trace.begin_call(&mut headers, "GET".into(), Vec::new());
            trace.note_part("connect", Instant::now(), Vec::new());
        }
        assert_eq!(trace.noted().counts(), (MOST_NOTED, MOST_NOTED));
        assert_eq!(headers[&PARENT], theirs().to_value(), "of a span that is there to be found");
        let spans = trace.finish(Moment::new(Instant::now(), Duration::from_nanos(1000)), finish);
        assert_eq!(spans[0].events_left_out, 1000 - MOST_NOTED as u32);
        assert_eq!(spans[0].attributes.last(), Some(&("windlass.spans_left_out", (2000 - MOST_NOTED as u64).into())));
    }
}
