//! What was learned of somebody who was let in: who it is, what is said of them, and until when that holds.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use serde::{Deserialize, Serialize};

use crate::websocket::CloseCode;

/// What was learned of somebody who was let in. A clone is the same one: it costs a count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Permission(Arc<Granted>);

/// What a [`Permission`] is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Granted {
    /// Whom it was given to: only the same one may prolong what it opened.
    pub subject: Option<Box<str>>,
    /// What is said of them.
    pub claims: Claims,
    /// When it ends; `None`: it does not by itself.
    pub until: Option<Instant>,
    /// What a client reads in the Close when it has ended.
    pub close_code: CloseCode,
}

/// What is said of somebody, by name: a claim within a claim has the names with a dot between them (`realm_access.roles`).
pub type Claims = BTreeMap<Box<str>, Claim>;

/// What one claim says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Claim {
    /// A text, a number, or yes or no.
    Text(Box<str>),
    /// Several of them.
    List(Box<[Box<str>]>),
}

impl Permission {
    /// A permission that holds from now on.
    pub fn new(granted: Granted) -> Self {
        Self(Arc::new(granted))
    }

    /// What it is made of.
    pub(super) fn granted(&self) -> &Granted {
        &self.0
    }

    /// Whom it was given to.
    pub fn subject(&self) -> Option<&str> {
        self.0.subject.as_deref()
    }

    /// When it ends.
    pub fn until(&self) -> Option<Instant> {
        self.0.until
    }

    /// What a client reads in the Close when it has ended.
    pub fn close_code(&self) -> CloseCode {
        self.0.close_code
    }

    /// What the claim of this name says, a list with commas between its parts.
    pub fn claim(&self, name: &str) -> Option<Cow<'_, str>> {
        Some(match self.0.claims.get(name)? {
            Claim::Text(text) => Cow::Borrowed(text),
            Claim::List(list) => Cow::Owned(list.join(",")),
        })
    }

    /// The names of its claims.
    pub fn claim_names(&self) -> impl Iterator<Item = &str> {
        self.0.claims.keys().map(|name| &**name)
    }

    /// Whether the claim of this name says `value`, alone or among others.
    pub fn says(&self, name: &str, value: &str) -> bool {
        self.0.claims.get(name).is_some_and(|claim| claim.says(value))
    }

    /// What a tunnel keeps of it for as long as it is open: the claims that fit into [`MOST_KEPT`] bytes, `sub` and `iss` before all
    /// others, and of those the shortest: no long one, which its user may have written, takes away the name of a user.
    pub fn kept(self) -> Self {
        let size = |name: &str, claim: &Claim| name.len() + claim.len();
        if self.0.claims.iter().map(|(name, claim)| size(name, claim)).sum::<usize>() <= MOST_KEPT {
            return self;
        }
        let mut granted = Arc::unwrap_or_clone(self.0);
        let mut claims: Vec<_> = std::mem::take(&mut granted.claims).into_iter().collect();
        claims.sort_by_key(|(name, claim)| (!matches!(&**name, "sub" | "iss"), size(name, claim)));
        let mut left = MOST_KEPT;
        granted.claims = claims
            .into_iter()
            .filter(|(name, claim)| {
                let rest = left.checked_sub(size(name, claim));
                left = rest.unwrap_or(left);
                rest.is_some()
            })
            .collect();
        Self::new(granted)
    }

    /// Both hold: what either says of somebody, where they differ the first; and until the earlier of the two ends, with its
    /// code.
    pub fn and(self, other: &Self) -> Self {
        let mut granted = Arc::unwrap_or_clone(self.0);
        for (name, claim) in &other.0.claims {
            granted.claims.entry(name.clone()).or_insert_with(|| claim.clone());
        }
        granted.subject = granted.subject.or_else(|| other.0.subject.clone());
        if other.0.until.is_some_and(|theirs| granted.until.is_none_or(|ours| theirs < ours)) {
            granted.until = other.0.until;
            granted.close_code = other.0.close_code;
        }
        Self::new(granted)
    }
}

