//! What of one direction may go on, judged frame by frame, and what was read and may not yet.

use tokio::time::Instant;

use super::judged::{Above, ControlHandling, DirectionEnd, Judged, OnClose, PingPayload};
use super::rate_limits::RateLimits;
use super::scratch::{HEAD, Meters};
use super::sizes::{MeteredSizes, Sizes};
use crate::ranges::{within, within_mut};
use crate::websocket::{InflateMeter, Inspector, Leniencies, MAX_CONTROL_PAYLOAD, MAX_HEADER, Scan, Then};

/// How much a meter may inflate for one chunk; the rest of the chunk waits, and the other tunnels have their turn.
const INFLATE: usize = 128 * 1024;

/// The longest start of a frame that cannot be judged: one byte less than a control frame (RFC 6455 §5.5).
const MAX_STARVED: usize = MAX_HEADER + MAX_CONTROL_PAYLOAD - 1;

/// One direction.
#[derive(Debug)]
pub(super) struct FrameFilter {
    /// `None` in a raw tunnel: bytes are passed as they come.
    pub(super) frames: Option<Frames>,
    /// Read and not passed on yet, at most one read; its turn comes before what is read next.
    pub(super) backlog: Vec<u8>,
    /// The backlog is the start of a header or of a control frame: only with more can it be judged.
    pub(super) starved: bool,
    /// What has passed ends inside a frame. (What was judged may be further on: it is discarded.)
    pub(super) inside_frame: bool,
    pub(super) rates: Option<Box<RateLimits>>,
}

/// What judges frames.
#[derive(Debug)]
pub(super) struct Frames {
    pub(super) inspector: Inspector,
    /// Only on routes that limit what a message may inflate to.
    pub(super) meter: Option<Box<InflateMeter>>,
}

/// What waits to be judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Backlog {
    /// So many bytes, which can be judged as they are.
    Whole(usize),
    /// So many bytes, perhaps none: more has to be read behind them.
    Start(usize),
}

impl FrameFilter {
    /// A direction of frames; `early` was read with the handshake.
    pub(super) fn websocket(
        inspector: Inspector,
        meter: Option<Box<InflateMeter>>,
        rates: Option<Box<RateLimits>>,
        early: Vec<u8>,
    ) -> Self {
        Self::new(Some(Frames { inspector, meter }), rates, early)
    }

    /// A direction of bytes.
    pub(super) fn raw(rates: Option<Box<RateLimits>>, early: Vec<u8>) -> Self {
        Self::new(None, rates, early)
    }

    fn new(frames: Option<Frames>, rates: Option<Box<RateLimits>>, early: Vec<u8>) -> Self {
        Self { frames, backlog: early, starved: false, inside_frame: false, rates }
    }

    /// Puts what waits at the front of `scratch`, at most `most` bytes.
    pub(super) fn recall(&mut self, scratch: &mut [u8], most: usize) -> Backlog {
        if self.backlog.is_empty() {
            // What nearly every read finds.
            return Backlog::Start(0);
        }
        let count = if self.starved { self.backlog.len() } else { self.backlog.len().min(most) };
        within_mut(scratch, ..count).copy_from_slice(within(&self.backlog, ..count));
        if self.starved {
            return Backlog::Start(count);
        }
        self.backlog.drain(..count);
        self.give_back();
        Backlog::Whole(count)
    }

    /// Judges what nothing more passes of.
    #[inline(never)]
    pub(super) fn judge_unpassed(
        &mut self,
        chunk: &mut [u8],
        ping_payload: PingPayload,
        meters: &mut Meters,
        now: Instant,
    ) -> Judged {
        self.judge(chunk, OnClose::Swallow, ping_payload, (meters, Sizes(None)), now)
    }

