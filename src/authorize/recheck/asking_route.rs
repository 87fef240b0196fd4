//! A route that asks, as it is configured now.

use std::sync::Arc;

use crate::config::{AuthorizeSettings, RouteSettings};
use crate::snapshot::AuthServer;

/// How a route that asks is configured now.
#[derive(Clone, Debug)]
pub(super) struct AskingRoute {
    pub(super) settings: Arc<RouteSettings>,
    pub(super) server: Arc<AuthServer>,
}

impl AskingRoute {
    /// How it asks.
    pub(super) fn authorize(&self) -> Option<&AuthorizeSettings> {
        self.settings.access.authorize.as_ref()
    }
}
