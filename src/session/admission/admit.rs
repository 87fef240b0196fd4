//! Whether a request may enter, by the rules of its route: the cheapest question first, and who is refused has taken nothing.

use http::header::{HeaderValue, ORIGIN};
use http::request::Parts;

use super::authorization::authorize;
use super::check_password::check_password;
use super::check_token::check_token;
use super::counts::{check_rate, take_place};
use super::said::{say, take_out_said};
use crate::access::{
    ClientVerdict, OriginVerdict, RENEWAL_HEADER, is_alike, judge_client, judge_origin, take_renewal_ids,
};
use crate::config::{AccessSettings, ClientKeySource};
use crate::health::Asked;
use crate::http::{Refusal, forward};
use crate::session::refused::{RefusalCause, Refused};
use crate::session::request_context::RequestContext;

/// Lets a request in, or says why not. What is learned of who asks is the permission of its `context`; what only we are to read
/// is taken out of `parts`: what it says of its user by itself, before anything asks who that is. Whatever is waited for here is
/// boxed: it is hardly ever there.
pub(in crate::session) async fn admit(
    context: &mut RequestContext,
    parts: &mut Parts,
    asked: Asked,
) -> Result<(), Refused> {
    let access = &*context.route.settings.access;
    check_client(access, context)?;
    take_out_said(access, &context.route.settings.rules.request_headers, &mut parts.headers);
    let is_known_by_token = matches!(access.limits.per, ClientKeySource::Claim(_));
    if !is_known_by_token {
        check_rate(context, parts, asked)?;
    }
    check_origin(access, parts, asked)?;
    if let Some(basic) = &access.basic_auth {
        let (permission, user) = Box::pin(check_password(context, basic, parts)).await?;
        context.permission = Some(permission);
        say(&mut context.said, &mut parts.headers, user);
    }
    if access.renew_path.is_some() {
        // Before anybody else reads it.
        context.renewal_ids = take_renewal_ids(&mut parts.headers).into();
        forward::unannounce(&mut parts.headers, |trailer| is_alike(trailer.as_str(), RENEWAL_HEADER.as_str()));
    }
    if let Some(jwt) = &access.jwt {
        let (permission, claims) = Box::pin(check_token(context, jwt, parts)).await?;
        context.permission = Some(match &context.permission {
            Some(other) => permission.and(other),
            None => permission,
        });
        if is_known_by_token {
            check_rate(context, parts, asked)?;
        }
        say(&mut context.said, &mut parts.headers, claims);
    }
    if access.authorize.is_some() {
        // Boxed: those of other routes have no room for it.
        Box::pin(authorize(context, parts, asked)).await?;
    }
    context.place = take_place(context, parts, asked)?;
    Ok(())
}

fn check_client(access: &AccessSettings, context: &RequestContext) -> Result<(), Refusal> {
    match judge_client(&access.clients, context.client) {
        ClientVerdict::Allowed => Ok(()),
        ClientVerdict::Denied => Err(Refusal::ClientDenied),
        ClientVerdict::NotAllowed => Err(Refusal::ClientNotAllowed),
    }
}

fn check_origin(access: &AccessSettings, parts: &Parts, asked: Asked) -> Result<(), Refused> {
    let Some(settings) = &access.origins else { return Ok(()) };
    match judge_origin(settings, &parts.headers, asked) {
        OriginVerdict::Allowed => Ok(()),
        OriginVerdict::Foreign => {
            let origins: Vec<_> = parts.headers.get_all(ORIGIN).iter().map(HeaderValue::as_bytes).collect();
            let said = String::from_utf8_lossy(&origins.join(&b", "[..])).chars().take(LOGGED_OF_ORIGIN).collect();
            Err(Refused { cause: Some(RefusalCause::Origin(said)), ..Refusal::ForeignOrigin.into() })
        }
        OriginVerdict::Missing => Err(Refusal::NoOrigin.into()),
    }
}

/// How much of the origin of a page is logged that may not connect: a name of DNS, with its scheme and port, is no longer.
const LOGGED_OF_ORIGIN: usize = 270;
