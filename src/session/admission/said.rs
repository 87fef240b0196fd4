//! The headers by which an endpoint learns who was let in: nobody says them but us.

use http::{HeaderMap, HeaderName, HeaderValue};

use crate::access::{is_alike, take_out_user};
use crate::config::AccessSettings;
use crate::http::forward;
use crate::rules::HeaderChanges;

/// What is said of who was let in.
pub(in crate::session) type Said = Option<Box<HeaderMap>>;

/// Takes out what a client says under the names by which the route tells its endpoint who was let in, before its body and behind it.
pub(super) fn take_out_said(access: &AccessSettings, changes: &HeaderChanges, headers: &mut HeaderMap) {
    let user = access.basic_auth.as_ref().and_then(|basic| basic.user_header.as_ref());
    let claims = access.jwt.iter().flat_map(|jwt| jwt.headers.iter().map(|(header, _)| header));
    // Only a token has claims.
    let changed = access.jwt.iter().flat_map(|_| changes.of_claims());
    for name in user.into_iter().chain(claims).chain(changed) {
        take_out_user(headers, name);
        forward::unannounce(headers, |trailer| is_alike(trailer.as_str(), name.as_str()));
    }
}

/// Says this of who was let in: it is kept too, for what the client names in Connection is taken out of what goes to the endpoint.
pub(super) fn say(said: &mut Said, headers: &mut HeaderMap, what: impl IntoIterator<Item = (HeaderName, HeaderValue)>) {
    for (name, value) in what {
        headers.insert(name.clone(), value.clone());
        said.get_or_insert_default().insert(name, value);
    }
}
