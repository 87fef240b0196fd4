//! Whether a request's token lets it in, and what the endpoint reads of it.

use std::time::Duration;

use http::request::Parts;
use http::{HeaderName, HeaderValue};
use tokio::time::Instant;

use crate::access::{Granted, KeySet, Permission, TokenFault, Verified, take_token, verify};
use crate::config::JwtSettings;
use crate::process::unix_seconds;

/// Has a token let the request in; what it permits, and what the endpoint is to read of it.
pub(super) fn check_token(
    jwt: &JwtSettings,
    keys: Option<&KeySet>,
    parts: &mut Parts,
) -> Result<(Permission, Vec<(HeaderName, HeaderValue)>), TokenFault> {
    let token = take_token(jwt, &mut parts.headers, &mut parts.uri)?;
    // Every route that has one has the other.
    let keys = keys.ok_or(TokenFault::UnknownKey)?;
    let now = Duration::from_secs(unix_seconds());
    let Verified { subject, claims, ends } = verify(jwt, keys, &token, now)?;
    // Of the second that it is, nobody knows how much is over; the end is not to be late.
    let left = ends.map(|ends| ends.saturating_sub(now).saturating_sub(Duration::from_secs(1)));
    let until = left.and_then(|left| Instant::now().into_std().checked_add(left));
    let permission = Permission::new(Granted { subject, claims, until, close_code: jwt.close_code });
    // What is no text of a header, such as one with a line break, is not said.
    let text = |claim: &str| HeaderValue::from_bytes(permission.claim(claim)?.as_bytes()).ok();
    let said = jwt.headers.iter().filter_map(|(header, claim)| Some((header.clone(), text(claim)?))).collect();
    Ok((permission, said))
}
