//! Whether a request may enter, by the rules of its route: the cheapest question first.

use std::time::Duration;

use http::HeaderValue;
use http::request::Parts;
use tokio::time::Instant;

use super::authorization::authorize;
use super::refused::Refused;
use super::request_context::RequestContext;
use crate::access::{
    Granted, KeySet, OriginVerdict, Permission, TokenFault, Verified, judge_origin, take_token, verify,
};
use crate::config::{AccessSettings, JwtSettings};
use crate::grammar::remove;
use crate::health::Asked;
use crate::http::Refusal;
use crate::process::unix_seconds;

/// Lets a request in, or says why not. What is learned of who asks is the permission of its `context`; what only we are to read
/// is taken out of `parts`. Whatever is waited for here is boxed: it is hardly ever there.
pub(super) async fn admit(context: &mut RequestContext, parts: &mut Parts, asked: Asked) -> Result<(), Refused> {
    let access = &*context.route.settings.access;
    check_origin(access, parts, asked)?;
    if let Some(jwt) = &access.jwt {
        let permission = check_token(jwt, context.route.keys.as_deref(), parts).map_err(Refusal::BadToken)?;
        context.permission = Some(permission);
    }
    if access.authorize.is_some() {
        // Boxed: those of other routes have no room for it.
        Box::pin(authorize(context, parts, asked)).await?;
    }
    Ok(())
}

/// Has a token let the request in, and the endpoint read what it says, of us alone.
fn check_token(jwt: &JwtSettings, keys: Option<&KeySet>, parts: &mut Parts) -> Result<Permission, TokenFault> {
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

fn check_origin(access: &AccessSettings, parts: &Parts, asked: Asked) -> Result<(), Refusal> {
    let Some(settings) = &access.origins else { return Ok(()) };
    match judge_origin(settings, &parts.headers, asked) {
        OriginVerdict::Allowed => Ok(()),
        OriginVerdict::Foreign => Err(Refusal::ForeignOrigin),
        OriginVerdict::Missing => Err(Refusal::NoOrigin),
    }
}
