//! What a tunnel keeps for as long as it is open.

use super::renewal::NamedTunnel;
use crate::access::TunnelPlace;
use crate::authorize::Watched;

/// What a tunnel keeps for as long as it is open, where its route limits tunnels, has somebody asked again, or lets them be prolonged.
/// Behind a pointer, for most routes do nothing of that, and there are many tunnels.
#[derive(Debug)]
pub(super) struct Kept {
    /// By which it counts for its route, and its client.
    pub(super) place: Option<TunnelPlace>,
    /// Somebody asks again whether it may go on.
    pub(super) watched: Option<Watched>,
    /// It can be prolonged under a name.
    pub(super) named: Option<NamedTunnel>,
}

impl Kept {
    /// `None` where there is none of them.
    pub(super) fn new(
        place: Option<TunnelPlace>,
        watched: Option<Watched>,
        named: Option<NamedTunnel>,
    ) -> Option<Box<Self>> {
        let is_any = place.is_some() || watched.is_some() || named.is_some();
        is_any.then(|| Box::new(Self { place, watched, named }))
    }
}
