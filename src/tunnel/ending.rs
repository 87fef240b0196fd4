//! Why a tunnel ends, and the one table of what each side is sent then.

use std::borrow::Cow;
use std::fmt;

use super::protocol::Protocol;
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
    /// What let it open holds no longer. The client reads this code.
    Expired(CloseCode),
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
        loss: Loss,
    },
}

/// How a side went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loss {
    /// It ended its direction with a FIN (or a TLS close_notify); it may still be reading.
    Finished,
    /// Its connection broke: a reset, a TLS truncation, a failed write.
    Broken,
}

/// What becomes of the direction to one side when a tunnel ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum CloseAction {
    /// A Close of ours, at the next frame boundary.
    SendClose(CloseCode, Cow<'static, str>),
    /// The same, once the other side's own Close has come or it is gone: until then its messages go on.
    SendCloseAfter(CloseCode, Cow<'static, str>),
    /// What the other side sends, to its end, and then a FIN.
    PassThrough,
    /// A FIN at once: a raw tunnel knows no Close.
    SendFin,
    /// Nothing: it could not reach it.
    Abort,
}

impl Ending {
    /// Which side is sent what.
    pub(super) fn close_actions(&self, settings: &WebsocketSettings, protocol: Protocol) -> PerSide<CloseAction> {
        match protocol {
            Protocol::Websocket(_) => self.websocket_actions(settings),
            Protocol::Raw => self.raw_actions(),
        }
    }

    /// The table of endings.
    fn websocket_actions(&self, settings: &WebsocketSettings) -> PerSide<CloseAction> {
        match *self {
            Self::PeerClosed { .. } => both(CloseAction::PassThrough),
            Self::Drained(ref order) if order.cause.forbids() => PerSide {
                client: CloseAction::SendClose(order.code, order.reason()),
                upstream: CloseAction::SendClose(CloseCode::GOING_AWAY, order.reason()),
            },
            Self::Drained(ref order) => PerSide {
                client: CloseAction::SendClose(order.code, order.reason()),
                upstream: CloseAction::SendCloseAfter(CloseCode::GOING_AWAY, order.reason()),
            },
            Self::Lifetime => both(close(CloseCode::GOING_AWAY, "maximum lifetime reached")),
            Self::Expired(code) => {
                PerSide { client: close(code, "expired"), upstream: close(CloseCode::GOING_AWAY, "expired") }
            }
            Self::Idle => both(close(CloseCode::GOING_AWAY, "idle timeout")),
            Self::NoPong(_) => both(close(CloseCode::GOING_AWAY, "no answer to ping")),
            Self::Stalled(side) => {
                one(side, CloseAction::Abort, close(CloseCode::GOING_AWAY, "the other side stalled"))
            }
            Self::Violated { by, violation } => {
                let offender = CloseAction::SendClose(violation.close_code(), violation.to_string().into());
                let other = match by {
                    Side::Client => close(CloseCode::GOING_AWAY, "the client was disconnected"),
                    Side::Upstream => close(CloseCode::BAD_GATEWAY, "the server was disconnected"),
                };
                one(by, offender, other)
            }
            Self::Lost { side: Side::Client, .. } => both(CloseAction::PassThrough),
            Self::Lost { side: Side::Upstream, .. } => PerSide {
                client: close(settings.endpoint_lost_code, "the server is gone"),
                upstream: CloseAction::PassThrough,
            },
        }
    }

    /// What is left of the table in a raw tunnel.
    fn raw_actions(&self) -> PerSide<CloseAction> {
        match *self {
            Self::PeerClosed { .. } | Self::Lost { .. } => both(CloseAction::PassThrough),
            Self::Stalled(side) => one(side, CloseAction::Abort, CloseAction::SendFin),
            Self::Drained(_)
            | Self::Lifetime
            | Self::Expired(_)
            | Self::Idle
            | Self::NoPong(_)
            | Self::Violated { .. } => both(CloseAction::SendFin),
        }
    }

    /// Whose doing it was; `None` is our own.
    pub fn by(&self) -> Option<Side> {
        match *self {
            Self::PeerClosed { by, .. } | Self::Violated { by, .. } => Some(by),
            Self::NoPong(side) | Self::Stalled(side) | Self::Lost { side, .. } => Some(side),
            Self::Drained(_) | Self::Lifetime | Self::Expired(_) | Self::Idle => None,
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
                Cause::EndpointDown => "drained_endpoint_down",
                Cause::Discovery => "drained_discovery",
                Cause::Revoked => "revoked",
                Cause::Refused => "recheck_refused",
                Cause::Unconfirmed => "recheck_unconfirmed",
                Cause::Expired => "expired",
            },
            Self::Lifetime => "max_lifetime",
            Self::Expired(_) => "expired",
            Self::Idle => "idle_timeout",
            Self::NoPong(_) => "pong_within",
            Self::Stalled(_) => "stall_timeout",
            Self::Violated { .. } => "violation",
            Self::Lost { loss: Loss::Finished, .. } => "gone",
            Self::Lost { loss: Loss::Broken, .. } => "broken",
        }
    }

    /// The close code that stands for it in the log: the peer's own, or the one that we sent to the client or the offender.
    pub fn code(&self, settings: &WebsocketSettings) -> Option<CloseCode> {
        match *self {
            Self::PeerClosed { code, .. } => code,
            Self::Violated { violation, .. } => Some(violation.close_code()),
            Self::Drained(ref order) => Some(order.code),
            Self::Expired(code) => Some(code),
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
            Self::Drained(order) if order.cause.forbids() => order.cause.fmt(f),
            Self::Drained(order) => write!(f, "drained: {}", order.cause),
            Self::Lifetime => f.write_str("max_lifetime"),
            Self::Expired(_) => f.write_str("expired"),
            Self::Idle => f.write_str("idle_timeout"),
            Self::NoPong(_) => f.write_str("pong_within"),
            Self::Stalled(_) => f.write_str("stall_timeout"),
            Self::Violated { violation, .. } => violation.fmt(f),
            Self::Lost { loss: Loss::Finished, .. } => f.write_str("gone without Close"),
            Self::Lost { loss: Loss::Broken, .. } => f.write_str("connection broken"),
        }
    }
}

fn close(code: CloseCode, reason: &'static str) -> CloseAction {
    CloseAction::SendClose(code, Cow::Borrowed(reason))
}

fn both(action: CloseAction) -> PerSide<CloseAction> {
    PerSide { client: action.clone(), upstream: action }
}

fn one(side: Side, its: CloseAction, others: CloseAction) -> PerSide<CloseAction> {
    match side {
        Side::Client => PerSide { client: its, upstream: others },
        Side::Upstream => PerSide { client: others, upstream: its },
    }
}
