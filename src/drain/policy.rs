//! What a drain is to keep to, and what a tunnel is told when it has to end.

use std::borrow::Cow;
use std::fmt;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;
use tokio::time::Instant;

use crate::config::{DrainSettings, DrainWindow, write_duration};
use crate::websocket::{CloseCode, MAX_REASON};

/// Why a drain takes place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Cause {
    /// The process stops.
    Stop,
    /// A reload took the tunnel's listener, route or endpoint away.
    Reload,
    /// Another process has taken over.
    Handoff,
    /// An operator asked for it.
    Operator,
    /// The probes of the tunnel's endpoint call it down.
    EndpointDown,
    /// The source of the tunnel's endpoint says that it leaves, or names it no more.
    Discovery,
    /// An operator has taken back what let the tunnel open.
    Revoked,
    /// Who had let the tunnel open was asked again, and refuses.
    Refused,
    /// Nobody has confirmed for too long that the tunnel may be open.
    Unconfirmed,
    /// What who had let the tunnel open has said that it may is over.
    Expired,
}

impl Cause {
    /// What the client reads as the reason of its Close, unless an operator gave another.
    pub fn reason(self) -> &'static str {
        match self {
            Self::Stop | Self::Handoff => "service restart",
            Self::Reload => "configuration changed",
            Self::Operator => "please reconnect",
            Self::EndpointDown => "endpoint down",
            Self::Discovery => "endpoint leaves",
            Self::Revoked => "revoked",
            Self::Refused => "no longer permitted",
            Self::Unconfirmed => "no longer confirmed",
            Self::Expired => "expired",
        }
    }

    /// The word for logs, metrics and the status.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Stop => "stop",
            Self::Reload => "reload",
            Self::Handoff => "handoff",
            Self::Operator => "operator",
            Self::EndpointDown => "endpoint_down",
            Self::Discovery => "discovery",
            Self::Revoked => "revoked",
            Self::Refused => "recheck_refused",
            Self::Unconfirmed => "recheck_unconfirmed",
            Self::Expired => "expired",
        }
    }

    /// The one that this word is; none that [forbids](Self::forbids).
    pub fn of_word(word: &str) -> Option<Self> {
        let drains = [Self::Stop, Self::Reload, Self::Handoff, Self::Operator, Self::EndpointDown, Self::Discovery];
        drains.into_iter().find(|cause| cause.as_str() == word)
    }

    /// Whether the tunnel may not be open any more. Then nothing that its client still sends goes on; otherwise it ends at a
    /// time that suits somebody, and what the client has to say is heard.
    pub fn forbids(self) -> bool {
        matches!(self, Self::Revoked | Self::Refused | Self::Unconfirmed | Self::Expired)
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What a drain keeps to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DrainPolicy {
    /// When what is left is cut, and over how long the tunnels are told.
    pub window: DrainWindow,
    /// How many are told each second at the most, unless the deadline needs more.
    pub max_per_second: NonZeroU32,
    /// The code of the Close that clients read.
    pub code: CloseCode,
    /// Its reason; `None` is that of the cause.
    pub reason: Option<Arc<str>>,
    /// What the spread means where few tunnels are told.
    pub spread: Spread,
}

/// What a spread means where there are few tunnels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spread {
    /// Somebody has asked for it now: the telling takes so long, for two tunnels too.
    Exact,
    /// It is configured, for many: a few are told within [`BETWEEN`] of each other, and it is over sooner.
    AtMost,
}

impl DrainPolicy {
    /// What is configured, with the window of a cause.
    pub fn new(settings: &DrainSettings, window: DrainWindow) -> Self {
        Self {
            window,
            max_per_second: settings.max_per_second,
            code: settings.close_code,
            reason: None,
            spread: Spread::AtMost,
        }
    }

    /// The same with what an operator wants otherwise. A spread that was not asked for gives way to a shorter deadline.
    pub fn with(self, overrides: &Overrides) -> Result<Self, BadDrainPolicy> {
        let Overrides { deadline, spread, max_per_second, code, reason } = overrides;
        let means = if spread.is_some() { Spread::Exact } else { self.spread };
        let deadline = deadline.unwrap_or(self.window.deadline);
        let spread = spread.unwrap_or(self.window.spread.min(deadline));
        if spread > deadline {
            return Err(BadDrainPolicy::SpreadAboveDeadline { spread, deadline });
        }
        if reason.as_ref().is_some_and(|reason| reason.len() > MAX_REASON) {
            return Err(BadDrainPolicy::ReasonTooLong);
        }
        Ok(Self {
            window: DrainWindow { deadline, spread },
            max_per_second: max_per_second.unwrap_or(self.max_per_second),
            code: code.unwrap_or(self.code),
            reason: reason.clone().or(self.reason),
            spread: means,
        })
    }

    /// Over how long so many tunnels are told. A handful that is told over a minute looks like a reload that hangs, and is no
    /// wave that anybody would feel.
    pub fn spread_over(&self, tunnels: usize) -> Duration {
        match self.spread {
            Spread::Exact => self.window.spread,
            Spread::AtMost => {
                self.window.spread.min(BETWEEN.saturating_mul(u32::try_from(tunnels).unwrap_or(u32::MAX)))
            }
        }
    }

