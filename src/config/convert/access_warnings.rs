//! What of a route lets in more than who is meant, most likely.

use crate::config::settings::{AuthScheme, EndpointAddress, JwtSettings, RouteSettings, TokenPlace};
use crate::config::tree::Section;

/// Notes what is odd about whom a route lets in.
pub(super) fn warn_of_access(file: &Section<'_>, route: &RouteSettings) {
    let Some(jwt) = &route.access.jwt else { return };
    let location = |key| file.location_of(&["route", route.name.as_str(), "jwt", key]);
    if let Some(address) = plain_way_of_keys(jwt) {
        location("keys").warn(
            format!("come from {address} without TLS: whoever is on the way can change them, and make tokens"),
            "write an https URL, or the name of a file",
        );
    }
    let is_cookie = |place: &TokenPlace| matches!(place, TokenPlace::Cookie(_));
    if jwt.from.iter().any(is_cookie) && route.access.origins.is_none() {
        location("from").warn(
            "has a cookie, which pages of other sites bring along too: they open WebSockets in the name of whoever reads them",
            "write allowed_origins = [\"self\"] in the route, or which sites its pages are of",
        );
    }
}

/// Where keys are fetched in clear that come from beyond this machine.
fn plain_way_of_keys(jwt: &JwtSettings) -> Option<&EndpointAddress> {
    let url = &jwt.keys.fetched()?.url;
    let stays_here = match &url.address {
        EndpointAddress::Socket(address) => address.ip().is_loopback(),
        EndpointAddress::Name(host, _) => host == "localhost" || host.ends_with(".localhost"),
        EndpointAddress::Unix(_) => true,
    };
    (url.speaks == AuthScheme::Http && !stays_here).then_some(&url.address)
}
