//! How fast one direction may be: its token buckets, and what happens above a rate.

use std::time::Duration;

use tokio::time::Instant;

use super::half::{Event, Judged};
use crate::config::{Excess, LimitSettings, Rate};
use crate::websocket::{Control, ControlKind, TokenBucket, Violation};

/// A pause is looked at again after so long, however deep the debt is.
const LONGEST_PAUSE: Duration = Duration::from_secs(3600);

/// The rates of one direction; made only where there is one. Each bucket has a box of its own: mostly there is only the one
/// for control frames, in every tunnel.
#[derive(Debug)]
pub(super) struct Rates {
    epoch: Instant,
    excess: Excess,
    messages: Option<Box<TokenBucket>>,
    control_frames: Option<Box<TokenBucket>>,
    bytes: Option<Box<TokenBucket>>,
    /// Nothing may be read until then.
    resume: Option<Instant>,
}

impl Rates {
    /// The rates that `limits` asks for, if any.
    pub(super) fn new(limits: &LimitSettings, now: Instant) -> Option<Box<Self>> {
        let limited = |rate: Option<Rate>| {
            rate.map(|Rate { per_second, burst }| Box::new(TokenBucket::new(per_second, burst, Duration::ZERO)))
        };
        let rates = Self {
            epoch: now,
            excess: limits.excess,
            messages: limited(limits.messages_per_second),
            control_frames: limited(limits.control_frames_per_second),
            bytes: limited(limits.bytes_per_second),
            resume: None,
        };
        let any = rates.messages.is_some() || rates.control_frames.is_some() || rates.bytes.is_some();
        any.then(|| Box::new(rates))
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

    /// How many messages may begin now. A throttled direction may overdraw, by what one read brings, and then pauses.
    pub(super) fn messages_left(&mut self, now: Instant) -> u64 {
        match &mut self.messages {
            Some(messages) if self.excess == Excess::Close => messages.available(now - self.epoch),
            Some(_) | None => u64::MAX,
        }
    }

    /// The violation of a message beyond [`messages_left`](Self::messages_left).
    pub(super) fn too_many_messages(&self) -> Event {
        let per_second = self.messages.as_ref().map_or(0, |messages| messages.per_second());
        Event::Violated(Violation::TooManyMessages(per_second))
    }

    /// Charges a control frame; the violation, if it is one too many and that ends the tunnel. A Close is never too many.
    pub(super) fn take_control(&mut self, control: &Control, now: Instant) -> Option<Violation> {
        let control_frames = self.control_frames.as_mut()?;
        let is_close = matches!(control.kind, ControlKind::Close(_));
        if is_close || self.excess == Excess::Throttle || control_frames.take(1, now - self.epoch) {
            return None;
        }
        Some(Violation::TooManyControlFrames(control_frames.per_second()))
    }

    /// Charges what was judged: adds the violation, or the pause, that comes of it.
    pub(super) fn charge(&mut self, judged: &mut Judged, now: Instant) {
        let epoch = self.epoch;
        let charge = |bucket: &mut Option<Box<TokenBucket>>, tokens| bucket.as_mut()?.charge(tokens, now - epoch);
        let messages = charge(&mut self.messages, judged.messages);
        let bytes = charge(&mut self.bytes, judged.passed as u64);
        match self.excess {
            Excess::Throttle => {
                let control_frames = charge(&mut self.control_frames, judged.control_frames);
                let pause = [messages, bytes, control_frames].into_iter().flatten().max();
                self.resume = pause.map(|pause| now + pause.min(LONGEST_PAUSE));
                judged.throttled = self.resume.is_some();
            }
            Excess::Close => {
                if let (Some(_), Some(bucket), None) = (bytes, &self.bytes, judged.event) {
                    judged.event = Some(Event::Violated(Violation::TooManyBytes(bucket.per_second())));
                }
            }
        }
    }

    /// Until when nothing may be read.
    pub(super) fn resume(&self) -> Option<Instant> {
        self.resume
    }
}
