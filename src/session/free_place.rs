//! The endpoints that are meant for a request, as far as they have a place for its tunnel.

use std::iter::{Enumerate, Peekable};
use std::num::NonZeroUsize;
use std::time::Duration;

use tokio::time::timeout;

use super::queued::wait_for;
use super::refused::Refused;
use super::request_context::RequestContext;
use crate::balance::Affinity;
use crate::health::Asked;
use crate::http::Refusal;
use crate::queue::{Displaced, QueueIsFull};
use crate::snapshot::{Lease, Pick, Picks};

/// A place that is taken with an endpoint.
#[derive(Debug)]
pub(super) struct FreePlace<'u> {
    /// How many endpoints were better.
    pub(super) attempt: usize,
    pub(super) pick: Pick<'u>,
    pub(super) lease: Lease,
}

/// Places with the endpoints that are meant for a request, best first. Each is taken when it is asked for.
#[derive(Debug)]
pub(super) struct FreePlaces<'u> {
    picks: Enumerate<Picks<'u>>,
    max_tunnels: Option<NonZeroUsize>,
}

/// Where a request may be placed; waits, where every endpoint is full that it may be placed on.
///
/// # Errors
/// It cannot wait, or has waited for too long.
pub(super) async fn free_places<'c>(
    context: &'c RequestContext,
    affinity: &Affinity,
) -> Result<Peekable<FreePlaces<'c>>, Refused> {
    let upstream = context.upstream();
    // Whoever waits was here before, but for shards may wait for other endpoints.
    let is_next = upstream.settings.max_tunnels.is_none() || has_shards(context) || !upstream.places.has_waiting();
    let mut places = FreePlaces::of(context, affinity);
    if is_next && places.peek().is_some() || !upstream.is_full_for(affinity) {
        return Ok(places);
    }
    // Boxed: it is rare, and every upgrade would have room for it.
    Box::pin(wait_for_place(context, affinity)).await
}

async fn wait_for_place<'c>(
    context: &'c RequestContext,
    affinity: &Affinity,
) -> Result<Peekable<FreePlaces<'c>>, Refused> {
    let upstream = context.upstream();
    let look = || {
        let mut places = FreePlaces::of(context, affinity);
        places.peek().is_some().then_some(places)
    };
    let waiting = upstream.places.wait(context.client.into(), upstream.settings.queue.length);
    let mut waiting = waiting.map_err(|QueueIsFull| Refusal::QueueFull)?;
    // A place that came to be free before this one waited has called nobody.
    if (upstream.places.waiting() == 1 || has_shards(context))
        && let Some(places) = look()
    {
        return Ok(places);
    }
    let called = async {
        loop {
            if let Ok(Err(Displaced)) = timeout(LOOK_EVERY, &mut waiting).await {
                return Err(Refusal::QueueFull.into());
            }
            match look() {
                Some(places) => {
                    waiting.note_placed();
                    return Ok(places);
                }
                None if has_shards(context) => waiting.pass_on(),
                None => waiting.wait_on(),
            }
        }
    };
    wait_for(context, called).await
}

/// Whether a place that is free may be one that a request may not have.
fn has_shards(context: &RequestContext) -> bool {
    context.upstream().settings.shards.is_some()
}

impl<'u> FreePlaces<'u> {
    fn of(context: &'u RequestContext, affinity: &Affinity) -> Peekable<Self> {
        let upstream = context.upstream();
        let (picks, max_tunnels) =
            (upstream.picks(affinity, Asked::Upgrade).enumerate(), upstream.settings.max_tunnels);
        Self { picks, max_tunnels }.peekable()
    }
}

impl<'u> Iterator for FreePlaces<'u> {
    type Item = FreePlace<'u>;

    fn next(&mut self) -> Option<Self::Item> {
        // It may have become full since it was looked at.
        self.picks.find_map(|(attempt, pick)| {
            let lease = pick.endpoint.try_lease(self.max_tunnels)?;
            Some(FreePlace { attempt, pick, lease })
        })
    }
}

/// How soon who waits notices a place that came to be free otherwise than by the end of a tunnel: since an endpoint is eligible
/// again.
const LOOK_EVERY: Duration = Duration::from_secs(1);
