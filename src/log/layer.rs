//! From the events of the program to lines in the queue.

use std::sync::Arc;

use tracing::{Event, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;

use super::line::{LogLine, Style};
use super::queue::Queue;

/// Makes a line of each event. Spans are not shown: there are none.
#[derive(Debug)]
pub struct Lines {
    style: Style,
    queue: Arc<Queue>,
}

impl Lines {
    /// Lines in this style, into `queue`.
    pub fn new(style: Style, queue: Arc<Queue>) -> Self {
        Self { style, queue }
    }
}

impl<S: Subscriber> Layer<S> for Lines {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let metadata = event.metadata();
        let mut line = LogLine::begin(self.style, *metadata.level());
        event.record(&mut line);
        self.queue.push(*metadata.level(), line.finish(metadata.target()));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;
    use tracing_subscriber::layer::SubscriberExt;

    use super::super::hearing::hearing;
    use super::super::line::{Ink, Shape};
    use super::super::queue::Batch;
    use super::*;

    /// What comes out where `events` are said.
    fn said(shape: Shape, events: impl Fn()) -> String {
        let queue = Arc::new(Queue::default());
        let lines = Lines::new(Style { shape, pid: 7 }, Arc::clone(&queue));
        hearing(tracing_subscriber::registry().with(lines), events);
        let mut batch = Batch::default();
        queue.take(&mut batch);
        batch.text
    }

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
