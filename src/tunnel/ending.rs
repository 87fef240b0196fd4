//! Why a tunnel ends, and the one table of what each side is told then.

use std::borrow::Cow;
use std::fmt;

use super::liveness::Speech;
use crate::config::WebsocketSettings;
use crate::drain::{Cause, StopOrder};
use crate::websocket::{CloseCode, PerSide, Side, Violation};

/// Why a tunnel ends. The first cause stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// A side sent a Close of its own.
    PeerClosed {
        /// Which one.
        by: Side,
        /// With which code, if it gave one.
        code: Option<CloseCode>,
    },
    /// A drain told it to.
    Drained(StopOrder),
    /// It has reached its `max_lifetime`.
    Lifetime,
    /// Nothing happened in either direction for `idle_timeout`.
    Idle,
    /// A side did not answer a ping within `pong_within`.
    NoPong(Side),
    /// A side took nothing of what was written to it for `stall_timeout`.
    Stalled(Side),
    /// A side broke RFC 6455 or a limit.
    Violated {
        /// Who.
        by: Side,
        /// What.
        violation: Violation,
    },
    /// A side is gone without a Close.
    Lost {
        /// Which one.
        side: Side,
        /// How it went.
        gone: Gone,
    },
}

/// How a side went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gone {
    /// It ended its direction with a FIN (or a TLS close_notify); it may still be reading.
    Finished,
    /// Its connection broke: a reset, a TLS truncation, a failed write.
    Broken,
}

/// What one side is told when a tunnel ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum GoodBye {
    /// A Close of ours, at the next frame boundary.
    Close(CloseCode, Cow<'static, str>),
    /// The same, once the other side's own Close has come or it is gone: until then its messages go on.
    After(CloseCode, Cow<'static, str>),
    /// What the other side sends, to its end, and then a FIN.
    Rest,
    /// A FIN at once: there are no words in a raw tunnel.
    Fin,
    /// Nothing: it could not reach it.
    Cut,
}

impl Ending {
    /// Who is told what.
    pub(super) fn good_byes(&self, settings: &WebsocketSettings, speech: Speech) -> PerSide<GoodBye> {
        match speech {
            Speech::Frames => self.closes(settings),
            Speech::Bytes => self.fins(),
        }
    }

    /// The table of endings.
    fn closes(&self, settings: &WebsocketSettings) -> PerSide<GoodBye> {
        match *self {
            Self::PeerClosed { .. } => both(GoodBye::Rest),
            Self::Drained(ref order) => PerSide {
                client: GoodBye::Close(order.code, order.reason()),
                upstream: GoodBye::After(CloseCode::GOING_AWAY, order.reason()),
            },
            Self::Lifetime => both(close(CloseCode::GOING_AWAY, "maximum lifetime reached")),
            Self::Idle => both(close(CloseCode::GOING_AWAY, "idle timeout")),
            Self::NoPong(_) => both(close(CloseCode::GOING_AWAY, "no answer to ping")),
            Self::Stalled(side) => one(side, GoodBye::Cut, close(CloseCode::GOING_AWAY, "the other side stalled")),
            Self::Violated { by, violation } => {
                let offender = GoodBye::Close(violation.close_code(), violation.to_string().into());
                let other = match by {
                    Side::Client => close(CloseCode::GOING_AWAY, "the client was disconnected"),
                    Side::Upstream => close(CloseCode::BAD_GATEWAY, "the server was disconnected"),
                };
                one(by, offender, other)
            }
            Self::Lost { side: Side::Client, .. } => both(GoodBye::Rest),
            Self::Lost { side: Side::Upstream, .. } => {
                PerSide { client: close(settings.endpoint_lost_code, "the server is gone"), upstream: GoodBye::Rest }
            }
        }
    }

    /// What is left of the table in a raw tunnel.
    fn fins(&self) -> PerSide<GoodBye> {
        match *self {
            Self::PeerClosed { .. } | Self::Lost { .. } => both(GoodBye::Rest),
            Self::Stalled(side) => one(side, GoodBye::Cut, GoodBye::Fin),
            Self::Drained(_) | Self::Lifetime | Self::Idle | Self::NoPong(_) | Self::Violated { .. } => {
                both(GoodBye::Fin)
            }
        }
    }

    /// Whose doing it was; `None` is our own.
    pub fn by(&self) -> Option<Side> {
        match *self {
            Self::PeerClosed { by, .. } | Self::Violated { by, .. } => Some(by),
            Self::NoPong(side) | Self::Stalled(side) | Self::Lost { side, .. } => Some(side),
            Self::Drained(_) | Self::Lifetime | Self::Idle => None,
        }
    }

    /// The one word for metrics.
    pub fn metric_word(&self) -> &'static str {
        match self {
            Self::PeerClosed { .. } => "closed",
            Self::Drained(order) => match order.cause {
                Cause::Stop => "drained_stop",
                Cause::Reload => "drained_reload",
                Cause::Handoff => "drained_handoff",
                Cause::Operator => "drained_operator",
            },
            Self::Lifetime => "max_lifetime",
            Self::Idle => "idle_timeout",
            Self::NoPong(_) => "pong_within",
            Self::Stalled(_) => "stall_timeout",
            Self::Violated { .. } => "violation",
            Self::Lost { gone: Gone::Finished, .. } => "gone",
            Self::Lost { gone: Gone::Broken, .. } => "broken",
        }
    }

    /// The close code that stands for it in the log: the peer's own, or the one we told the client or the offender.
    pub fn code(&self, settings: &WebsocketSettings) -> Option<CloseCode> {
        match *self {
            Self::PeerClosed { code, .. } => code,
            Self::Violated { violation, .. } => Some(violation.close_code()),
            Self::Drained(ref order) => Some(order.code),
            Self::Lifetime | Self::Idle | Self::NoPong(_) => Some(CloseCode::GOING_AWAY),
            Self::Stalled(side) => (side == Side::Upstream).then_some(CloseCode::GOING_AWAY),
            Self::Lost { side, .. } => (side == Side::Upstream).then_some(settings.endpoint_lost_code),
        }
    }
}

impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PeerClosed { .. } => f.write_str("closed"),
            Self::Drained(order) => write!(f, "drained: {}", order.cause),
            Self::Lifetime => f.write_str("max_lifetime"),
            Self::Idle => f.write_str("idle_timeout"),
            Self::NoPong(_) => f.write_str("pong_within"),
            Self::Stalled(_) => f.write_str("stall_timeout"),
            Self::Violated { violation, .. } => violation.fmt(f),
            Self::Lost { gone: Gone::Finished, .. } => f.write_str("gone without Close"),
            Self::Lost { gone: Gone::Broken, .. } => f.write_str("connection broken"),
        }
    }
}

fn close(code: CloseCode, reason: &'static str) -> GoodBye {
    GoodBye::Close(code, Cow::Borrowed(reason))
}

fn both(good_bye: GoodBye) -> PerSide<GoodBye> {
    PerSide { client: good_bye.clone(), upstream: good_bye }
}

fn one(side: Side, its: GoodBye, others: GoodBye) -> PerSide<GoodBye> {
    match side {
        Side::Client => PerSide { client: its, upstream: others },
        Side::Upstream => PerSide { client: others, upstream: its },
    }
}
