//! What a route asks those by who want to enter: what of its access rules runs, or is read from files.

use std::sync::Arc;

use super::auth_server::AuthServer;
use super::key_source::KeySource;
use crate::access::{KeySet, PasswordFile, Passwords, Turnstile};

/// What a route asks those by who want to enter.
#[derive(Clone, Debug, Default)]
pub struct Doors {
    /// Who is in, and how fast who comes; shared by all that the route was, and is, under its name.
    pub turnstile: Arc<Turnstile>,
    /// Whose names and passwords it asks for; what was found right is forgotten when the file is another one.
    pub passwords: Option<Arc<Passwords>>,
    /// What its tokens are verified with, where it asks for them.
    pub keys: Option<TokenKeys>,
    /// Who is asked whether its requests may enter; `None`: nobody.
    pub auth_server: Option<Arc<AuthServer>>,
}

/// What tokens are verified with.
#[derive(Clone, Debug)]
pub enum TokenKeys {
    /// What was read of a file.
    Read(Arc<KeySet>),
    /// What is fetched of their issuer.
    Fetched(Arc<KeySource>),
}

impl Doors {
    /// How the two differ in what their settings do not say, for people.
    pub(super) fn changes(&self, now: &Self) -> Option<&'static str> {
        if !is_same(self.passwords.as_ref(), now.passwords.as_ref()) {
            Some("basic_auth: the file holds other passwords")
        } else if let Some(what) = other_keys(self.keys.as_ref(), now.keys.as_ref()) {
            Some(what)
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

/// How the keys differ that tokens are verified with.
fn other_keys(before: Option<&TokenKeys>, now: Option<&TokenKeys>) -> Option<&'static str> {
    match (before, now) {
        (Some(TokenKeys::Read(before)), Some(TokenKeys::Read(now))) if before.is_same(now) => None,
        (Some(TokenKeys::Fetched(before)), Some(TokenKeys::Fetched(now))) if Arc::ptr_eq(before, now) => None,
        (None, None) => None,
        (_, Some(TokenKeys::Fetched(_))) => Some("jwt: the file of keys_ca holds other certificates"),
        _ => Some("jwt: the file holds other keys"),
    }
}

fn is_same<T>(one: Option<&Arc<T>>, other: Option<&Arc<T>>) -> bool {
    match (one, other) {
        (Some(one), Some(other)) => Arc::ptr_eq(one, other),
        (one, other) => one.is_some() == other.is_some(),
    }
}
