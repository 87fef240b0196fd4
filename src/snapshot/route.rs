//! One route as it runs: where its requests go, and the rules of its tunnels.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::target::Target;
use super::upstream::Upstream;
use crate::config::{RouteSettings, WebsocketSettings};
use crate::drain::LifeToken;
use crate::websocket::PerSide;

/// One route.
#[derive(Debug)]
pub struct Route {
    /// What is configured.
    pub settings: Arc<RouteSettings>,
    /// This life of its name.
    pub life: LifeToken,
    /// Where its requests go.
    pub target: Target,
    /// The rules of its tunnels that are not WebSocket: nobody can be pinged there, and a half-close is kept.
    pub raw: Arc<WebsocketSettings>,
    /// Shared by all that the route was, and is, in one life: it is logged once.
    unknown_extension_logged: Arc<AtomicBool>,
}

impl Route {
    /// `previous` is what it was before, in the same life.
    pub(super) fn new(settings: Arc<RouteSettings>, life: LifeToken, target: Target, previous: Option<&Self>) -> Self {
        let raw = WebsocketSettings {
            ping_every: PerSide::default(),
            half_close_timeout: settings.raw_half_close_timeout,
            ..(*settings.websocket).clone()
        };
        let unknown_extension_logged = previous.map(|it| Arc::clone(&it.unknown_extension_logged)).unwrap_or_default();
        Self { settings, life, target, raw: Arc::new(raw), unknown_extension_logged }
    }

    /// Every upstream that its requests may go to.
    pub fn upstreams(&self) -> impl Iterator<Item = &Arc<Upstream>> {
        self.target.upstreams()
    }

    /// Whether this is the first tunnel of the route with an extension that we do not know: it is logged once.
    pub fn is_first_unknown_extension(&self) -> bool {
        !self.unknown_extension_logged.swap(true, Ordering::Relaxed)
    }
}
