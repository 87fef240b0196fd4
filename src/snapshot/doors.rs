//! What a route asks those by who want to enter: what of its access rules runs, or is read from files.

use std::sync::Arc;

use super::auth_server::AuthServer;
use crate::access::{KeySet, PasswordFile, Passwords, Turnstile};

/// What a route asks those by who want to enter.
#[derive(Clone, Debug, Default)]
pub struct Doors {
    /// Who is in, and how fast who comes; shared by all that the route was, and is, under its name.
    pub turnstile: Arc<Turnstile>,
    /// Whose names and passwords it asks for; what was found right is forgotten when the file is another one.
    pub passwords: Option<Arc<Passwords>>,
    /// What its tokens are verified with, where it asks for them.
    pub keys: Option<Arc<KeySet>>,
    /// Who is asked whether its requests may enter; `None`: nobody.
    pub auth_server: Option<Arc<AuthServer>>,
}

impl Doors {
    /// How the two differ in what their settings do not say, for people.
    pub(super) fn changes(&self, now: &Self) -> Option<&'static str> {
        if !is_same(self.passwords.as_ref(), now.passwords.as_ref()) {
            Some("basic_auth: the file holds other passwords")
        } else if !has_same_keys(self, now) {
            Some("jwt: the file holds other keys")
        } else if !is_same(self.auth_server.as_ref(), now.auth_server.as_ref()) {
            Some("authorize: the file holds other certificates")
        } else {
            None
        }
    }
}

/// The passwords of a file, with what was found right of them where they were the same before.
pub(super) fn passwords(file: PasswordFile, before: Option<&Doors>) -> Arc<Passwords> {
    let before = before.and_then(|before| before.passwords.as_ref());
    before.filter(|before| before.are_of(&file)).map_or_else(|| Arc::new(Passwords::new(file)), Arc::clone)
}

/// Whether both verify tokens with what was read of the same file.
fn has_same_keys(one: &Doors, other: &Doors) -> bool {
    match (&one.keys, &other.keys) {
        (Some(one), Some(other)) => one.is_same(other),
        (one, other) => one.is_none() && other.is_none(),
    }
}

fn is_same<T>(one: Option<&Arc<T>>, other: Option<&Arc<T>>) -> bool {
    match (one, other) {
        (Some(one), Some(other)) => Arc::ptr_eq(one, other),
        (one, other) => one.is_some() == other.is_some(),
    }
}
