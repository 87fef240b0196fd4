//! One route as it runs: where its requests go, and the rules of its tunnels.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::doors::Doors;
use super::target::Target;
use crate::config::{RouteSettings, WebsocketSettings};
use crate::rules::ErrorPages;
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
    /// What it asks those by who want to enter.
    pub doors: Doors,
    /// What its refusals say, where that is said for them.
    pub error_pages: ErrorPages,
    /// Shared by all that the route was, and is, under its name: it is logged once.
    unknown_extension_logged: Arc<AtomicBool>,
}

impl Route {
    /// `previous` is what it was before.
    pub(super) fn new(
        settings: Arc<RouteSettings>,
        target: Target,
        (doors, error_pages): (Doors, ErrorPages),
        previous: Option<&Self>,
    ) -> Self {
        let raw = WebsocketSettings {
            ping_every: PerSide::default(),
            half_close_timeout: settings.raw_half_close_timeout,
            ..(*settings.websocket).clone()
        };
        let unknown_extension_logged = previous.map(|it| Arc::clone(&it.unknown_extension_logged)).unwrap_or_default();
        Self { settings, target, raw: Arc::new(raw), doors, error_pages, unknown_extension_logged }
    }

    /// Whether this is the first tunnel of the route with an extension that we do not know: it is logged once.
    pub fn is_first_unknown_extension(&self) -> bool {
        !self.unknown_extension_logged.swap(true, Ordering::Relaxed)
    }
}
