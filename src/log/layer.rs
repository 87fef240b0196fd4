//! From the events of the program to lines in the queue.

use std::sync::Arc;

use tracing::{Event, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;

use super::line::{Line, Style};
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
        let mut line = Line::begin(self.style, *metadata.level());
        event.record(&mut line);
        self.queue.push(*metadata.level(), line.finish(metadata.target()));
    }
}
