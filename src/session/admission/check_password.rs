//! Whether a request brings a name and a password that its route knows; what its endpoint learns of them.

use std::sync::Arc;

use http::header::AUTHORIZATION;
use http::request::Parts;
use http::{HeaderName, HeaderValue};
use tokio::time::Instant;

use crate::access::{Claim, Claims, Granted, Permission, basic_credentials};
use crate::config::{AuthorizationHeader, BasicAuthSettings};
use crate::http::{Refusal, forward};
use crate::session::request_context::RequestContext;
use crate::websocket::CloseCode;

/// Compares what the request says. The password goes no further, unless the route says so; what is learned of its user, and what the
/// endpoint is to read of them.
pub(super) async fn check_password(
    context: &RequestContext,
    settings: &BasicAuthSettings,
    parts: &mut Parts,
) -> Result<(Permission, Option<(HeaderName, HeaderValue)>), Refusal> {
    // There are some wherever the route asks for them.
    let passwords = Arc::clone(context.route.doors.passwords.as_ref().ok_or(Refusal::NoPassword)?);
    let credentials = basic_credentials(&parts.headers).ok_or(Refusal::NoPassword)?;
    if credentials.are_too_long() {
        return Err(Refusal::WrongPassword);
    }
    let value = HeaderValue::from_bytes(credentials.user.as_bytes()).ok();
    let user = settings.user_header.clone().zip(value);
    let permission = of_user(&credentials.user);
    let proxy = &context.session.proxy;
    let now = proxy.since_begun(Instant::now());
    let is_right = proxy.password_checks.check(&passwords, credentials, now).await;
    if !is_right.map_err(|_| Refusal::PasswordsBusy)? {
        return Err(Refusal::WrongPassword);
    }
    if settings.authorization == AuthorizationHeader::Remove {
        forward::remove(&mut parts.headers, |name| *name == AUTHORIZATION);
    }
    Ok((permission, user))
}

/// By the claim `user` operators find the tunnels. It says of nobody that they are the same as somebody with a token.
fn of_user(name: &str) -> Permission {
    let claims = Claims::from([("user".into(), Claim::Text(name.into()))]);
    Permission::new(Granted { subject: None, claims, until: None, close_code: CloseCode::POLICY_VIOLATION })
}
