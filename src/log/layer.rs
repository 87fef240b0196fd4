//! From the events of the program to lines in the queue.

use std::fmt;
use std::sync::Arc;

use arc_swap::ArcSwap;
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;

use super::line::LogLine;
use super::sink::Sink;
use super::waiting::ErrorKind;

/// Makes a line of each event. Spans are not shown: there are none.
#[derive(Debug)]
pub struct Lines {
    sink: Arc<ArcSwap<Sink>>,
}

impl Lines {
    /// Lines that go wherever `sink` is by then.
    pub fn new(sink: Arc<ArcSwap<Sink>>) -> Self {
        Self { sink }
    }
}

impl<S: Subscriber> Layer<S> for Lines {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let (metadata, sink) = (event.metadata(), self.sink.load());
        let mut line = LogLine::begin(sink.style(), *metadata.level());
        event.record(&mut line);
        let kind = || ErrorKind { place: metadata.name(), message: message(event) };
        sink.queue().push(*metadata.level(), line.finish(metadata.target()), kind);
    }
}

/// What an event says, without its fields.
fn message(event: &Event<'_>) -> String {
    struct Message(String);
    impl Visit for Message {
        fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
            if field.name() == "message" {
                self.0 = format!("{value:?}");
            }
        }
    }
    let mut message = Message(String::new());
    event.record(&mut message);
    message.0
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::super::hearing::said;
    use super::super::style::{Ink, Shape};

    #[test]
    fn an_event_that_is_longer_than_the_queue_is_said_in_short() {
        let long = "\u{1b}€".repeat(5 << 18);
        let say = || tracing::error!(detail = long, "refused:\n{long}");

        let line = said(Shape::Json, say);
        let json: Value = serde_json::from_str(&line).unwrap();
        for (field, beginning) in [("message", "refused:\n\u{1b}€"), ("detail", "\u{1b}€")] {
            let shown = json[field].as_str().unwrap();
            assert!(shown.starts_with(beginning) && shown.ends_with(" bytes more"), "{}", shown.len());
            assert!(shown.len() < 70_000, "{}", shown.len());
        }
        for shape in [Shape::Logfmt, Shape::Terminal(Ink::Plain)] {
            let line = said(shape, say);
            assert!(line.contains("level=error") && line.len() < 1 << 20, "{shape:?}: {}", line.len());
        }
    }
}
