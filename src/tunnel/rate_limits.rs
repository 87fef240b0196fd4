//! How fast one direction may be: its token buckets, and what happens above a rate.
//!
//! Invariant: within any time, no more passes than the burst and what the rate brings meanwhile, however much stands in one
//! read. What is above that waits unread, or unjudged in the backlog, or ends the tunnel.

use std::time::Duration;

use tokio::time::Instant;

use super::judged::{Above, DirectionEnd, Judged};
use crate::config::{Excess, LimitSettings, Rate};
use crate::websocket::{ControlFrame, ControlKind, MAX_CONTROL_PAYLOAD, MAX_HEADER, TokenBucket, Violation};

/// A pause is looked at again after so long, however slow the rate is.
const LONGEST_PAUSE: Duration = Duration::from_secs(3600);
/// Headers and control frames pass whole, so the burst of bytes is never less than the longest of them together.
pub(super) const WHOLE: u64 = (MAX_HEADER + MAX_HEADER + MAX_CONTROL_PAYLOAD) as u64;
/// A direction that is held back goes on so often each second, with what has come in by then.
const TURNS: u64 = 20;

/// The rates of one direction; made only where there is one. Mostly there is only that on control frames, in every tunnel.
#[derive(Debug)]
pub(super) struct RateLimits {
    pub(super) epoch: Instant,
    pub(super) excess: Excess,
    pub(super) control_frames: Option<TokenBucket>,
    pub(super) paced: Option<Box<Paced>>,
    /// Nothing may be read until then.
    pub(super) resume: Option<Instant>,
}

/// The rates that every read has to ask about.
#[derive(Debug)]
pub(super) struct Paced {
    pub(super) messages: Option<TokenBucket>,
    pub(super) bytes: Option<TokenBucket>,
}

impl RateLimits {
    /// The rates that `limits` asks for, if any.
    pub(super) fn new(limits: &LimitSettings, now: Instant) -> Option<Box<Self>> {
        let limited = |rate: Option<Rate>, least| {
            rate.map(|Rate { per_second, burst }| TokenBucket::new(per_second, burst.max(least), Duration::ZERO))
        };
        let paced =
            Paced { messages: limited(limits.messages_per_second, 1), bytes: limited(limits.bytes_per_second, WHOLE) };
        let is_paced = paced.messages.is_some() || paced.bytes.is_some();
        let control_frames = limited(limits.control_frames_per_second, 1);
        (is_paced || control_frames.is_some()).then(|| {
            let paced = is_paced.then(|| Box::new(paced));
            Box::new(Self { epoch: now, excess: limits.excess, control_frames, paced, resume: None })
        })
    }

    /// The rates that `limits` asks for where there are only bytes.
    pub(super) fn of_bytes(limits: &LimitSettings, now: Instant) -> Option<Box<Self>> {
        let of_bytes = LimitSettings {
            messages_per_second: None,
            control_frames_per_second: None,
            ..LimitSettings::clone(limits)
        };
        Self::new(&of_bytes, now)
    }

    /// Whether there is one on messages or bytes.
    pub(super) fn are_paced(&self) -> bool {
        self.paced.is_some()
    }

    /// How many messages may begin now.
    pub(super) fn messages_left(&mut self, now: Instant) -> u64 {
        let at = now - self.epoch;
        self.bucket(Above::Messages).map_or(u64::MAX, |messages| messages.available(at))
    }

    /// How many bytes may pass now.
    pub(super) fn bytes_left(&mut self, now: Instant) -> usize {
        let at = now - self.epoch;
        let bytes = self.bucket(Above::Bytes).map_or(u64::MAX, |bytes| bytes.available(at));
        usize::try_from(bytes).unwrap_or(usize::MAX)
    }

    /// How much may be read now: what could not pass is left to the socket, so that its sender notices.
    pub(super) fn room(&mut self, now: Instant) -> usize {
        match self.excess {
            Excess::Throttle => self.bytes_left(now),
            Excess::Close => usize::MAX,
        }
    }

    /// Charges a control frame; whether it may pass. A Close always may.
    pub(super) fn take_control(&mut self, control: &ControlFrame, now: Instant) -> bool {
        let Some(control_frames) = &mut self.control_frames else { return true };
        matches!(control.kind, ControlKind::Close(_)) || control_frames.take(1, now - self.epoch)
    }

    /// Charges what was judged: adds the violation, or the pause, that comes of it.
    pub(super) fn charge(&mut self, judged: &mut Judged, now: Instant) {
        let at = now - self.epoch;
        for (rate, count) in [(Above::Messages, judged.messages), (Above::Bytes, judged.judged as u64)] {
            if let Some(bucket) = self.bucket(rate) {
                bucket.charge(count, at);
            }
        }
        match (self.excess, judged.above) {
            (Excess::Close, None) => {}
            (Excess::Close, Some(above)) => judged.end = Some(DirectionEnd::Violated(self.violation(above))),
            (Excess::Throttle, above) => {
                let pause = self.pause(above, at);
                self.resume = pause.map(|pause| now + pause.min(LONGEST_PAUSE));
                judged.throttled = pause.is_some();
            }
        }
    }

    /// Until when nothing may be read.
    pub(super) fn resume(&self) -> Option<Instant> {
        self.resume
    }

    /// How long until enough may pass again. Bytes are waited for before they run out: a header may need some at once.
    fn pause(&mut self, above: Option<Above>, at: Duration) -> Option<Duration> {
        let wait = |bucket: Option<&mut TokenBucket>, least: u64| {
            let bucket = bucket?;
            bucket.wait_for((bucket.per_second() / TURNS).min(bucket.burst() / 2).max(least), at)
        };
        let bytes = wait(self.bucket(Above::Bytes), WHOLE);
        let other = match above {
            Some(Above::Bytes) | None => None,
            Some(above) => wait(self.bucket(above), 1),
        };
        bytes.max(other)
    }

    fn violation(&mut self, above: Above) -> Violation {
        let per_second = self.bucket(above).map_or(0, |bucket| bucket.per_second());
        match above {
            Above::Messages => Violation::TooManyMessages(per_second),
            Above::ControlFrames => Violation::TooManyControlFrames(per_second),
            Above::Bytes => Violation::TooManyBytes(per_second),
        }
    }

    fn bucket(&mut self, above: Above) -> Option<&mut TokenBucket> {
        match above {
            Above::Messages => self.paced.as_mut()?.messages.as_mut(),
            Above::ControlFrames => self.control_frames.as_mut(),
            Above::Bytes => self.paced.as_mut()?.bytes.as_mut(),
        }
    }
}
