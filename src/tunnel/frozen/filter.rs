//! One direction of a frozen tunnel.

use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::rates::FrozenRates;
use crate::tunnel::frame_filter::{FrameFilter, Frames};
use crate::tunnel::parameters::TunnelParameters;
use crate::tunnel::scratch::{HEAD, READ};
use crate::websocket::{Direction, FrozenInspector, FrozenMeter};

/// One direction: how far its frames have come, and what of it waits.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct FrozenFilter {
    /// `None` in a raw tunnel.
    frames: Option<FrozenFrames>,
    /// Read, and not passed on.
    backlog: Vec<u8>,
    /// The backlog is the start of a header or of a control frame.
    starved: bool,
    /// What has passed ends inside a frame.
    inside_frame: bool,
    rates: Option<FrozenRates>,
}

#[derive(Debug, Serialize, Deserialize)]
struct FrozenFrames {
    inspector: FrozenInspector,
    /// Where what messages inflate to is limited.
    meter: Option<FrozenMeter>,
}

impl FrozenFilter {
    pub(super) fn of(filter: &FrameFilter, now: Instant) -> Self {
        let frozen = |Frames { inspector, meter }: &Frames| FrozenFrames {
            inspector: inspector.freeze(),
            meter: meter.as_ref().map(|meter| meter.freeze()),
        };
        Self {
            frames: filter.frames.as_ref().map(frozen),
            backlog: filter.backlog.clone(),
            starved: filter.starved,
            inside_frame: filter.inside_frame,
            rates: filter.rates.as_ref().map(|rates| FrozenRates::of(rates, now)),
        }
    }

    /// The direction as it was, under the limits that it was born with. `None` where it is none of those.
    pub(super) fn thaw(
        self,
        parameters: &TunnelParameters,
        direction: Direction,
        frozen: Instant,
    ) -> Option<FrameFilter> {
        let mut filter = parameters.filter(direction, self.backlog, frozen);
        match (&mut filter.frames, self.frames) {
            (None, None) => {}
            (Some(frames), Some(frozen)) => {
                frames.inspector.thaw(&frozen.inspector).then_some(())?;
                match (&mut frames.meter, frozen.meter) {
                    (None, None) => {}
                    (Some(meter), Some(frozen)) => meter.thaw(frozen),
                    (None, Some(_)) | (Some(_), None) => return None,
                }
            }
            (None, Some(_)) | (Some(_), None) => return None,
        }
        match (&mut filter.rates, self.rates) {
            (None, None) => {}
            (Some(rates), Some(levels)) => levels.thaw(rates, frozen)?,
            (None, Some(_)) | (Some(_), None) => return None,
        }
        filter.starved = self.starved;
        filter.inside_frame = self.inside_frame;
        let is_bounded = filter.backlog.len() <= HEAD + READ;
        (is_bounded && filter.flaw().is_none()).then_some(filter)
    }

    /// Whether it can no longer be known what its messages inflate to.
    pub(super) fn loses_sight(&self) -> bool {
        let meter = self.frames.as_ref().and_then(|frames| frames.meter.as_ref());
        meter.is_some_and(FrozenMeter::loses_sight)
    }
}