    /// The order for a drain that starts now.
    pub fn order(&self, cause: Cause) -> StopOrder {
        let deadline = Instant::now() + self.window.deadline;
        StopOrder { cause, code: self.code, reason: self.reason.clone(), deadline }
    }
}

/// What an operator wants to be otherwise than configured; `None` is as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Overrides {
    /// When what is left is cut.
    pub deadline: Option<Duration>,
    /// Over how long the tunnels are told.
    pub spread: Option<Duration>,
    /// How many are told each second at the most.
    pub max_per_second: Option<NonZeroU32>,
    /// The code of the Close that clients read.
    pub code: Option<CloseCode>,
    /// Its reason.
    pub reason: Option<Arc<str>>,
}

/// What no drain can keep.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum BadDrainPolicy {
    /// Tunnels would be told after they are cut.
    #[error(
        "the spread ({spread}) is longer than the deadline ({deadline}); \
         ask for a spread of at most {deadline}, or for a deadline of at least {spread}",
        spread = write_duration(*spread),
        deadline = write_duration(*deadline)
    )]
    SpreadAboveDeadline {
        /// Over how long the tunnels would be told.
        spread: Duration,
        /// When what is left would be cut.
        deadline: Duration,
    },
    /// A Close has no room for the reason (RFC 6455 §5.5).
    #[error("the reason is longer than a Close has room for; write {MAX_REASON} bytes at the most")]
    ReasonTooLong,
}

/// Tells a tunnel to close now, and until when it has time for that.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StopOrder {
    /// Why.
    pub cause: Cause,
    /// The code of the Close that its client reads.
    pub code: CloseCode,
    /// The reason of that Close; `None` is that of the cause.
    pub reason: Option<Arc<str>>,
    /// When the tunnel is cut if its closing handshakes are not over.
    pub deadline: Instant,
}

impl StopOrder {
    /// The order for a tunnel that may not be open any more, for a `cause` that [forbids](Cause::forbids) it: the peers have a
    /// moment to answer their Close, and no more.
    pub fn forbidding(cause: Cause, code: CloseCode, reason: Option<Arc<str>>) -> Self {
        Self { cause, code, reason, deadline: Instant::now() + FORBIDDEN_WITHIN }
    }

    /// The reason that its client reads.
    pub fn reason(&self) -> Cow<'static, str> {
        match &self.reason {
            Some(reason) => Cow::Owned(reason.as_ref().to_owned()),
            None => Cow::Borrowed(self.cause.reason()),
        }
    }
}

/// How long the closing handshakes of a tunnel may take that may not be open any more.
const FORBIDDEN_WITHIN: Duration = Duration::from_secs(5);

/// The longest that one tunnel is told after another where nobody has asked for a spread: fifty handshakes a second are no wave.
const BETWEEN: Duration = Duration::from_millis(20);

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(deadline: u64, spread: u64) -> DrainWindow {
        DrainWindow { deadline: Duration::from_secs(deadline), spread: Duration::from_secs(spread) }
    }

    fn policy() -> DrainPolicy {
        DrainPolicy {
            window: seconds(300, 60),
            max_per_second: NonZeroU32::MIN,
            code: CloseCode::SERVICE_RESTART,
            reason: None,
            spread: Spread::AtMost,
        }
    }

    #[test]
    fn a_handful_is_told_sooner_unless_somebody_asks_for_more() {
        let seconds = Duration::from_secs;
        let spreads = [1, 5, 2_999, 3_000, 100_000].map(|tunnels| policy().spread_over(tunnels));
        assert_eq!(spreads, [seconds(1) / 50, seconds(5) / 50, seconds(2_999) / 50, seconds(60), seconds(60)]);
        let asked = policy().with(&Overrides { spread: Some(seconds(60)), ..Overrides::default() }).unwrap();
        assert_eq!(asked.spread_over(2), seconds(60));
        let other = policy().with(&Overrides { deadline: Some(seconds(30)), ..Overrides::default() }).unwrap();
        assert_eq!(other.spread_over(2), seconds(2) / 50);
    }

    #[test]
    fn a_spread_that_nobody_asked_for_gives_way_to_the_deadline() {
        let short = Overrides { deadline: Some(Duration::from_secs(10)), ..Overrides::default() };
        assert_eq!(policy().with(&short).unwrap().window, seconds(10, 10));
        let contradiction = Overrides { spread: Some(Duration::from_secs(11)), ..short };
        let refused = policy().with(&contradiction).unwrap_err().to_string();
        assert!(
            refused.starts_with("the spread (11s) is longer than the deadline (10s); ask for a spread"),
            "{refused}"
        );
    }

    #[test]
    fn a_reason_must_fit_into_a_close() {
        let reason = |length| Overrides { reason: Some("x".repeat(length).into()), ..Overrides::default() };
        assert_eq!(policy().with(&reason(MAX_REASON)).unwrap().order(Cause::Operator).reason().len(), MAX_REASON);
        assert_eq!(policy().with(&reason(MAX_REASON + 1)), Err(BadDrainPolicy::ReasonTooLong));
    }

    #[test]
    fn an_order_without_a_reason_has_that_of_its_cause() {
        assert_eq!(policy().order(Cause::Reload).reason(), Cause::Reload.reason());
    }
}
