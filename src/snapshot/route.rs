//! One route as it runs: where its requests go, and the rules of its tunnels.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::auth_server::AuthServer;
use super::target::Target;
use crate::access::KeySet;
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
    /// What its tokens are verified with, where it asks for them.
    pub keys: Option<Arc<KeySet>>,
    /// Who is asked whether its requests may enter; `None`: nobody.
    pub auth_server: Option<Arc<AuthServer>>,
    /// Shared by all that the route was, and is, under its name: it is logged once.
    unknown_extension_logged: Arc<AtomicBool>,
}

impl Route {
    /// `previous` is what it was before.
    pub(super) fn new(
        settings: Arc<RouteSettings>,
        target: Target,
        (keys, auth_server): (Option<Arc<KeySet>>, Option<Arc<AuthServer>>),
        previous: Option<&Self>,
    ) -> Self {
        let raw = WebsocketSettings {
            ping_every: PerSide::default(),
            half_close_timeout: settings.raw_half_close_timeout,
            ..(*settings.websocket).clone()
        };
        let unknown_extension_logged = previous.map(|it| Arc::clone(&it.unknown_extension_logged)).unwrap_or_default();
        Self { settings, target, raw: Arc::new(raw), keys, auth_server, unknown_extension_logged }
    }

    /// Whether the same server is asked, believed to be the same.
    pub(super) fn asks_the_same(&self, other: &Self) -> bool {
        match (&self.auth_server, &other.auth_server) {
            (Some(one), Some(other)) => Arc::ptr_eq(one, other),
            (None, None) => true,
            (Some(_), None) | (None, Some(_)) => false,
        }
    }

    /// Whether its tokens are verified with what was read of the same file.
    pub(super) fn has_same_keys(&self, other: &Self) -> bool {
        match (&self.keys, &other.keys) {
            (Some(own), Some(others)) => own.is_same(others),
            (own, others) => own.is_none() && others.is_none(),
        }
    }

    /// Whether this is the first tunnel of the route with an extension that we do not know: it is logged once.
    pub fn is_first_unknown_extension(&self) -> bool {
        !self.unknown_extension_logged.swap(true, Ordering::Relaxed)
    }
}
