//! What was noted of a request that is taken: its parts, the calls of endpoints among them, and what happened. Each is bounded, and what
//! found no room is counted.

use std::borrow::Cow;

use tokio::time::Instant;

use super::span::{Attribute, Moment, Span, SpanEvent, SpanKind};
use super::trace_context::{SpanId, TraceContext};

/// What was noted so far.
#[derive(Debug, Default)]
pub(super) struct Noted {
    parts: Vec<Part>,
    events: Vec<(&'static str, Instant, Vec<Attribute>)>,
    parts_left_out: u64,
    events_left_out: u32,
    /// Which of the parts is the call that is under way.
    calling: Option<usize>,
    /// What endpoints were last told; `None`: the request's own span.
    pub(super) told: Option<TraceContext>,
    pub(super) is_finished: bool,
}

/// A part of the work, which has a span of its own.
#[derive(Debug)]
struct Part {
    context: TraceContext,
    parent: SpanId,
    name: Cow<'static, str>,
    kind: SpanKind,
    begun: Instant,
    /// `None`: it is under way.
    ended: Option<Instant>,
    attributes: Vec<Attribute>,
    error: Option<String>,
}

impl Noted {
    /// A part of our own work has ended: of the call that is under way, or else of the request, whose span is `own`.
    pub(super) fn part(&mut self, own: TraceContext, name: &'static str, begun: Instant, attributes: Vec<Attribute>) {
        let part = Part {
            context: own.child(fastrand::u64(..)),
            parent: self.call().map_or(own.span, |call| call.context.span),
            name: name.into(),
            kind: SpanKind::Internal,
            begun,
            ended: Some(Instant::now()),
            attributes,
            error: None,
        };
        if self.parts.len() < MOST_NOTED {
            self.parts.push(part);
        } else {
            self.parts_left_out += 1;
        }
    }

    /// A part had ended before there was a request: it finds room in any case, for there is one.
    pub(super) fn part_before(&mut self, own: TraceContext, name: &'static str, (begun, ended): (Instant, Instant)) {
        self.parts.push(Part {
            context: own.child(fastrand::u64(..)),
            parent: own.span,
            name: name.into(),
            kind: SpanKind::Internal,
            begun,
            ended: Some(ended),
            attributes: Vec::new(),
            error: None,
        });
    }

    /// Somebody is called from now on: the span of that, if it finds room.
    pub(super) fn begin_call(
        &mut self,
        own: TraceContext,
        name: Cow<'static, str>,
        attributes: Vec<Attribute>,
    ) -> Option<TraceContext> {
        self.calling = None;
        if self.parts.len() >= MOST_NOTED {
            self.parts_left_out += 1;
            return None;
        }
        self.calling = Some(self.parts.len());
        let context = own.child(fastrand::u64(..));
        let (kind, begun) = (SpanKind::Client, Instant::now());
        self.parts.push(Part { context, parent: own.span, name, kind, begun, ended: None, attributes, error: None });
        Some(context)
    }

    /// The call that is under way has come to this.
    pub(super) fn end_call(&mut self, attributes: Vec<Attribute>, error: Option<String>) {
        if let Some(call) = self.calling.take().and_then(|place| self.parts.get_mut(place)) {
            call.ended = Some(Instant::now());
            call.attributes.extend(attributes);
            call.error = error;
        }
    }

    /// Something has happened.
    pub(super) fn event(&mut self, name: &'static str, attributes: Vec<Attribute>) {
        if self.events.len() < MOST_NOTED {
            self.events.push((name, Instant::now(), attributes));
        } else {
            self.events_left_out += 1;
        }
    }

    /// It is over: what is said of the request with its `span`, and a span for each part. A call that is under way still has come to what
    /// the request has come to.
    pub(super) fn finish(mut self, moment: Moment, mut span: Span) -> Vec<Span> {
        let error_type = span.attributes.iter().find(|(key, _)| *key == "error.type").cloned();
        self.end_call(error_type.into_iter().collect(), span.error.clone());
        let event = |(name, at, attributes)| SpanEvent { name, at: moment.tell(at), attributes };
        span.events = self.events.into_iter().map(event).collect();
        span.events_left_out = self.events_left_out;
        if self.parts_left_out > 0 {
            span.attributes.push(("windlass.spans_left_out", self.parts_left_out.into()));
        }
        let part = |Part { context, parent, name, kind, begun, ended, attributes, error }| Span {
            context,
            parent: Some(parent),
            name,
            kind,
            begun: moment.tell(begun),
            ended: ended.map_or(moment.told(), |ended| moment.tell(ended)),
            attributes,
            events: Vec::new(),
            events_left_out: 0,
            links: Vec::new(),
            error,
        };
        [span].into_iter().chain(self.parts.into_iter().map(part)).collect()
    }

    fn call(&self) -> Option<&Part> {
        self.parts.get(self.calling?)
    }

    #[cfg(test)]
    pub(super) fn counts(&self) -> (usize, usize) {
        (self.events.len(), self.parts.len())
    }
}

/// How many parts and events one request has at the most: each endpoint that is asked has three, and few are.
pub(super) const MOST_NOTED: usize = 16;
