//! One direction of a simulated tunnel, as its two ends know it: what was sent, and what was got of it.

use super::frames::{Parsed, parse, pong};
use crate::websocket::Side;

/// One direction, as its two ends know it.
pub(super) struct Course {
    pub(super) from: Side,
    /// Everything the source sent, and how much of it is accounted for.
    pub(super) sent: Vec<u8>,
    pub(super) sent_at: usize,
    /// How much of what the sink took is accounted for.
    pub(super) got_at: usize,
    /// The payload of our pings to the source: the pongs that are swallowed on this way.
    pub(super) mark: Option<Vec<u8>>,
    /// A Close went to the sink: nothing may follow.
    pub(super) closed: bool,
    /// The source has ended its way.
    pub(super) finished: bool,
    /// The sink's connection broke: what it got may be cut anywhere.
    pub(super) broken: bool,
    /// What of a frame the source has not sent yet.
    pub(super) unsent: Vec<u8>,
}

impl Course {
    /// Accounts for every byte of `got`: the next of what was sent, or a whole control frame of ours between two of them. Returns
    /// the payload of a ping of ours.
    #[track_caller]
    pub(super) fn account(&mut self, got: &[u8]) -> Option<Vec<u8>> {
        let to = self.from.other();
        let mut mark = None;
        while let Parsed::Frame(frame, size) = parse(&got[self.got_at..], to) {
            assert!(!self.closed, "{frame:?} follows a Close to the {to:?}");
            let bytes = &got[self.got_at..self.got_at + size];
            self.skip_swallowed(bytes);
            self.got_at += size;
            self.closed = frame.close_code().is_some();
            assert!(!matches!(frame.close_code(), Some(1004 | 1005 | 1006 | 1015)), "{frame:?} on the wire");
            if self.sent[self.sent_at..].starts_with(bytes) {
                self.sent_at += size;
            } else if frame.is_ping() && frame.payload.len() == 8 {
                mark = Some(frame.payload);
            } else {
                assert!(self.closed, "nobody sent {frame:?}");
            }
        }
        let tail = &got[self.got_at..];
        self.skip_swallowed(tail);
        let ours = matches!(tail, [0x88 | 0x89, ..]);
        assert!(tail.is_empty() || !self.closed, "something follows a Close");
        assert!(ours || self.sent[self.sent_at..].starts_with(tail), "nobody sent what the {to:?} got");
        mark
    }

    /// Moves over pongs to our pings, unless they are what was got.
    fn skip_swallowed(&mut self, got: &[u8]) {
        let Some(mark) = &self.mark else { return };
        let pong = pong(mark).encode(self.from);
        while self.sent[self.sent_at..].starts_with(&pong) && !got.starts_with(&pong) {
            self.sent_at += pong.len();
        }
    }
}
