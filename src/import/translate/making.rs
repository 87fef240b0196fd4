//! What routes are made into.

use super::routes::Routes;
use super::servers::Listener;
use super::upstreams::Upstreams;

/// The routes and the upstreams that there are so far, for these listeners.
pub(super) struct Making<'m, 't> {
    pub(super) listeners: &'m [Listener<'t>],
    pub(super) routes: &'m mut Routes<'t>,
    pub(super) upstreams: &'m mut Upstreams<'t>,
}
