//! Whether a request's token lets it in, and what the endpoint reads of it.

use std::time::Duration;

use http::request::Parts;
use http::{HeaderName, HeaderValue};
use tokio::time::Instant;

use crate::access::{Granted, Permission, TokenFault, Verified, take_token, verify};
use crate::config::JwtSettings;
use crate::http::Refusal;
use crate::process::unix_seconds;
use crate::session::request_context::RequestContext;
use crate::snapshot::{KeySource, TokenKeys};

/// Has a token let the request in; what it permits, and what the endpoint is to read of it.
pub(super) async fn check_token(
    context: &RequestContext,
    jwt: &JwtSettings,
    parts: &mut Parts,
) -> Result<(Permission, Vec<(HeaderName, HeaderValue)>), Refusal> {
    let token = take_token(jwt, &mut parts.headers, &mut parts.uri).map_err(Refusal::BadToken)?;
    let verified = match &context.route.doors.keys {
        Some(TokenKeys::Read(keys)) => verify(jwt, keys, &token, now()).map_err(Refusal::BadToken),
        Some(TokenKeys::Fetched(source)) => verify_by(jwt, source, &token).await,
        // Every route that asks for tokens has keys.
        None => Err(Refusal::BadToken(TokenFault::UnknownKey)),
    };
    let Verified { subject, claims, ends } = verified?;
    // Of the second that it is, nobody knows how much is over; the end is not to be late.
    let left = ends.map(|ends| ends.saturating_sub(now()).saturating_sub(Duration::from_secs(1)));
    let until = left.and_then(|left| Instant::now().into_std().checked_add(left));
    let permission = Permission::new(Granted { subject, claims, until, close_code: jwt.close_code });
    // What is no text of a header, such as one with a line break, is not said.
    let text = |claim: &str| HeaderValue::from_bytes(permission.claim(claim)?.as_bytes()).ok();
    let said = jwt.headers.iter().filter_map(|(header, claim)| Some((header.clone(), text(claim)?))).collect();
    Ok((permission, said))
}

/// The same by keys that are fetched: by newer ones, where it names one that is not among them.
async fn verify_by(jwt: &JwtSettings, source: &KeySource, token: &[u8]) -> Result<Verified, Refusal> {
    let fetched = source.keys().await.ok_or(Refusal::KeysUnavailable)?;
    let keys = fetched.keys.as_ref().ok_or(Refusal::KeysUnavailable)?;
    let verified = verify(jwt, keys, token, now());
    if verified != Err(TokenFault::UnknownKey) {
        return verified.map_err(Refusal::BadToken);
    }
    let newer = source.newer_than(&fetched).await.and_then(|newer| newer.keys);
    let keys = newer.ok_or(Refusal::BadToken(TokenFault::UnknownKey))?;
    verify(jwt, &keys, token, now()).map_err(Refusal::BadToken)
}

/// How long it is since 1970.
fn now() -> Duration {
    Duration::from_secs(unix_seconds())
}
