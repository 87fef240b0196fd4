//! Whether a request's token lets it in, and what the endpoint reads of it.

use std::time::Duration;

use http::HeaderValue;
use http::request::Parts;
use tokio::time::Instant;

use crate::access::{Granted, KeySet, Permission, TokenFault, Verified, take_token, verify};
use crate::config::JwtSettings;
use crate::grammar::remove;
use crate::process::unix_seconds;

/// Has a token let the request in, and the endpoint read what it says, of us alone.
pub(super) fn check_token(
    jwt: &JwtSettings,
    keys: Option<&KeySet>,
    parts: &mut Parts,
) -> Result<Permission, TokenFault> {
    remove(&mut parts.headers, |name| jwt.headers.iter().any(|(header, _)| header == name));
    let token = take_token(jwt, &mut parts.headers, &mut parts.uri)?;
    // Every route that has one has the other.
    let keys = keys.ok_or(TokenFault::UnknownKey)?;
    let now = Duration::from_secs(unix_seconds());
    let Verified { subject, claims, ends } = verify(jwt, keys, &token, now)?;
    // Of the second that it is, nobody knows how much is over; the end is not to be late.
    let left = ends.map(|ends| ends.saturating_sub(now).saturating_sub(Duration::from_secs(1)));
    let until = left.and_then(|left| Instant::now().into_std().checked_add(left));
    let permission = Permission::new(Granted { subject, claims, until, close_code: jwt.close_code });
    for (header, claim) in &jwt.headers {
        // What is no text of a header, such as one with a line break, is not said.
        let said = permission.claim(claim).and_then(|text| HeaderValue::from_bytes(text.as_bytes()).ok());
        said.map(|said| parts.headers.insert(header, said));
    }
    Ok(permission)
}
