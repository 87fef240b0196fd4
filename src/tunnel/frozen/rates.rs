//! The levels of the token buckets of a frozen direction.

use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use crate::config::Excess;
use crate::moment::Moment;
use crate::tunnel::rate_limits::{RateLimits, WHOLE};
use crate::websocket::{BucketLevel, TokenBucket};

/// What has come in, and not been used up, of each rate.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct FrozenRates {
    control_frames: Option<BucketLevel>,
    messages: Option<BucketLevel>,
    bytes: Option<BucketLevel>,
    /// Nothing is read until then.
    resume: Option<Moment>,
}

impl FrozenRates {
    pub(super) fn of(rates: &RateLimits, now: Instant) -> Self {
        let at = now.saturating_duration_since(rates.epoch);
        let level = |bucket: &Option<TokenBucket>| bucket.map(|bucket| bucket.level(at));
        let paced = rates.paced.as_ref();
        Self {
            control_frames: level(&rates.control_frames),
            messages: paced.and_then(|paced| level(&paced.messages)),
            bytes: paced.and_then(|paced| level(&paced.bytes)),
            resume: rates.resume.map(|resume| Moment::of(resume, now)),
        }
    }

    /// Brings `rates`, which begin at `frozen`, to these levels; `None` where they are other rates.
    pub(super) fn thaw(self, rates: &mut RateLimits, frozen: Instant) -> Option<()> {
        let (mut messages, mut bytes) = (None, None);
        if let Some(paced) = &mut rates.paced {
            (messages, bytes) = (paced.messages.as_mut(), paced.bytes.as_mut());
        }
        for (bucket, level) in
            [(rates.control_frames.as_mut(), self.control_frames), (messages, self.messages), (bytes, self.bytes)]
        {
            match (bucket, level) {
                (None, None) => {}
                (Some(bucket), Some(level)) => bucket.set_level(level),
                (None, Some(_)) | (Some(_), None) => return None,
            }
        }
        rates.resume = self.resume.map(|resume| resume.at(frozen));
        has_room_once_it_resumes(rates, frozen).then_some(())
    }
}

/// Whether what is held back may be read when its pause is over, or now where there is none: whoever reads then finds room for the longest that
/// passes whole.
fn has_room_once_it_resumes(rates: &RateLimits, frozen: Instant) -> bool {
    let Some(mut bytes) = rates.paced.as_ref().and_then(|paced| paced.bytes) else { return true };
    let pause = rates.resume.map(|resume| resume.saturating_duration_since(frozen)).unwrap_or_default();
    rates.excess == Excess::Close || bytes.available(pause) >= WHOLE
}