impl Claim {
    /// Whether it says `value`, alone or among others.
    pub fn says(&self, value: &str) -> bool {
        match self {
            Self::Text(text) => &**text == value,
            Self::List(list) => list.iter().any(|text| &**text == value),
        }
    }

    /// How many bytes it says.
    fn len(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            // One that says nothing takes room as well.
            Self::List(list) => list.iter().map(|text| text.len() + size_of::<Box<str>>()).sum(),
        }
    }
}

/// How much of claims a tunnel keeps, in bytes of names and texts.
const MOST_KEPT: usize = 4096;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn permission(
        subject: Option<&str>,
        claims: &[(&str, &str)],
        until: Option<Instant>,
        code: CloseCode,
    ) -> Permission {
        let claims = claims.iter().map(|(name, text)| ((*name).into(), Claim::Text((*text).into()))).collect();
        Permission::new(Granted { subject: subject.map(Into::into), claims, until, close_code: code })
    }

    #[test]
    fn a_list_is_joined_by_commas_and_says_each_of_its_parts() {
        let roles = Claim::List(["admin".into(), "dev".into()].into());
        let claims = Claims::from([("realm.roles".into(), roles)]);
        let held = Permission::new(Granted { subject: None, claims, until: None, close_code: CloseCode::NORMAL });
        assert_eq!(held.claim("realm.roles").as_deref(), Some("admin,dev"));
        assert!(held.says("realm.roles", "dev") && !held.says("realm.roles", "admin,dev"));
        assert!(held.claim("realm").is_none() && !held.says("realm", "dev"));
    }

    #[test]
    fn a_tunnel_keeps_what_is_short_and_the_subject_before_all_others() {
        let long = "x".repeat(MOST_KEPT - 20);
        let short = permission(Some("ada"), &[("a", "1"), ("sub", "ada")], None, CloseCode::NORMAL);
        assert_eq!(short.clone().kept(), short);
        let claims = [("a", long.as_str()), ("b", "1"), ("b2", long.as_str()), ("c", "2"), ("sub", "ada")];
        let held = permission(Some("ada"), &claims, None, CloseCode::NORMAL).kept();
        assert!(held.says("sub", "ada") && held.says("a", &long) && held.says("b", "1") && held.says("c", "2"));
        assert!(held.claim("b2").is_none() && held.subject() == Some("ada"));
        let endless = Claim::List(vec!["".into(); MOST_KEPT].into());
        let claims = Claims::from([("a".into(), endless), ("b".into(), Claim::Text("1".into()))]);
        let granted = Granted { subject: None, claims, until: None, close_code: CloseCode::NORMAL };
        let held = Permission::new(granted).kept();
        assert!(held.claim("a").is_none() && held.says("b", "1"));
    }

    #[test]
    fn two_that_hold_end_with_the_earlier_one_and_its_code() {
        let now = Instant::now();
        let (sooner, later) = (now + Duration::from_secs(1), now + Duration::from_secs(2));
        let (one, two) = (CloseCode::POLICY_VIOLATION, CloseCode::GOING_AWAY);
        let token = permission(Some("ada"), &[("sub", "ada")], Some(later), one);
        let asked = permission(Some("bob"), &[("sub", "bob"), ("team", "x")], Some(sooner), two);
        let both = token.clone().and(&asked);
        assert_eq!((both.subject(), both.until(), both.close_code()), (Some("ada"), Some(sooner), two));
        assert!(both.says("sub", "ada") && both.says("team", "x"));
        let forever = permission(None, &[], None, two);
        assert_eq!(forever.clone().and(&token).until(), Some(later));
        let held = token.and(&forever);
        assert_eq!((held.until(), held.close_code()), (Some(later), one));
    }
}
