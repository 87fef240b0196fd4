//! What a process asks those that handed over to it, or to one before it, and drain still; and what they answer.

use std::num::NonZeroU32;
use std::time::Duration;

use futures_util::future::join_all;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::admin::wire::{CloseRequest, DrainStatus};
use crate::config::DrainWindow;
use crate::drain::{BadDrainTarget, DrainPolicy, DrainTarget, Spread};
use crate::handoff::{NoAnswer, Predecessor, Predecessors};
use crate::snapshot::{Endpoint, Snapshot};
use crate::websocket::CloseCode;

/// What is asked. One of a later version that is not known is answered with an error.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "ask", rename_all = "snake_case")]
pub enum Question {
    /// What do you hold? Answered with [`Holdings`].
    Holdings,
    /// Drain this. Answered with [`PredecessorDrain`], or `None` where there is nothing of that name.
    Drain(DrainOrder),
    /// Take the drain of an endpoint back. Answered with whether it was draining, or `None` where there is no such endpoint.
    Undrain {
        /// `UPSTREAM/NAME`.
        endpoint: String,
    },
    /// Close these at once. Answered with how many there are.
    Close(CloseRequest),
}

/// A drain as the asking process would do it: its configuration counts, not that of the process that drains.
#[derive(Debug, Serialize, Deserialize)]
pub struct DrainOrder {
    scope: String,
    deadline_ms: u64,
    spread_ms: u64,
    /// Whether the telling takes so long for a few tunnels, too.
    is_spread_exact: bool,
    max_per_second: NonZeroU32,
    close_code: u16,
    reason: Option<String>,
}

/// What a process holds that handed over.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Holdings {
    /// Its open tunnels, by where they belong.
    pub tunnels: Vec<Held>,
    /// Its drains.
    pub drains: Vec<DrainStatus>,
    /// When what is left is cut.
    pub ends_in_seconds: Option<u64>,
}

/// The open tunnels of one listener and route on one endpoint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// The listener they came through.
    pub listener: String,
    /// The route they took.
    pub route: String,
    /// Their upstream.
    pub upstream: String,
    /// Their endpoint.
    pub endpoint: String,
    /// Where that is; `None` where the process's own configuration has it no more.
    pub address: Option<String>,
    /// How many there are.
    pub tunnels: usize,
}

/// What a drain will be in a process that handed over.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PredecessorDrain {
    /// Its number there.
    pub id: u64,
    /// How many tunnels it is about.
    pub tunnels: usize,
    /// Over how long they are told.
    pub over_seconds: f64,
    /// The rate that the deadline forces, where it is above the cap.
    pub raised_to_per_second: Option<u32>,
}

/// What one of them answered, or why it did not.
#[derive(Clone, Debug)]
pub struct Answered<T> {
    /// Who, and what it said by itself.
    pub predecessor: Predecessor,
    /// Its answer.
    pub answer: Result<T, String>,
}

impl Held {
    /// Whether everything that they stand on is in `snapshot`: the names, and the endpoint's address.
    pub fn stands_on(&self, snapshot: &Snapshot) -> bool {
        snapshot.listeners().contains_key(self.listener.as_str())
            && snapshot.routes().get(self.route.as_str()).is_some_and(|route| {
                let mut branches = route.target.branches();
                let branch = branches.find(|branch| branch.upstream.settings.name.as_str() == self.upstream);
                branch.is_some_and(|branch| branch.upstream.endpoints().iter().any(|it| self.is_on(it)))
            })
    }

    /// Whether this is their endpoint: at another address it would be another one.
    pub fn is_on(&self, endpoint: &Endpoint) -> bool {
        endpoint.name.as_str() == self.endpoint && self.address.as_ref() == Some(&endpoint.address.to_string())
    }
}

/// Asks all of them at once. Whoever ends meanwhile is left out: it has nothing any more.
pub async fn ask<T: DeserializeOwned>(predecessors: &Predecessors, question: &Question) -> Vec<Answered<T>> {
    let text = serde_json::to_string(question).unwrap_or_default();
    let asked = predecessors.living().into_iter().map(|conversation| {
        let text = &text;
        async move {
            let answer = match conversation.ask(text).await {
                Ok(answer) => serde_json::from_str::<Result<T, String>>(&answer)
                    .unwrap_or_else(|error| Err(format!("its answer makes no sense: {error}"))),
                Err(NoAnswer::Gone) => return None,
                Err(error) => Err(error.to_string()),
            };
            Some(Answered { predecessor: conversation.predecessor(), answer })
        }
    });
    join_all(asked).await.into_iter().flatten().collect()
}

impl DrainOrder {
    /// An order for a drain of `target` by `policy`.
    pub fn new(target: &DrainTarget, policy: &DrainPolicy) -> Self {
        let milliseconds = |duration: Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        Self {
            scope: target.to_string(),
            deadline_ms: milliseconds(policy.window.deadline),
            spread_ms: milliseconds(policy.window.spread),
            is_spread_exact: policy.spread == Spread::Exact,
            max_per_second: policy.max_per_second,
            close_code: policy.code.get(),
            reason: policy.reason.as_deref().map(ToOwned::to_owned),
        }
    }

    /// What is to be drained, and how.
    ///
    /// # Errors
    /// What makes no sense here.
    pub fn understood(&self) -> Result<(DrainTarget, DrainPolicy), String> {
        let target = self.scope.parse().map_err(|wrong: BadDrainTarget| wrong.to_string())?;
        let code = CloseCode::new(self.close_code).ok_or_else(|| format!("{} is no close code", self.close_code))?;
        let deadline = Duration::from_millis(self.deadline_ms);
        let spread = Duration::from_millis(self.spread_ms);
        let policy = DrainPolicy {
            window: DrainWindow { deadline, spread: spread.min(deadline) },
            max_per_second: self.max_per_second,
            code,
            reason: self.reason.as_deref().map(Into::into),
            spread: if self.is_spread_exact { Spread::Exact } else { Spread::AtMost },
        };
        Ok((target, policy))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_arrives_as_it_was_given() {
        let seconds = Duration::from_secs;
        let policy = DrainPolicy {
            window: DrainWindow { deadline: seconds(300), spread: seconds(60) },
            max_per_second: NonZeroU32::new(7).unwrap(),
            code: CloseCode::new(4001).unwrap(),
            reason: Some("moving \"house\"".into()),
            spread: Spread::Exact,
        };
        let target: DrainTarget = "endpoint/chat/a".parse().unwrap();
        let text = serde_json::to_string(&Question::Drain(DrainOrder::new(&target, &policy))).unwrap();
        let Question::Drain(order) = serde_json::from_str(&text).unwrap() else { panic!("{text}") };
        assert_eq!(order.understood(), Ok((target, policy)));
    }
}
