//! Whose permission an operator takes back, as it is written on a command line, and what their tunnels are told.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use thiserror::Error;

use super::policy::{Cause, StopOrder};
use super::scope::TunnelId;
use super::tunnel_handle::TunnelHandle;
use crate::access::Permission;
use crate::config::RouteName;
use crate::websocket::{CloseCode, MAX_REASON};

/// The tunnels that end, those of which all of this holds, and what their clients read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revocation {
    /// What was said of those who let them open.
    pub claims: Vec<ClaimMatch>,
    /// The one of this number.
    pub tunnel: Option<TunnelId>,
    /// Those of this route.
    pub route: Option<RouteName>,
    /// The code of the Close that their clients read.
    pub code: CloseCode,
    /// Its reason; `None` is that of the cause.
    pub reason: Option<Arc<str>>,
}

/// A claim that says this, alone or among others: `NAME=VALUE`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimMatch {
    /// Its name.
    pub name: String,
    /// What it says.
    pub value: String,
}

/// Why this names nobody's tunnels.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum BadRevocation {
    /// It is no claim. The text may be a secret that somebody has pasted: it is not told.
    #[error("a claim is written as NAME=VALUE, such as sub=ada")]
    NoClaim,
    /// It names a route alone, or nothing.
    #[error("say whose tunnels: a claim, or the number of a tunnel; whole routes end by drain")]
    Nobody,
    /// A Close has no room for the reason (RFC 6455 §5.5).
    #[error("the reason is longer than a Close has room for; write {MAX_REASON} bytes at the most")]
    ReasonTooLong,
}

impl Revocation {
    /// The same, where it says whose tunnels end, and its clients can read it.
    ///
    /// # Errors
    /// It does not, for all of a route, or of the process, is more than anybody takes back; or they cannot.
    pub fn checked(self) -> Result<Self, BadRevocation> {
        if self.claims.is_empty() && self.tunnel.is_none() {
            return Err(BadRevocation::Nobody);
        }
        if self.reason.as_ref().is_some_and(|reason| reason.len() > MAX_REASON) {
            return Err(BadRevocation::ReasonTooLong);
        }
        Ok(self)
    }

    /// What the tunnels are told now.
    pub fn order(&self) -> StopOrder {
        StopOrder::forbidding(Cause::Revoked, self.code, self.reason.clone())
    }

    /// Whether this open tunnel is meant.
    pub fn is_about(&self, handle: &TunnelHandle) -> bool {
        let says =
            |permission: &Permission| self.claims.iter().all(|ClaimMatch { name, value }| permission.says(name, value));
        self.tunnel.is_none_or(|id| id == handle.id)
            && self.route.as_ref().is_none_or(|route| *route == handle.member.route.0)
            && (self.claims.is_empty() || handle.permit().is_some_and(|permit| says(&permit.permission())))
    }
}

impl FromStr for ClaimMatch {
    type Err = BadRevocation;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.split_once('=') {
            Some((name, value)) if !name.is_empty() => Ok(Self { name: name.into(), value: value.into() }),
            _ => Err(BadRevocation::NoClaim),
        }
    }
}

impl fmt::Display for ClaimMatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.name, self.value)
    }
}

