//! A tunnel's permit as a plain value: another process goes by it.

use std::time::Instant;

use serde::{Deserialize, Serialize};

use super::permission::{Claims, Granted, Permission};
use super::permit::Permit;
use crate::moment::Moment;
use crate::websocket::CloseCode;

/// What a tunnel that goes on is permitted. A permission that several tunnels share is one for each of them afterwards.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FrozenPermit {
    subject: Option<Box<str>>,
    claims: Claims,
    until: Option<Moment>,
    close_code: CloseCode,
    /// When the permit itself ends, with its own part of what is set aside.
    end: Option<Moment>,
    /// The tunnel has not seen yet that its end was moved.
    is_moved: bool,
}

impl FrozenPermit {
    /// `permit` as it is `now`. What moves it later [is seen](Permit::has_moved), unless that had been the case already.
    pub fn of(permit: &Permit, now: Instant) -> Self {
        let moment = |at: Instant| Moment::of(at, now);
        permit.look(|permission, end, is_moved| {
            let Granted { subject, claims, until, close_code } = permission.granted();
            Self {
                subject: subject.clone(),
                claims: claims.clone(),
                until: until.map(moment),
                close_code: *close_code,
                end: end.map(moment),
                is_moved,
            }
        })
    }

    /// Whether the tunnel had not seen yet that its end was moved.
    pub fn is_moved(&self) -> bool {
        self.is_moved
    }

    /// The permit as it was at `frozen`: it ends when it would have.
    pub fn thaw(self, frozen: Instant) -> Permit {
        let Self { subject, claims, until, close_code, end, is_moved } = self;
        let at = |moment: Moment| moment.at(frozen);
        let permission = Permission::new(Granted { subject, claims, until: until.map(at), close_code });
        Permit::until(permission, end.map(at), frozen, is_moved)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;
    use crate::access::Claim;

    fn claims() -> Claims {
        let roles = Claim::List(["admin".into(), "dev".into()].into());
        Claims::from([("sub".into(), Claim::Text("ada".into())), ("realm.roles".into(), roles)])
    }

    fn permit(until: Option<Duration>, now: Instant, early: f64) -> Permit {
        let until = until.map(|until| now + until);
        let granted =
            Granted { subject: Some("ada".into()), claims: claims(), until, close_code: CloseCode::FORBIDDEN };
        Permit::new(Permission::new(granted), now, early)
    }

    fn sent(permit: &Permit, now: Instant) -> FrozenPermit {
        postcard::from_bytes(&postcard::to_allocvec(&FrozenPermit::of(permit, now)).unwrap()).unwrap()
    }

    proptest! {
        #[test]
        fn it_ends_to_the_nanosecond_when_it_would_have(
            nanos in prop::option::of(0..100_000_000_000_000_u64),
            early in 0.0..1.0_f64,
            passed in 0..200_000_000_000_000_u64,
            shift in 0..1_000_000_000_u64,
        ) {
            let opened = Instant::now();
            let permit = permit(nanos.map(Duration::from_nanos), opened, early);
            let now = opened + Duration::from_nanos(passed);
            // The clock of another process.
            let frozen = now + Duration::from_nanos(shift);
            let thawed = sent(&permit, now).thaw(frozen);
            let shifted = |at: Instant| at + Duration::from_nanos(shift);
            prop_assert_eq!(thawed.end(), permit.end().map(shifted));
            let (before, after) = (permit.permission(), thawed.permission());
            prop_assert_eq!(after.until(), before.until().map(shifted));
            prop_assert_eq!((after.subject(), after.close_code()), (Some("ada"), CloseCode::FORBIDDEN));
            prop_assert_eq!(&after.granted().claims, &claims());
        }

        #[test]
        fn bytes_that_are_none_are_refused_and_none_panics(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
            if let Ok(frozen) = postcard::from_bytes::<FrozenPermit>(&bytes) {
                let (now, moved) = (Instant::now(), frozen.is_moved());
                let thawed = frozen.thaw(now);
                thawed.end();
                prop_assert_eq!(thawed.has_moved(), moved);
                thawed.renew(thawed.permission(), now, 0.5);
            }
        }
    }

    #[test]
    fn what_the_tunnel_has_not_seen_yet_it_sees_in_the_other_process() {
        let now = Instant::now();
        let permit = permit(Some(Duration::from_secs(9)), now, 0.0);
        assert!(!sent(&permit, now).is_moved());
        permit.move_end(Some(now + Duration::from_secs(90)), now, 0.0);
        let thawed = sent(&permit, now).thaw(now);
        assert!(permit.has_moved() && permit.take_moved() && !permit.has_moved(), "to look takes nothing");
        assert_eq!((thawed.take_moved(), thawed.take_moved()), (true, false));
        assert_eq!(thawed.end(), Some(now + Duration::from_secs(90)));
    }

    #[test]
    fn one_that_is_over_already_is_over_when_it_was_and_can_be_renewed() {
        let opened = Instant::now();
        let permit = permit(Some(Duration::from_secs(9)), opened, 0.0);
        let now = opened + Duration::from_secs(10);
        let thawed = sent(&permit, now).thaw(now);
        assert_eq!(thawed.end(), Some(opened + Duration::from_secs(9)));
        thawed.move_end(Some(now + Duration::from_secs(9)), now, 0.0);
        assert_eq!(thawed.end(), Some(now + Duration::from_secs(9)));
    }
}
