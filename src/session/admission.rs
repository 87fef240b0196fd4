//! Whether a request may enter, by the rules of its route: the cheapest question first.

use http::request::Parts;

use super::authorization::authorize;
use super::refused::Refused;
use super::request_context::RequestContext;
use crate::access::{OriginVerdict, judge_origin};
use crate::config::AccessSettings;
use crate::health::Asked;
use crate::http::Refusal;

/// Lets a request in, or says why not. What is learned of who asks is the permission of its `context`; what only we are to read
/// is taken out of `parts`. Whatever is waited for here is boxed: it is hardly ever there.
pub(super) async fn admit(context: &mut RequestContext, parts: &mut Parts, asked: Asked) -> Result<(), Refused> {
    let access = &*context.route.settings.access;
    check_origin(access, parts, asked)?;
    if access.authorize.is_some() {
        // Boxed: those of other routes have no room for it.
        Box::pin(authorize(context, parts, asked)).await?;
    }
    Ok(())
}

fn check_origin(access: &AccessSettings, parts: &Parts, asked: Asked) -> Result<(), Refusal> {
    let Some(settings) = &access.origins else { return Ok(()) };
    match judge_origin(settings, &parts.headers, asked) {
        OriginVerdict::Allowed => Ok(()),
        OriginVerdict::Foreign => Err(Refusal::ForeignOrigin),
        OriginVerdict::Missing => Err(Refusal::NoOrigin),
    }
}
