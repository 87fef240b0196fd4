//! What has happened: what the proxy writes into its log, and what everybody notes.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex};

use tokio::time::Instant;
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::layer::{Context, Layer};

/// The lines so far; clones are handles on the same ones. Where a simulation fails, they tell its story.
#[derive(Clone, Debug, Default)]
pub(super) struct Lines(Arc<Mutex<Vec<Line>>>);

/// One of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) at: Instant,
    fields: BTreeMap<&'static str, String>,
}

impl Lines {
    /// Those that say this.
    pub(super) fn saying(&self, message: &str) -> Vec<Line> {
        self.0.lock().unwrap().iter().filter(|line| line.get("message") == message).cloned().collect()
    }

    /// Somebody notes something.
    pub(super) fn note(&self, what: String) {
        self.0.lock().unwrap().push(Line { at: Instant::now(), fields: BTreeMap::from([("noted", what)]) });
    }

    /// All of them, as texts.
    pub(super) fn texts(&self) -> Vec<String> {
        let lines = self.0.lock().unwrap();
        let begun = lines.first().map(|line| line.at);
        lines.iter().map(|line| format!("{:?} {:?}", line.at - begun.unwrap_or(line.at), line.fields)).collect()
    }
}

impl Line {
    /// The value of a field; "" where there is none.
    pub(super) fn get(&self, field: &str) -> &str {
        self.fields.get(field).map(String::as_str).unwrap_or_default()
    }
}

impl<S: Subscriber> Layer<S> for Lines {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        if event.metadata().target().starts_with("windlass") {
            let mut line = Line { at: Instant::now(), fields: BTreeMap::new() };
            event.record(&mut line);
            self.0.lock().unwrap().push(line);
        }
    }
}

impl Visit for Line {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.fields.insert(field.name(), value.to_owned());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.fields.insert(field.name(), format!("{value:?}"));
    }
}
