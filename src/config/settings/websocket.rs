//! `[route.NAME.websocket]`, as meant.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::websocket::{CloseCode, PerDirection, PerSide, Strictness};

/// `[route.NAME.websocket]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WebsocketSettings {
    /// Ends a tunnel that had no activity in either direction for so long.
    pub idle_timeout: Option<Duration>,
    /// What counts as activity.
    pub idle_counts: IdleCounts,
    /// How long a side may be quiet before it is pinged.
    pub ping_every: PerSide<Option<Duration>>,
    /// How long a pinged side may stay silent.
    pub pong_within: Duration,
    /// What a missing pong means.
    pub pongs: PerSide<Pongs>,
    /// How long a side may take none of what is written to it.
    pub stall_timeout: Option<Duration>,
    /// How old a tunnel may become; each gets ± 10 % of its own.
    pub max_lifetime: Option<Duration>,
    /// How long a closing handshake may take once a side has taken all that was for it.
    pub closing_timeout: Duration,
    /// How long the other direction may go on after one ended with a FIN and no Close.
    pub half_close_timeout: Option<Duration>,
    /// What a client reads when its endpoint is gone without a Close.
    pub endpoint_lost_code: CloseCode,
    /// What a direction may carry.
    pub limits: PerDirection<LimitSettings>,
    /// Whether permessage-deflate may be negotiated.
    pub compression: Compression,
    /// Whether handshakes and frames have to obey RFC 6455 to the letter.
    pub strictness: Strictness,
}

impl WebsocketSettings {
    /// Whether what a message inflates to is limited, in any direction.
    pub fn limits_inflated(&self) -> bool {
        let PerDirection { from_client, from_upstream } = &self.limits;
        from_client.max_inflated_message.is_some() || from_upstream.max_inflated_message.is_some()
    }
}

impl WebsocketSettings {
    /// Whether a clock can add its times, and its rates let anything pass: what another process says may be anything.
    pub fn is_bounded(&self) -> bool {
        let Self { idle_timeout, ping_every, pong_within, stall_timeout, max_lifetime, .. } = self;
        let Self { closing_timeout, half_close_timeout, limits, .. } = self;
        let optional =
            [idle_timeout, &ping_every.client, &ping_every.upstream, stall_timeout, max_lifetime, half_close_timeout];
        let mut times = optional.into_iter().flatten().chain([pong_within, closing_timeout]);
        let mut limits = [&limits.from_client, &limits.from_upstream].into_iter();
        times.all(|time| *time <= LONGEST) && limits.all(LimitSettings::has_passable_rates)
    }
}

impl LimitSettings {
    fn has_passable_rates(&self) -> bool {
        let rates = [self.messages_per_second, self.control_frames_per_second, self.bytes_per_second];
        rates.iter().flatten().all(|rate| rate.per_second > 0 && rate.burst > 0)
    }
}

/// Longer than anything is configured to take.
const LONGEST: Duration = Duration::from_secs(1_000 * 365 * 24 * 3600);

/// What keeps a tunnel from being idle.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum IdleCounts {
    /// Only data messages.
    Messages,
    /// Any frame, the pings and pongs of the two ends too.
    Frames,
}

/// What it means that a pinged side stays silent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Pongs {
    /// Only of a side that has sent a Pong before it means that it is dead; any other is, once its kernel acknowledges
    /// nothing of what was sent. Some devices answer no ping at all.
    OnceSeen,
    /// It is dead.
    Required,
}

/// The limits of one direction; `None` is off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LimitSettings {
    /// Payload bytes of one message, as they are on the wire.
    pub max_message: Option<u64>,
    /// Payload bytes of one frame, as they are on the wire.
    pub max_frame: Option<u64>,
    /// Frames of one message.
    pub max_fragments: Option<u64>,
    /// Bytes of one message after decompression.
    pub max_inflated_message: Option<u64>,
    /// Messages a second.
    pub messages_per_second: Option<Rate>,
    /// Ping, Pong and Close frames a second.
    pub control_frames_per_second: Option<Rate>,
    /// Bytes a second, frame headers included.
    pub bytes_per_second: Option<Rate>,
    /// What happens above a rate.
    pub excess: Excess,
}

/// A token bucket: `per_second` come in, at most `burst` are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rate {
    /// Tokens a second.
    pub per_second: u64,
    /// Tokens kept at the most; at least `1`.
    pub burst: u64,
}

/// What happens to a direction above its rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Excess {
    /// The sender reads a Close 1008.
    Close,
    /// We stop reading from it until it is within its rate again.
    Throttle,
}

/// What becomes of an offer of permessage-deflate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Compression {
    /// The two ends agree on it between them.
    Pass,
    /// The offer is taken out of the request.
    Refuse,
}
