//! Drains that are under way at a handoff: they go on in the new process, of the tunnels that have moved there.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::super::drains::DrainRest;
use crate::drain::{Cause, Registry, StopOrder, TunnelHandle, Whereabouts};
use crate::handoff::HandoffMessage;
use crate::websocket::CloseCode;

/// What is left of a drain, apart by where its tunnels are now.
pub(super) struct Parted {
    pub(super) here: DrainRest,
    pub(super) there: DrainRest,
}

/// Parts what is left of a drain.
pub(super) fn parted(rest: DrainRest) -> Parted {
    let has_left = |handle: &Arc<TunnelHandle>| handle.whereabouts() == Whereabouts::Left;
    let (there, here) = rest.untold.iter().cloned().partition(has_left);
    let of = |untold| DrainRest { untold, ..rest.clone() };
    Parted { here: of(here), there: of(there) }
}

/// A drain in the words of a handoff, in as many messages as that takes.
pub(super) fn said(rest: &DrainRest, number: u64) -> impl Iterator<Item = HandoffMessage> + '_ {
    let DrainRest { cause, scope, is_of_endpoints, order, told_by, untold } = rest;
    let (now, last) = (Instant::now(), untold.len().div_ceil(MOST_IN_ONE));
    let from_now = |at: Instant| u64::try_from(at.saturating_duration_since(now).as_millis()).unwrap_or(u64::MAX);
    let (deadline_ms, told_within_ms) = (from_now(order.deadline), from_now(*told_by));
    untold.chunks(MOST_IN_ONE).enumerate().map(move |(index, some)| HandoffMessage::DrainRest {
        drain: number,
        cause: cause.to_string(),
        scope: scope.clone(),
        is_of_endpoints: *is_of_endpoints,
        deadline_ms,
        told_within_ms,
        code: order.code.get(),
        reason: order.reason.as_deref().map(ToOwned::to_owned),
        tunnels: some.iter().map(|handle| handle.id.0).collect(),
        is_last: index + 1 == last,
    })
}

/// Puts together what is said of one drain after the other.
#[derive(Debug, Default)]
pub(super) struct RestParts {
    drain: u64,
    tunnels: HashSet<u64>,
}

impl RestParts {
    /// Takes a part of what is said of a drain. Once that was the last, what is left of it among the tunnels of `registry`; nothing where it is not
    /// understood.
    pub(super) fn take(&mut self, said: HandoffMessage, registry: &Registry) -> Option<DrainRest> {
        let HandoffMessage::DrainRest {
            drain,
            cause,
            scope,
            is_of_endpoints,
            deadline_ms,
            told_within_ms,
            code,
            reason,
            tunnels,
            is_last,
        } = said
        else {
            return None;
        };
        if drain != self.drain {
            *self = Self { drain, tunnels: HashSet::new() };
        }
        if self.tunnels.len() + tunnels.len() > MOST {
            return None;
        }
        self.tunnels.extend(tunnels);
        if !is_last {
            return None;
        }
        let (now, meant) = (Instant::now(), std::mem::take(&mut self.tunnels));
        let at = |milliseconds| now + Duration::from_millis(milliseconds).min(LONGEST);
        let order = StopOrder {
            cause: Cause::of_word(&cause)?,
            code: CloseCode::new(code)?,
            reason: reason.map(Into::into),
            deadline: at(deadline_ms),
        };
        let untold = registry.tunnels(|handle| meant.contains(&handle.id.0));
        Some(DrainRest { cause: order.cause, scope, is_of_endpoints, order, told_by: at(told_within_ms), untold })
    }
}

/// So many numbers fit into a message.
const MOST_IN_ONE: usize = 500;

/// More tunnels than a process can have.
const MOST: usize = 1_000_000;

/// Longer than any drain.
const LONGEST: Duration = Duration::from_secs(365 * 24 * 3600);
