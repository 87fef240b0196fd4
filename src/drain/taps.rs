//! Who looks at what passes through an open tunnel.
//!
//! Invariant: a tunnel that nobody looks at pays one load of a flag for each read. What is kept here ends with the tunnel.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use thiserror::Error;
use tokio::time::Instant;

use super::scope::TunnelId;
use super::tunnel_handle::TunnelHandle;
use crate::tap::{Tap, TapFeed, tap};
use crate::websocket::{Direction, Extensions};

/// The taps of a process.
#[derive(Debug, Default)]
pub(super) struct Taps(Mutex<HashMap<TunnelId, Vec<Tap>>>);

/// Why a tunnel is not tapped.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum TapRefused {
    /// There is no such tunnel.
    #[error("no open tunnel has the number {0}")]
    Unknown(TunnelId),
    /// Too many look already.
    #[error("{MOST} taps are open already: end one of them first")]
    TooMany,
}

impl Taps {
    /// Has somebody look at what passes through a tunnel from now on, until the feed is dropped.
    ///
    /// # Errors
    /// It has ended, or too many look already.
    pub(super) fn begin(&self, handle: &TunnelHandle) -> Result<TapFeed, TapRefused> {
        let (tap, feed) = tap();
        let mut taps = self.locked();
        taps.retain(|_, taps| {
            taps.retain(|tap| !tap.is_over());
            !taps.is_empty()
        });
        if taps.values().map(Vec::len).sum::<usize>() >= MOST {
            return Err(TapRefused::TooMany);
        }
        // Under the lock: a tunnel that ends takes this along, or has ended before.
        handle.note_tapped(true);
        if handle.is_ended() {
            return Err(TapRefused::Unknown(handle.id));
        }
        taps.entry(handle.id).or_default().push(tap);
        Ok(feed)
    }

    /// Shows what passed to whoever looks at the tunnel.
    pub(super) fn see(
        &self,
        handle: &TunnelHandle,
        direction: Direction,
        state: (Option<Extensions>, u64),
        bytes: &[u8],
        at: Instant,
    ) {
        let mut taps = self.locked();
        let Some(own) = taps.get_mut(&handle.id) else { return handle.note_tapped(false) };
        own.retain(|tap| !tap.is_over());
        own.iter().for_each(|tap| tap.see(direction, state, bytes, at));
        if own.is_empty() {
            taps.remove(&handle.id);
            handle.note_tapped(false);
        }
    }

    /// The tunnel has ended.
    pub(super) fn end(&self, id: TunnelId) {
        self.locked().remove(&id);
    }

    fn locked(&self) -> MutexGuard<'_, HashMap<TunnelId, Vec<Tap>>> {
        // A panic while it was held leaves the table whole: each change to it is a single call.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How many taps are open at a time.
const MOST: usize = 16;

#[cfg(test)]
mod tests {
    use super::super::{LOCAL_CLIENT, Member, Registry};
    use super::*;

    fn see(registry: &Registry, handle: &TunnelHandle) {
        if handle.is_tapped() {
            let state = (Some(Extensions::None), 0);
            registry.taps().see(handle, Direction::FromClient, state, b"x", Instant::now());
        }
    }

    #[tokio::test]
    async fn a_tap_lasts_until_it_is_dropped_or_its_tunnel_ends() {
        let registry = Registry::new(1);
        let registration = registry.register(0, Member::of_route("chat"), LOCAL_CLIENT);
        let handle = registration.handle();
        let (_, mut one) = registry.tap(handle.id).unwrap();
        let (_, other) = registry.tap(handle.id).unwrap();
        see(&registry, handle);
        assert_eq!(one.next().await.unwrap().bytes, b"x");
        drop(other);
        see(&registry, handle);
        assert!(handle.is_tapped());
        let id = handle.id;
        drop(registration);
        assert!(one.next().await.is_some(), "what was seen is read still");
        assert!(one.next().await.is_none());
        assert_eq!(registry.tap(id).unwrap_err(), TapRefused::Unknown(id));
    }

    #[test]
    fn nobody_who_looks_no_more_costs_anything_and_there_is_a_bound() {
        let registry = Registry::new(1);
        let registration = registry.register(0, Member::of_route("chat"), LOCAL_CLIENT);
        let handle = registration.handle();
        assert!(!handle.is_tapped());
        let taps: Vec<_> = (0..MOST).map(|_| registry.tap(handle.id).unwrap()).collect();
        assert_eq!(registry.tap(handle.id).unwrap_err(), TapRefused::TooMany);
        drop(taps);
        assert!(registry.tap(handle.id).is_ok(), "those who left make room");
        see(&registry, handle);
        assert!(!handle.is_tapped());
    }
}
