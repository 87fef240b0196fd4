//! From the events of the program to lines in the queue.

use std::fmt;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use arc_swap::ArcSwap;
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;

use super::line::LogLine;
use super::missing::ErrorKind;
use super::patience::is_patient;
use super::sink::Sink;

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

    /// Waits for room, where this thread does that.
    fn wait_for_room(&self) {
        // The sink may become another one meanwhile, and is not held.
        while is_patient() && !self.sink.load().queue().has_room() {
            #[expect(clippy::disallowed_methods, reason = "the thread is no worker, and has nothing else to do")]
            thread::sleep(Duration::from_millis(1));
        }
    }
}

impl<S: Subscriber> Layer<S> for Lines {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        self.wait_for_room();
        let (metadata, sink) = (event.metadata(), self.sink.load());
        let mut line = LogLine::begin(sink.style(), *metadata.level());
        event.record(&mut line);
        let kind = || kind_of(event);
        sink.queue().push(*metadata.level(), line.finish(metadata.target()), kind);
    }
}

/// What an event says, without its fields; where it is a sum, of how many.
fn kind_of(event: &Event<'_>) -> ErrorKind {
    struct Kind(ErrorKind);
    impl Visit for Kind {
        fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
            if field.name() == "message" {
                self.0.message = format!("{value:?}");
            }
        }

        fn record_u64(&mut self, field: &Field, value: u64) {
            if field.name() == "times" {
                self.0.times = value;
            }
        }
    }
    let mut kind = Kind(ErrorKind::one(event.metadata().name(), String::new()));
    event.record(&mut kind);
    kind.0
}

#[cfg(test)]
mod tests {
    use std::io::{self, Write};
    use std::sync::mpsc::{Receiver, Sender, channel};
    use std::sync::{Mutex, PoisonError};

    use serde_json::Value;
    use tracing::Level;
    use tracing_subscriber::layer::SubscriberExt;

    use super::super::hearing::{hearing, said};
    use super::super::missing::GivenUp;
    use super::super::output::Output;
    use super::super::patience::patiently;
    use super::super::style::{Ink, Shape, Style};
    use super::super::trouble::Told;
    use super::*;

    /// Takes nothing until it is opened.
    struct Gate {
        begun: Sender<()>,
        opened: Receiver<()>,
        written: Arc<Mutex<Vec<u8>>>,
    }

    impl Write for Gate {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let _ = self.begun.send(());
            let _ = self.opened.recv();
            self.written.lock().unwrap_or_else(PoisonError::into_inner).write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// A log that goes through a gate, which one opens by a drop.
    struct Gated {
        sink: Arc<ArcSwap<Sink>>,
        begun: Receiver<()>,
        open: Sender<()>,
        written: Arc<Mutex<Vec<u8>>>,
    }

    const STYLE: Style = Style { shape: Shape::Json, pid: 7 };

    impl Gated {
        fn new() -> Self {
            let ((begin, begun), (open, opened), written) = (channel(), channel(), Arc::<Mutex<Vec<u8>>>::default());
            let gate = Gate { begun: begin, opened, written: Arc::clone(&written) };
            let sink = Sink::start(STYLE, Output::Stream(Box::new(gate))).unwrap();
            Self { sink: Arc::new(ArcSwap::from_pointee(sink)), begun, open, written }
        }

        fn subscriber(&self) -> impl Subscriber + Send + Sync + use<> {
            tracing_subscriber::registry().with(Lines::new(Arc::clone(&self.sink)))
        }

        /// What came out of it, once it is open, and something has happened.
        fn opened(self, until: impl FnOnce()) -> String {
            drop(self.open);
            until();
            assert!(self.sink.load().queue().flush(Duration::from_secs(20)));
            String::from_utf8(self.written.lock().unwrap().clone()).unwrap()
        }
    }

    #[test]
    fn the_errors_of_a_place_that_is_given_up_wait_for_room_in_the_next_and_each_is_told() {
        const ERRORS: usize = 100;
        let gated = Gated::new();
        let errors = (0..ERRORS).map(|number| format!("error {number} {}", "x".repeat(60_000))).collect();
        let given_up = GivenUp { errors, ..GivenUp::default() };
        let (subscriber, (told, is_told)) = (gated.subscriber(), channel());
        thread::spawn(move || {
            let to = Output::Stream(Box::new(io::sink()));
            hearing(subscriber, || Told::Here(STYLE).given_up(&to, &given_up));
            told.send(())
        });
        while gated.sink.load().queue().has_room() {
            thread::yield_now();
        }
        assert!(is_told.recv_timeout(Duration::from_millis(500)).is_err(), "it is patient");

        let text = gated.opened(|| is_told.recv_timeout(Duration::from_secs(20)).unwrap());
        let is_whole = |number: &usize| text.contains(&format!("\"line\":\"error {number} x"));
        assert_eq!((0..ERRORS).filter(is_whole).count(), ERRORS);
        assert!(!text.contains("errors were summed"));
    }

    #[test]
    fn a_sum_that_finds_no_room_either_is_waited_for_so_long_and_keeps_its_number() {
        let gated = Gated::new();
        let fill = || {
            let mut line = "x".repeat((4 << 20) - 100) + "\n";
            line.shrink_to_fit();
            gated.sink.load().queue().push(Level::ERROR, line, || unreachable!("it has room"));
        };
        // The first is taken, and stands before the gate.
        fill();
        gated.begun.recv_timeout(Duration::from_secs(20)).unwrap();
        fill();
        hearing(gated.subscriber(), || {
            patiently(Duration::from_millis(10), || {
                for times in [5_u64, 6] {
                    tracing::error!(times, "there were errors");
                }
            });
        });
        let text = gated.opened(|| ());
        assert!(text.contains("\"first\":\"there were errors\",\"times\":11,"), "{}", text.trim_start_matches('x'));
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
