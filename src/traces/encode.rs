//! Spans as OTLP writes them in JSON: the names and the nesting of `opentelemetry/proto/collector/trace/v1/trace_service.proto`, ids in
//! hexadecimal and 64-bit numbers as texts (OTLP §JSON Protobuf Encoding).

use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};

use super::span::{Attribute, Span, SpanEvent, SpanKind, Value};
use super::trace_context::TraceContext;

/// The body of a request with these spans; `resource` is who has made them.
pub(super) fn encode(resource: &[Attribute], spans: &[Span]) -> Vec<u8> {
    let scope = Scope { name: "windlass", version: env!("CARGO_PKG_VERSION") };
    let spans = spans.iter().map(Written).collect();
    let resource = Resource { attributes: written(resource) };
    let request = Request { resource_spans: [ResourceSpans { resource, scope_spans: [ScopeSpans { scope, spans }] }] };
    // Nothing of it can fail: the keys are texts, and it is written to memory.
    serde_json::to_vec(&request).unwrap_or_default()
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Request<'s> {
    resource_spans: [ResourceSpans<'s>; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ResourceSpans<'s> {
    resource: Resource<'s>,
    scope_spans: [ScopeSpans<'s>; 1],
}

#[derive(Serialize)]
struct Resource<'s> {
    attributes: Vec<KeyValue<'s>>,
}

#[derive(Serialize)]
struct ScopeSpans<'s> {
    scope: Scope,
    spans: Vec<Written<'s, Span>>,
}

#[derive(Serialize)]
struct Scope {
    name: &'static str,
    version: &'static str,
}

#[derive(Serialize)]
struct KeyValue<'s> {
    key: &'static str,
    value: Written<'s, Value>,
}

/// What is written as OTLP has it.
struct Written<'s, T>(&'s T);

fn written(attributes: &[Attribute]) -> Vec<KeyValue<'_>> {
    attributes.iter().map(|(key, value)| KeyValue { key, value: Written(value) }).collect()
}

impl Serialize for Written<'_, Span> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let span = self.0;
        let mut fields = serializer.serialize_struct("Span", 13)?;
        fields.serialize_field("traceId", &span.context.trace.to_string())?;
        fields.serialize_field("spanId", &span.context.span.to_string())?;
        if let Some(parent) = &span.parent {
            fields.serialize_field("parentSpanId", &parent.to_string())?;
        }
        fields.serialize_field("flags", &u32::from(span.context.flags()))?;
        fields.serialize_field("name", &span.name)?;
        let kind = match span.kind {
            SpanKind::Internal => 1,
            SpanKind::Server => 2,
            SpanKind::Client => 3,
        };
        fields.serialize_field("kind", &kind)?;
        fields.serialize_field("startTimeUnixNano", &span.begun.to_string())?;
        fields.serialize_field("endTimeUnixNano", &span.ended.to_string())?;
        fields.serialize_field("attributes", &written(&span.attributes))?;
        fields.serialize_field("events", &span.events.iter().map(Written).collect::<Vec<_>>())?;
        fields.serialize_field("droppedEventsCount", &span.events_left_out)?;
        fields.serialize_field("links", &span.links.iter().map(Written).collect::<Vec<_>>())?;
        if let Some(message) = &span.error {
            fields.serialize_field("status", &Status { message, code: ERROR })?;
        }
        fields.end()
    }
}

#[derive(Serialize)]
struct Status<'s> {
    message: &'s str,
    code: u8,
}

impl Serialize for Written<'_, SpanEvent> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("Event", 3)?;
        fields.serialize_field("timeUnixNano", &self.0.at.to_string())?;
        fields.serialize_field("name", self.0.name)?;
        fields.serialize_field("attributes", &written(&self.0.attributes))?;
        fields.end()
    }
}

impl Serialize for Written<'_, TraceContext> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("Link", 3)?;
        fields.serialize_field("traceId", &self.0.trace.to_string())?;
        fields.serialize_field("spanId", &self.0.span.to_string())?;
        fields.serialize_field("flags", &u32::from(self.0.flags()))?;
        fields.end()
    }
}

impl Serialize for Written<'_, Value> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("AnyValue", 1)?;
        match self.0 {
            Value::Text(text) => fields.serialize_field("stringValue", text)?,
            // Of 64 bits with a sign.
            Value::Number(number) => {
                fields.serialize_field("intValue", &(*number).min(i64::MAX.unsigned_abs()).to_string())?;
            }
            Value::Seconds(seconds) => fields.serialize_field("doubleValue", seconds)?,
        }
        fields.end()
    }
}

/// `STATUS_CODE_ERROR`.
const ERROR: u8 = 2;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn a_span_looks_as_otlp_has_it() {
        let parent = TraceContext::parse(b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01").unwrap();
        let span = Span {
            context: parent.child(17),
            parent: Some(parent.span),
            name: "GET chat".into(),
            kind: SpanKind::Server,
            begun: 1_790_000_000_000_000_001,
            ended: 1_790_000_000_000_000_002,
            attributes: vec![("http.response.status_code", 101_u16.into()), ("x", "a\"\u{9b}".into())],
            events: vec![SpanEvent {
                name: "tried",
                at: 3,
                attributes: vec![("took", Duration::from_millis(1500).into())],
            }],
            events_left_out: 4,
            links: vec![parent],
            error: Some("no".into()),
        };
        let written: serde_json::Value =
            serde_json::from_slice(&encode(&[("service.name", "w".into())], &[span])).unwrap();
        let expected = json!({"resourceSpans": [{
            "resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "w"}}]},
            "scopeSpans": [{
                "scope": {"name": "windlass", "version": env!("CARGO_PKG_VERSION")},
                "spans": [{
                    "traceId": "4bf92f3577b34da6a3ce929d0e0e4736",
                    "spanId": "0000000000000011",
                    "parentSpanId": "00f067aa0ba902b7",
                    "flags": 1,
                    "name": "GET chat",
                    "kind": 2,
                    "startTimeUnixNano": "1790000000000000001",
                    "endTimeUnixNano": "1790000000000000002",
                    "attributes": [
                        {"key": "http.response.status_code", "value": {"intValue": "101"}},
                        {"key": "x", "value": {"stringValue": "a\"\u{9b}"}},
                    ],
                    "events": [{
                        "timeUnixNano": "3",
                        "name": "tried",
                        "attributes": [{"key": "took", "value": {"doubleValue": 1.5}}],
                    }],
                    "droppedEventsCount": 4,
                    "links": [{
                        "traceId": "4bf92f3577b34da6a3ce929d0e0e4736",
                        "spanId": "00f067aa0ba902b7",
                        "flags": 1,
                    }],
                    "status": {"message": "no", "code": 2},
                }],
            }],
        }]});
        assert_eq!(written, expected);
    }

    proptest! {
        #[test]
        fn no_text_or_number_breaks_the_writing(text: String, number: u64) {
            let written = encode(&[("text", text.as_str().into()), ("number", number.into())], &[]);
            let written: serde_json::Value = serde_json::from_slice(&written).unwrap();
            let attributes = &written["resourceSpans"][0]["resource"]["attributes"];
            prop_assert_eq!(attributes[0]["value"]["stringValue"].as_str(), Some(text.as_str()));
            let kept: u64 = attributes[1]["value"]["intValue"].as_str().unwrap().parse().unwrap();
            prop_assert_eq!(kept, number.min(i64::MAX as u64));
        }
    }
}
