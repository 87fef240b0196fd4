//! What the two peers of a simulated tunnel have lived through, to see whether another one was the same.

use std::time::Duration;

use tokio::time::Instant;

use super::frames::{Frame, Parsed, parse};
use crate::tunnel::{Ending, Outcome};
use crate::websocket::Side;

/// What both peers have had at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) at: Duration,
    pub(super) taken: [usize; 2],
    pub(super) waiting: [usize; 2],
    pub(super) is_open: bool,
}

/// What became of a simulated tunnel, as its peers have lived through it.
#[derive(Debug, PartialEq)]
pub(super) struct Lived {
    seen: Vec<Seen>,
    /// Frames of ours have masks of chance: what is compared is what they say.
    frames: [Vec<Frame>; 2],
    /// What is no whole frame, or all there is of a raw tunnel.
    rest: [Vec<u8>; 2],
    outcome: String,
}

impl Lived {
    /// Of a tunnel that was `begun` then, of whose sides these bytes were `taken`.
    pub(super) fn of(seen: Vec<Seen>, taken: [Vec<u8>; 2], is_raw: bool, (outcome, begun): (Outcome, Instant)) -> Self {
        let (mut rest, mut frames) = (taken, [vec![], vec![]]);
        if !is_raw {
            for (index, side) in [Side::Client, Side::Upstream].into_iter().enumerate() {
                while let Parsed::Frame(frame, size) = parse(&rest[index], side) {
                    frames[index].push(frame);
                    rest[index].drain(..size);
                }
                // The start of a frame of ours, which may be masked.
                if let [0x88 | 0x89, _, ours @ ..] = &mut rest[index][..] {
                    ours.fill(0);
                }
            }
        }
        let Outcome { ending, sides, counts, leniencies, duration, quiet } = outcome;
        let ending = match ending {
            Ending::Drained(order) => format!("drained until {:?}", order.deadline - begun),
            other => format!("{other:?}"),
        };
        let outcome = format!("{ending}: {sides:?} {counts:?} {leniencies:?} {duration:?} {quiet:?}");
        Self { seen, frames, rest, outcome }
    }

    /// Panics at the first difference.
    #[track_caller]
    pub(super) fn assert_is(&self, other: &Self) {
        for (ours, theirs) in self.seen.iter().zip(&other.seen) {
            assert_eq!(ours, theirs);
        }
        for (ours, theirs) in self.frames.iter().zip(&other.frames) {
            assert!(ours == theirs, "a peer has had other frames");
        }
        assert!(self.rest == other.rest, "a peer has had other bytes");
        assert_eq!(self.outcome, other.outcome);
        assert_eq!(self.seen.len(), other.seen.len());
    }
}
