//! A span: what happened, when, and what belongs together.

use std::borrow::Cow;
use std::time::Duration;

use tokio::time::Instant;

use super::trace_context::{SpanId, TraceContext};

/// What happened, from when to when.
#[derive(Clone, Debug, PartialEq)]
pub struct Span {
    /// Which it is.
    pub context: TraceContext,
    /// Of the same trace: the one that it is a part of.
    pub parent: Option<SpanId>,
    /// What it is called: few spans have names that no others have.
    pub name: Cow<'static, str>,
    /// Whose work it is.
    pub kind: SpanKind,
    /// When it began, in nanoseconds since 1970.
    pub begun: u64,
    /// When it ended.
    pub ended: u64,
    /// What it says.
    pub attributes: Vec<Attribute>,
    /// What happened meanwhile.
    pub events: Vec<SpanEvent>,
    /// How much more happened than found room.
    pub events_left_out: u32,
    /// Spans of other traces that it has to do with.
    pub links: Vec<TraceContext>,
    /// What went wrong; `None`: nothing.
    pub error: Option<String>,
}

impl Span {
    /// How many bytes it takes, or so.
    pub(super) fn weight(&self) -> usize {
        let events: usize = self.events.iter().map(|event| size_of::<SpanEvent>() + weight(&event.attributes)).sum();
        let links = self.links.len() * size_of::<TraceContext>();
        let texts = self.name.len() + self.error.as_ref().map_or(0, String::len);
        size_of::<Self>() + weight(&self.attributes) + events + links + texts
    }
}

fn weight(attributes: &[Attribute]) -> usize {
    let text = |value: &Value| if let Value::Text(text) = value { text.len() } else { 0 };
    attributes.iter().map(|(_, value)| size_of::<Attribute>() + text(value)).sum()
}

/// Whose work a span is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SpanKind {
    /// A part of our own.
    Internal,
    /// We have served somebody.
    Server,
    /// We have asked somebody.
    Client,
}

/// Something that happened while a span lasted.
#[derive(Clone, Debug, PartialEq)]
pub struct SpanEvent {
    /// What.
    pub name: &'static str,
    /// When, in nanoseconds since 1970.
    pub at: u64,
    /// What it says.
    pub attributes: Vec<Attribute>,
}

/// A name, and what it says.
pub type Attribute = (&'static str, Value);

/// What an attribute says.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// A text.
    Text(String),
    /// A number.
    Number(u64),
    /// Seconds.
    Seconds(f64),
}

/// One moment by both clocks: the one that spans are timed by, and the time of day that they are told by.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    now: Instant,
    since_1970: Duration,
}

impl Moment {
    /// This one.
    pub fn new(now: Instant, since_1970: Duration) -> Self {
        Self { now, since_1970 }
    }

    /// When something was that is over, in nanoseconds since 1970.
    pub fn tell(self, at: Instant) -> u64 {
        nanos(self.since_1970.saturating_sub(self.now.saturating_duration_since(at)))
    }

    /// This one, in nanoseconds since 1970.
    pub fn told(self) -> u64 {
        nanos(self.since_1970)
    }
}

fn nanos(since_1970: Duration) -> u64 {
    u64::try_from(since_1970.as_nanos()).unwrap_or(u64::MAX)
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<u64> for Value {
    fn from(number: u64) -> Self {
        Self::Number(number)
    }
}

impl From<u16> for Value {
    fn from(number: u16) -> Self {
        Self::Number(number.into())
    }
}

impl From<Duration> for Value {
    fn from(duration: Duration) -> Self {
        Self::Seconds(duration.as_secs_f64())
    }
}
