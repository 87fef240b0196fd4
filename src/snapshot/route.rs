//! One route as it runs: where its requests go, and the rules of its tunnels.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::auth_server::AuthServer;
use super::target::Target;
use crate::access::{PasswordFile, Passwords, Turnstile};
use crate::config::{RouteSettings, WebsocketSettings};
use crate::websocket::PerSide;

/// One route.
#[derive(Debug)]
pub struct Route {
    /// What is configured.
    pub settings: Arc<RouteSettings>,
    /// Where its requests go.
    pub target: Target,
    /// The rules of its tunnels that are not WebSocket: nobody can be pinged there, and a half-close is kept.
    pub raw: Arc<WebsocketSettings>,
    /// Who is asked whether its requests may enter; `None`: nobody.
    pub auth_server: Option<Arc<AuthServer>>,
    /// Who is in, and how fast who comes; shared by all that the route was, and is, under its name.
    pub turnstile: Arc<Turnstile>,
    /// Whose names and passwords it asks for; what was found right is forgotten when the file is another one.
    pub passwords: Option<Arc<Passwords>>,
    /// Shared by all that the route was, and is, under its name: it is logged once.
    unknown_extension_logged: Arc<AtomicBool>,
}

impl Route {
    /// `previous` is what it was before.
    pub(super) fn new(
        settings: Arc<RouteSettings>,
        target: Target,
        (auth_server, passwords): (Option<Arc<AuthServer>>, Option<Arc<Passwords>>),
        previous: Option<&Self>,
    ) -> Self {
        let raw = WebsocketSettings {
            ping_every: PerSide::default(),
            half_close_timeout: settings.raw_half_close_timeout,
            ..(*settings.websocket).clone()
        };
        let unknown_extension_logged = previous.map(|it| Arc::clone(&it.unknown_extension_logged)).unwrap_or_default();
        let turnstile = previous.map(|it| Arc::clone(&it.turnstile)).unwrap_or_default();
        Self { settings, target, raw: Arc::new(raw), auth_server, turnstile, passwords, unknown_extension_logged }
    }

    /// The passwords of a file, with what was found right of them where `previous` has the same.
    pub(super) fn passwords_of(file: PasswordFile, previous: Option<&Self>) -> Arc<Passwords> {
        let before = previous.and_then(|previous| previous.passwords.as_ref());
        before.filter(|before| before.are_of(&file)).map_or_else(|| Arc::new(Passwords::new(file)), Arc::clone)
    }

    /// Whether both ask for the same passwords.
    pub(super) fn has_same_passwords(&self, other: &Self) -> bool {
        match (&self.passwords, &other.passwords) {
            (Some(own), Some(others)) => Arc::ptr_eq(own, others),
            (own, others) => own.is_some() == others.is_some(),
        }
    }

    /// Whether the same server is asked, believed to be the same.
    pub(super) fn asks_the_same(&self, other: &Self) -> bool {
        match (&self.auth_server, &other.auth_server) {
            (Some(one), Some(other)) => Arc::ptr_eq(one, other),
            (None, None) => true,
            (Some(_), None) | (None, Some(_)) => false,
        }
    }

    /// Whether this is the first tunnel of the route with an extension that we do not know: it is logged once.
    pub fn is_first_unknown_extension(&self) -> bool {
        !self.unknown_extension_logged.swap(true, Ordering::Relaxed)
    }
}
