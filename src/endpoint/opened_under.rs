//! Under which rules a connection with an endpoint was opened: it serves nobody who comes under others.

use std::sync::Arc;

use crate::config::UpstreamSettings;
use crate::snapshot::Upstream;
use crate::tls::EndpointTls;

/// What a connection was opened under. Two are the same if nothing has changed that one is opened by; the default is that of a
/// connection which no upstream's settings have made.
#[derive(Clone, Debug, Default)]
pub struct OpenedUnder {
    tls: Option<Arc<EndpointTls>>,
    settings: Option<Arc<UpstreamSettings>>,
}

impl From<&Upstream> for OpenedUnder {
    /// What connections with the endpoints of `upstream` are opened under now.
    fn from(upstream: &Upstream) -> Self {
        Self { tls: upstream.tls().cloned(), settings: Some(Arc::clone(&upstream.settings)) }
    }
}

impl PartialEq for OpenedUnder {
    fn eq(&self, other: &Self) -> bool {
        are_same(&self.tls, &other.tls, |_, _| false) && are_same(&self.settings, &other.settings, opens_alike)
    }
}

impl Eq for OpenedUnder {}

/// Whether both are one, or there are none, or they are alike.
fn are_same<T>(one: &Option<Arc<T>>, other: &Option<Arc<T>>, are_alike: impl Fn(&T, &T) -> bool) -> bool {
    match (one, other) {
        (Some(one), Some(other)) => Arc::ptr_eq(one, other) || are_alike(one, other),
        (None, None) => true,
        (Some(_), None) | (None, Some(_)) => false,
    }
}

/// Whether connections are opened in the same way under both; their TLS is compared as it was made.
fn opens_alike(one: &UpstreamSettings, other: &UpstreamSettings) -> bool {
    one.proxy_protocol == other.proxy_protocol
        && one.source_addresses == other.source_addresses
        && one.tcp_keepalive == other.tcp_keepalive
        && one.tcp_user_timeout == other.tcp_user_timeout
}
