//! The queue of spans between whoever makes them and the task that exports them: bounded by their number and by their bytes.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;

use super::span::Span;

/// Where spans go in. Clones are of one queue.
#[derive(Clone, Debug)]
pub(super) struct Entrance {
    spans: mpsc::Sender<Span>,
    room: Arc<Room>,
}

/// Where they come out.
#[derive(Debug)]
pub(super) struct Exit {
    pub(super) spans: mpsc::Receiver<Span>,
    pub(super) room: Arc<Room>,
}

/// What there is room for, and what has found none.
#[derive(Debug, Default)]
pub(super) struct Room {
    bytes: AtomicUsize,
    turned_away: AtomicUsize,
}

/// Why a span has not gone in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TurnedAway {
    /// There is no room.
    Full,
    /// Nothing is exported any more.
    Closed,
}

/// A queue that is empty.
pub(super) fn queue() -> (Entrance, Exit) {
    let (sender, spans) = mpsc::channel(MOST_WAITING);
    let room = Arc::new(Room::default());
    (Entrance { spans: sender, room: Arc::clone(&room) }, Exit { spans, room })
}

impl Entrance {
    /// A span goes in, where there is room.
    ///
    /// # Errors
    /// There is none, or nobody takes it out.
    pub(super) fn enter(&self, span: Span) -> Result<(), TurnedAway> {
        let weight = span.weight();
        let why = if self.room.bytes.fetch_add(weight, Ordering::Relaxed) + weight > MOST_BYTES {
            // One that came at the end is not one of a queue that is full.
            if self.spans.is_closed() { TurnedAway::Closed } else { TurnedAway::Full }
        } else {
            match self.spans.try_send(span) {
                Ok(()) => return Ok(()),
                Err(TrySendError::Full(_)) => TurnedAway::Full,
                Err(TrySendError::Closed(_)) => TurnedAway::Closed,
            }
        };
        self.room.leave(weight);
        if why == TurnedAway::Full {
            self.room.turned_away.fetch_add(1, Ordering::Relaxed);
        }
        Err(why)
    }
}

impl Room {
    /// Those that weigh so much are exported, or lost.
    pub(super) fn leave(&self, weight: usize) {
        self.bytes.fetch_sub(weight, Ordering::Relaxed);
    }

    /// How many have found no room since this was last asked.
    pub(super) fn take_turned_away(&self) -> usize {
        self.turned_away.swap(0, Ordering::Relaxed)
    }
}

/// How many spans wait at the most.
pub(super) const MOST_WAITING: usize = 2048;

/// How many bytes they have at the most, those that are under way to the collector included: some kilobytes each, where all of it is full.
pub(super) const MOST_BYTES: usize = 8 * 1024 * 1024;

#[cfg(test)]
mod tests {
    use super::super::span::{SpanKind, Value};
    use super::super::trace_context::TraceContext;
    use super::*;

    fn span(text: usize) -> Span {
        Span {
            context: TraceContext::begin((1, 2), true),
            parent: None,
            name: "GET chat".into(),
            kind: SpanKind::Server,
            begun: 0,
            ended: 0,
            attributes: vec![("url.path", Value::Text("/".repeat(text)))],
            events: Vec::new(),
            events_left_out: 0,
            links: Vec::new(),
            error: None,
        }
    }

    fn fill(entrance: &Entrance, text: usize) -> usize {
        (0..).take_while(|_| entrance.enter(span(text)).is_ok()).count()
    }

    #[test]
    fn what_waits_is_bounded_by_its_number() {
        let (entrance, exit) = queue();
        assert_eq!(fill(&entrance, 100), MOST_WAITING);
        assert_eq!(entrance.enter(span(1)), Err(TurnedAway::Full));
        assert_eq!((exit.room.take_turned_away(), exit.room.take_turned_away()), (2, 0));
    }

    #[test]
    fn what_waits_is_bounded_by_its_bytes_until_they_have_left() {
        let (entrance, mut exit) = queue();
        let text = 1024 * 1024;
        assert_eq!(fill(&entrance, text), 7);
        assert!(entrance.enter(span(1)).is_ok(), "what was turned away takes no room");
        let out = exit.spans.try_recv().unwrap();
        assert_eq!(entrance.enter(span(text)), Err(TurnedAway::Full), "it is under way");
        exit.room.leave(out.weight());
        assert!(entrance.enter(span(text)).is_ok());
    }

    #[test]
    fn a_queue_that_nobody_takes_from_is_not_full() {
        let (entrance, exit) = queue();
        fill(&entrance, 1024 * 1024);
        let room = Arc::clone(&exit.room);
        room.take_turned_away();
        drop(exit);
        for text in [1, 1024 * 1024] {
            assert_eq!(entrance.enter(span(text)), Err(TurnedAway::Closed));
        }
        assert_eq!(room.take_turned_away(), 0);
    }
}