impl fmt::Display for Revocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let claims = self.claims.iter().map(ToString::to_string);
        let tunnel = self.tunnel.map(|id| format!("tunnel/{id}"));
        let route = self.route.as_ref().map(|route| format!("route/{route}"));
        f.write_str(&claims.chain(tunnel).chain(route).collect::<Vec<_>>().join(" "))
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::super::{LOCAL_CLIENT, Member, Registration, Registry};
    use super::*;
    use crate::access::{Claim, Claims, Granted, Permit};

    fn registered(registry: &Arc<Registry>, route: &str, claims: Option<Claims>) -> Registration {
        let member = Member::of_route(route);
        let permit = claims.map(|claims| {
            let granted = Granted { subject: None, claims, until: None, close_code: CloseCode::NORMAL };
            Box::new(Permit::new(Permission::new(granted), Instant::now(), 0.0))
        });
        match permit {
            Some(permit) => registry.register_permitted((0, LOCAL_CLIENT), member, permit, tokio::time::Instant::now()),
            None => registry.register(0, member, LOCAL_CLIENT),
        }
    }

    fn claims(user: &str, roles: &[&str]) -> Option<Claims> {
        let roles = Claim::List(roles.iter().map(|role| (*role).into()).collect());
        Some(Claims::from([("sub".into(), Claim::Text(user.into())), ("roles".into(), roles)]))
    }

    fn of(claims: &[&str], tunnel: Option<u64>, route: Option<&str>) -> Revocation {
        Revocation {
            claims: claims.iter().map(|claim| claim.parse().unwrap()).collect(),
            tunnel: tunnel.map(TunnelId),
            route: route.map(Into::into),
            code: CloseCode::FORBIDDEN,
            reason: None,
        }
    }

    #[tokio::test]
    async fn it_is_about_those_of_whom_all_of_it_holds() {
        let registry = Registry::new(1);
        let all = [
            registered(&registry, "chat", claims("ada", &["dev", "admin"])),
            registered(&registry, "news", claims("ada", &["dev"])),
            registered(&registry, "chat", claims("bob", &["dev"])),
            registered(&registry, "chat", None),
        ];
        let meant = |revocation: Revocation| -> Vec<bool> {
            all.iter().map(|registration| revocation.is_about(Arc::as_ref(registration.handle()))).collect()
        };
        assert_eq!(meant(of(&["sub=ada"], None, None)), [true, true, false, false]);
        assert_eq!(meant(of(&["sub=ada", "roles=admin"], None, None)), [true, false, false, false]);
        assert_eq!(meant(of(&["sub=ada"], None, Some("news"))), [false, true, false, false]);
        assert_eq!(meant(of(&["sub=ad"], None, None)), [false; 4]);
        assert_eq!(meant(of(&["roles=dev,admin"], None, None)), [false; 4]);
        assert_eq!(meant(of(&[], Some(4), None)), [false, false, false, true]);
        assert_eq!(meant(of(&["sub=bob"], Some(4), None)), [false; 4]);
        assert_eq!(meant(of(&[], Some(3), Some("news"))), [false; 4]);
    }

    #[tokio::test(start_paused = true)]
    async fn who_was_let_in_before_it_and_opens_after_it_is_told_too() {
        use tokio::time::{Instant, advance};

        let registry = Registry::new(1);
        let open = |user: &str, let_in: Instant| {
            let registration = registered(&registry, "chat", claims(user, &[]));
            let permit =
                Permit::new(registration.handle().permit().unwrap().permission(), Instant::now().into_std(), 0.0);
            registry.register_permitted(
                (0, LOCAL_CLIENT),
                Member::clone(&registration.handle().member),
                Box::new(permit),
                let_in,
            )
        };
        let before = Instant::now();
        assert_eq!(registry.revoke(&of(&["sub=ada"], None, None)), 0);
        advance(Duration::from_secs(5)).await;
        let order = open("ada", before).handle().order().unwrap();
        assert_eq!((order.cause, order.deadline > Instant::now()), (Cause::Revoked, true));
        assert!(!open("bob", before).handle().has_order());
        assert!(!open("ada", Instant::now()).handle().has_order(), "whoever is let in after it has something new");
        advance(Duration::from_secs(600)).await;
        for number in 0..2_000 {
            registry.revoke(&of(&[&format!("sub={number}")], None, None));
        }
        assert!(!open("ada", before).handle().has_order(), "it is forgotten at last");
        let begun = Instant::now();
        assert!(!open("0", begun).handle().has_order(), "so many are known, and the oldest go first");
        assert!(open("1999", begun).handle().has_order());
        registry.check_invariants();
    }

    #[test]
    fn a_claim_has_a_name_and_says_whatever_stands_behind_it() {
        let claim = |text: &str| text.parse::<ClaimMatch>().map(|claim| (claim.name, claim.value));
        assert_eq!(claim("sub=a=b"), Ok(("sub".into(), "a=b".into())));
        assert_eq!(claim("team="), Ok(("team".into(), String::new())));
        assert_eq!(claim("sub"), Err(BadRevocation::NoClaim));
        assert_eq!(claim("=ada"), Err(BadRevocation::NoClaim));
        let all = of(&["sub=ada", "realm.roles=dev"], Some(7), Some("chat"));
        assert_eq!(all.to_string(), "sub=ada realm.roles=dev tunnel/7 route/chat");
    }

    #[test]
    fn nobody_is_not_everybody() {
        assert_eq!(of(&[], None, None).checked(), Err(BadRevocation::Nobody));
        assert_eq!(of(&[], None, Some("chat")).checked(), Err(BadRevocation::Nobody));
        assert!(of(&["sub=ada"], None, None).checked().is_ok());
        assert!(of(&[], Some(1), Some("chat")).checked().is_ok());
    }

    #[test]
    fn a_reason_must_fit_into_a_close() {
        let because = |length| Revocation { reason: Some("x".repeat(length).into()), ..of(&["sub=ada"], None, None) };
        assert_eq!(because(MAX_REASON).checked().map(|it| it.order().reason().len()), Ok(MAX_REASON));
        assert_eq!(because(MAX_REASON + 1).checked(), Err(BadRevocation::ReasonTooLong));
        let order = of(&["sub=ada"], None, None).order();
        assert_eq!((order.cause, order.code.get(), &*order.reason()), (Cause::Revoked, 4403, "revoked"));
    }
}
