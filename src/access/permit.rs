//! A tunnel's permission while it is open: whose it is, and until when, which may move.
//!
//! Invariant: an end is never later than that of the permission that it was last given.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::permission::Permission;

/// What one tunnel is permitted.
#[derive(Debug)]
pub struct Permit {
    permission: Mutex<Permission>,
    /// What `end` is counted from.
    base: Instant,
    /// When it ends, in nanoseconds after `base`; `u64::MAX`: never.
    end: AtomicU64,
    /// The end was moved, and the tunnel has not seen it yet.
    is_moved: AtomicBool,
    /// The tunnel is closing: nothing prolongs it.
    is_over: AtomicBool,
}

impl Permit {
    /// What `permission` permits from `now` on. `early`, from 0.0 to 1.0, says how much before its time it ends, of what is
    /// [set aside](early_end) for that.
    pub fn new(permission: Permission, now: Instant, early: f64) -> Self {
        let end = permission.until().map(|until| early_end(until, now, early));
        let end = AtomicU64::new(count(now, end));
        let (is_moved, is_over) = (AtomicBool::new(false), AtomicBool::new(false));
        Self { permission: Mutex::new(permission), base: now, end, is_moved, is_over }
    }

    /// One that ends at `end`, as it was known at `now`. `is_moved`: the tunnel has not seen that yet.
    pub(super) fn until(permission: Permission, end: Option<Instant>, now: Instant, is_moved: bool) -> Self {
        // An end may have passed by now.
        let base = end.map_or(now, |end| end.min(now));
        let (end, is_moved) = (AtomicU64::new(count(base, end)), AtomicBool::new(is_moved));
        Self { permission: Mutex::new(permission), base, end, is_moved, is_over: AtomicBool::new(false) }
    }

    /// What it was given for last.
    pub fn permission(&self) -> Permission {
        // A panic while it was held leaves it whole: what is done meanwhile is one call.
        self.permission.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What it was given for last, when it ends, and whether that [was moved](Permit::has_moved), as they belong together.
    pub(super) fn look<T>(&self, seen: impl FnOnce(&Permission, Option<Instant>, bool) -> T) -> T {
        let given = self.permission.lock().unwrap_or_else(PoisonError::into_inner);
        // Before the end, which is moved first: one that is moved meanwhile is seen as moved later.
        let is_moved = self.has_moved();
        seen(&given, self.end(), is_moved)
    }

    /// Gives it for this from `now` on, and with its end; see [`Permit::new`] for `early`. The tunnel is to be woken after it.
    pub fn renew(&self, permission: Permission, now: Instant, early: f64) {
        let until = permission.until();
        // Held for both: of two that renew at once, one's claims would have the other's end.
        let mut given = self.permission.lock().unwrap_or_else(PoisonError::into_inner);
        *given = permission;
        self.move_end(until, now, early);
    }

    /// When it ends.
    pub fn end(&self) -> Option<Instant> {
        match self.end.load(Ordering::Acquire) {
            u64::MAX => None,
            nanoseconds => Some(self.base + Duration::from_nanos(nanoseconds)),
        }
    }

    /// Moves its end, later or sooner, to before `until`; see [`Permit::new`] for `early`. The tunnel is to be woken after it.
    pub fn move_end(&self, until: Option<Instant>, now: Instant, early: f64) {
        let end = until.map(|until| early_end(until, now, early));
        self.end.store(count(self.base, end), Ordering::Release);
        self.is_moved.store(true, Ordering::Release);
    }

    /// The tunnel is closing, for whatever reason.
    pub fn note_over(&self) {
        self.is_over.store(true, Ordering::Release);
    }

    /// Whether the tunnel is closing.
    pub fn is_over(&self) -> bool {
        self.is_over.load(Ordering::Acquire)
    }

    /// Whether its end was moved, and that was not [taken](Permit::take_moved) yet: a look that takes nothing.
    pub fn has_moved(&self) -> bool {
        self.is_moved.load(Ordering::Acquire)
    }

    /// Whether its end was moved since this was asked last.
    pub fn take_moved(&self) -> bool {
        // A load costs less, and there hardly ever is more to do.
        self.has_moved() && self.is_moved.swap(false, Ordering::AcqRel)
    }
}

/// A moment before `until`: so that those whom a site has let in together do not all come back together. It is within the last
/// 3 % of the time that is left, and within the last five seconds.
fn early_end(until: Instant, now: Instant, early: f64) -> Instant {
    let set_aside = until.saturating_duration_since(now).mul_f64(0.03).min(MOST_EARLY);
    until.checked_sub(set_aside.mul_f64(early.clamp(0.0, 1.0))).unwrap_or(until)
}

fn count(base: Instant, end: Option<Instant>) -> u64 {
    let after = |end: Instant| u64::try_from(end.saturating_duration_since(base).as_nanos()).unwrap_or(u64::MAX);
    end.map_or(u64::MAX, after)
}

const MOST_EARLY: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::access::{Claims, Granted};
    use crate::websocket::CloseCode;

    fn permission(until: Option<Instant>) -> Permission {
        Permission::new(Granted { subject: None, claims: Claims::new(), until, close_code: CloseCode::NORMAL })
    }

    #[test]
    fn one_without_an_end_has_none_until_it_is_given_one() {
        let now = Instant::now();
        let permit = Permit::new(permission(None), now, 0.5);
        assert_eq!((permit.end(), permit.take_moved()), (None, false));
        permit.move_end(Some(now + Duration::from_secs(9)), now, 0.0);
        assert_eq!(permit.end(), Some(now + Duration::from_secs(9)));
        assert!(permit.take_moved() && !permit.take_moved());
        permit.move_end(None, now, 0.0);
        assert_eq!(permit.end(), None);
    }

    #[test]
    fn one_that_is_renewed_is_what_was_given_last_and_ends_with_it() {
        let now = Instant::now();
        let permit = Permit::new(permission(Some(now + Duration::from_secs(9))), now, 0.0);
        let fresh = permission(Some(now + Duration::from_secs(90)));
        permit.renew(fresh.clone(), now, 0.0);
        assert_eq!((permit.permission(), permit.end()), (fresh.clone(), fresh.until()));
        assert!(permit.take_moved());
    }

    proptest! {
        #[test]
        fn it_ends_a_little_before_its_permission_and_never_after(millis in 0..100_000_000_u64, early in -1.0..2.0_f64) {
            let now = Instant::now();
            let until = now + Duration::from_millis(millis);
            let end = Permit::new(permission(Some(until)), now, early).end().unwrap();
            prop_assert!(end <= until);
            let before = until - end;
            prop_assert!(before <= MOST_EARLY && before <= (until - now).mul_f64(0.0301));
        }
    }
}