    /// Judges `chunk`: what was recalled, and what was read behind it. Compacts it where a frame is swallowed.
    ///
    /// Inlined, for what it finds is as large as what finding it takes.
    #[inline(always)]
    pub(super) fn judge(
        &mut self,
        chunk: &mut [u8],
        on_close: OnClose,
        ping_payload: PingPayload,
        (meters, sizes): (&mut Meters, Sizes<'_>),
        now: Instant,
    ) -> Judged {
        if std::mem::take(&mut self.starved) {
            self.backlog.clear();
        }
        let mut judged = match self.frames {
            None => self.judge_bytes(chunk, now),
            Some(_) => self.judge_frames(chunk, on_close, ping_payload, (meters, sizes), now),
        };
        if let Some(rates) = &mut self.rates
            && (rates.are_paced() || judged.above.is_some())
        {
            rates.charge(&mut judged, now);
        }
        judged
    }

    /// Judges what may be anything.
    fn judge_bytes(&mut self, chunk: &[u8], now: Instant) -> Judged {
        let most = self.paced().map_or(usize::MAX, |rates| rates.bytes_left(now));
        let (passed, rest) = chunk.split_at_checked(most).unwrap_or((chunk, &[]));
        keep(&mut self.backlog, rest);
        let above = (!rest.is_empty()).then_some(Above::Bytes);
        Judged { passed: passed.len(), judged: passed.len(), data: !passed.is_empty(), above, ..Judged::default() }
    }

    /// Judges frames, as far as their bytes may pass.
    #[inline(always)]
    fn judge_frames(
        &mut self,
        chunk: &mut [u8],
        on_close: OnClose,
        ping_payload: PingPayload,
        (meters, mut sizes): (&mut Meters, Sizes<'_>),
        now: Instant,
    ) -> Judged {
        let mut judged = Judged::default();
        let (most, may_begin) =
            self.paced().map_or((usize::MAX, u64::MAX), |rates| (rates.bytes_left(now), rates.messages_left(now)));
        let Some(Frames { inspector, meter }) = &mut self.frames else { return judged };
        // One budget for the whole chunk, however many control frames cut it into scans.
        let mut metering = meter.as_mut().map(|meter| meter.observe(meters.lend(), INFLATE));
        let mut kept = Kept { end: chunk.len().min(most), chunk, passed: 0, judged: 0 };
        let mut starved = false;
        while judged.end.is_none() && judged.above.is_none() {
            let may_begin = may_begin - judged.messages;
            let scan = match &mut metering {
                None => inspector.scan_observed(kept.within(), may_begin, &mut sizes),
                Some(metering) => scan_metered(inspector, &kept, may_begin, MeteredSizes { metering, sizes }),
            };
            kept.pass(scan.passed);
            judged.messages += scan.messages;
            judged.data |= scan.passed > 0;
            match scan.then {
                Then::Exhausted | Then::Incomplete if kept.is_cut() => judged.above = Some(Above::Bytes),
                Then::Exhausted | Then::Paused => break,
                Then::Incomplete => {
                    starved = true;
                    break;
                }
                Then::Control(control) => {
                    if !self.rates.as_mut().is_none_or(|rates| rates.take_control(&control, now)) {
                        judged.above = Some(Above::ControlFrames);
                        break;
                    }
                    match judged.weigh(&control, kept.within(), on_close, ping_payload) {
                        ControlHandling::Pass => kept.pass(control.size),
                        ControlHandling::Swallow => kept.swallow(control.size),
                    }
                }
                Then::Budget => judged.above = Some(Above::Messages),
                Then::Violation(violation) => judged.end = Some(DirectionEnd::Violated(violation)),
            }
        }
        (judged.passed, judged.judged) = (kept.passed, kept.judged);
        // What follows a limit that was passed is still frames, and the answer to our Close is one of them.
        let rest = kept.rest();
        if !rest.is_empty() {
            self.starved = starved && self.backlog.is_empty();
            keep(&mut self.backlog, rest);
        }
        judged
    }

    /// The rates on messages and bytes, which mostly there are not.
    fn paced(&mut self) -> Option<&mut RateLimits> {
        self.rates.as_deref_mut().filter(|rates| rates.are_paced())
    }

    /// What was judged has been passed on.
    pub(super) fn note_passed(&mut self) {
        if let Some(Frames { inspector, .. }) = &self.frames {
            self.inside_frame = !inspector.is_at_boundary();
        }
    }

    /// No limit holds any more: the source is only read on for its Close.
    pub(super) fn lift_limits(&mut self) {
        self.rates = None;
        if let Some(Frames { inspector, meter }) = &mut self.frames {
            inspector.lift_limits();
            *meter = None;
        }
    }

    /// How much may be read, of `most`: no more than may pass where a rate holds the source back.
    pub(super) fn room(&mut self, most: usize, now: Instant) -> usize {
        // What the backlog has of a header is read already, and not charged yet.
        let uncharged = if self.starved { self.backlog.len() } else { 0 };
        self.paced().map_or(most, |rates| most.min(rates.room(now).saturating_sub(uncharged)))
    }

    /// No rate holds any more: nothing passes.
    pub(super) fn lift_rates(&mut self) {
        self.rates = None;
    }

    /// Nothing that was read and not passed is of use any more.
    pub(super) fn discard(&mut self) {
        self.backlog = Vec::new();
        self.starved = false;
    }

    /// Gives a large buffer back with its last byte; a small one will be needed again for the next half of a header.
    fn give_back(&mut self) {
        if self.backlog.is_empty() && self.backlog.capacity() > HEAD {
            self.backlog = Vec::new();
        }
    }

    /// Whether what has passed so far ends between two frames, so that one of ours may follow.
    pub(super) fn is_at_boundary(&self) -> bool {
        !self.inside_frame
    }

    /// How many bytes are missing until a frame of ours may follow; `None` in a raw direction, where none ever stands.
    pub(super) fn until_boundary(&self) -> Option<u64> {
        self.frames.as_ref().map(|frames| frames.inspector.remaining())
    }

    /// When the source may be read again, where a rate holds it back.
    pub(super) fn resume(&self, now: Instant) -> Option<Instant> {
        self.rates.as_ref()?.resume().filter(|resume| now < *resume)
    }

    /// What its frames needed that is against RFC 6455.
    pub(super) fn leniencies(&self) -> Leniencies {
        self.frames.as_ref().map(|frames| frames.inspector.leniencies()).unwrap_or_default()
    }

    /// Panics where an invariant does not hold.
    pub(super) fn check_invariants(&self) {
        if let Some(flaw) = self.flaw() {
            panic!("{flaw}: {self:?}");
        }
    }

    /// The first invariant that does not hold.
    pub(super) fn flaw(&self) -> Option<&'static str> {
        let broken = [
            (self.starved && self.backlog.len() > MAX_STARVED, "what waits is no start"),
            (self.starved && self.backlog.is_empty(), "starved of nothing"),
            (self.frames.is_none() && (self.inside_frame || self.starved), "frames among bytes"),
        ];
        let inspected = self.frames.as_ref().and_then(|frames| frames.inspector.flaw());
        broken.into_iter().find_map(|(is_broken, flaw)| is_broken.then_some(flaw)).or(inspected)
    }

    /// How much memory waits in it.
    #[cfg(any(test, feature = "fuzzing"))]
    pub(super) fn buffered(&self) -> usize {
        self.backlog.capacity()
    }
}

/// A chunk that is compacted in place: what passed at its front, then a gap as large as what was swallowed, then what is
/// not judged yet. Each byte moves at most once.
struct Kept<'a> {
    chunk: &'a mut [u8],
    /// So far it may be judged now.
    end: usize,
    passed: usize,
    judged: usize,
}

impl Kept<'_> {
    /// What is to be judged now.
    fn within(&self) -> &[u8] {
        within(self.chunk, self.judged..self.end)
    }

    /// Whether there is more than may be judged now.
    fn is_cut(&self) -> bool {
        self.end < self.chunk.len()
    }

    fn rest(&self) -> &[u8] {
        within(self.chunk, self.judged..)
    }

    fn pass(&mut self, size: usize) {
        if self.passed < self.judged {
            self.chunk.copy_within(self.judged..self.judged + size, self.passed);
        }
        self.passed += size;
        self.judged += size;
    }

    fn swallow(&mut self, size: usize) {
        self.judged += size;
    }
}

/// Out of the way: most routes do not ask what messages inflate to.
#[inline(never)]
fn scan_metered(
    inspector: &mut Inspector,
    kept: &Kept<'_>,
    may_begin: u64,
    mut observer: MeteredSizes<'_, '_>,
) -> Scan {
    inspector.scan_observed(kept.within(), may_begin, &mut observer)
}

/// Puts `rest` in front of all that waits.
fn keep(backlog: &mut Vec<u8>, rest: &[u8]) {
    if !rest.is_empty() {
        backlog.splice(..0, rest.iter().copied());
    }
}
