//! Traces: spans of handshakes, exchanges and the ends of tunnels, for whoever takes them over OTLP.
//!
//! `trace_context` reads and writes `traceparent` (W3C Trace Context), `sampling` says what is taken, `request_trace` is what a request
//! gathers meanwhile and `noted` keeps of it, `span` what comes of it and `encode` how that is written (OTLP over HTTP, in its JSON: the messages are few, and it
//! takes no crate that is not here already). `tracer` is what sessions have: it puts spans into the `queue`, which is bounded.
//! `exporter` is the one task that takes them out, `delivery` one request of it over the client of [`authorize`](crate::authorize), `verdict`
//! what its answer means, `trouble` what the log has read of that; `traces` owns the task. Which spans there are, and what they say, is `session`'s.
//! Invariants: whoever makes a span never waits; each is exported or counted as lost, by why; what waits is bounded; each request to the
//! collector has a deadline.

mod delivery;
mod encode;
mod exporter;
mod noted;
mod queue;
mod request_trace;
mod sampling;
mod span;
mod trace_context;
mod tracer;
#[expect(clippy::module_inception, reason = "it is the owner of the room")]
mod traces;
mod trouble;
mod verdict;

pub use request_trace::{Finish, RequestTrace};
pub use sampling::Sampling;
pub use span::{Attribute, Moment, Span, SpanEvent, SpanKind, Value};
pub use trace_context::{PARENT, STATE, SpanId, TraceContext, TraceId};
pub use tracer::Tracer;
pub use traces::Traces;
