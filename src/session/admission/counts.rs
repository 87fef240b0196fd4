//! Whether there is room for another tunnel, of this client and on this route. Plain requests are not counted.

use http::request::Parts;

use crate::access::{Asker, Crowd, TunnelPlace};
use crate::health::Asked;
use crate::http::Refusal;
use crate::session::request_context::RequestContext;

/// Whether the client does not come too often.
pub(super) fn check_rate(context: &RequestContext, parts: &Parts, asked: Asked) -> Result<(), Refusal> {
    let (route, limits) = (&context.route, &context.route.settings.access.limits);
    if asked == Asked::Exchange || limits.handshakes.is_none() {
        return Ok(());
    }
    let now = context.session.proxy.since_begun(context.started);
    let is_within = route.doors.turnstile.is_within_rate(limits, &asker(context, parts), now);
    if is_within { Ok(()) } else { Err(Refusal::ClientRate) }
}

/// The place of what is to become a tunnel. It counts before an endpoint is asked, so that as many who ask at once as there are do
/// not get in together.
pub(super) fn take_place(
    context: &RequestContext,
    parts: &Parts,
    asked: Asked,
) -> Result<Option<TunnelPlace>, Refusal> {
    if asked == Asked::Exchange {
        return Ok(None);
    }
    let (route, limits) = (&context.route, &context.route.settings.access.limits);
    match route.doors.turnstile.enter(limits, &asker(context, parts)) {
        Ok(place) => Ok(place),
        Err(Crowd::Client) => Err(Refusal::ClientTunnels),
        Err(Crowd::Route) => Err(Refusal::RouteFull),
    }
}

/// Who asks, as far as it is known by now.
fn asker<'r>(context: &'r RequestContext, parts: &'r Parts) -> Asker<'r> {
    Asker { address: context.client, headers: &parts.headers, permission: context.permission.as_ref() }
}
