//! Whether a request brings a name and a password that its route knows; what its endpoint learns of them.

use std::sync::Arc;

use http::header::AUTHORIZATION;
use http::request::Parts;
use tokio::time::Instant;

use super::request_context::RequestContext;
use crate::access::{basic_credentials, write_user};
use crate::config::{AuthorizationHeader, BasicAuthSettings};
use crate::http::{Refusal, forward};

/// Compares what the request says. The password goes no further, unless the route says so.
pub(super) async fn check_password(
    context: &RequestContext,
    settings: &BasicAuthSettings,
    parts: &mut Parts,
) -> Result<(), Refusal> {
    // There are some wherever the route asks for them.
    let passwords = Arc::clone(context.route.doors.passwords.as_ref().ok_or(Refusal::NoPassword)?);
    let credentials = basic_credentials(&parts.headers).ok_or(Refusal::NoPassword)?;
    let user = settings.user_header.as_ref().map(|name| (name, credentials.user.clone()));
    let proxy = &context.session.proxy;
    let now = proxy.since_begun(Instant::now());
    let is_right = proxy.password_checks.check(&passwords, credentials, now).await;
    if !is_right.map_err(|_| Refusal::PasswordsBusy)? {
        return Err(Refusal::WrongPassword);
    }
    if settings.authorization == AuthorizationHeader::Remove {
        forward::remove(&mut parts.headers, |name| *name == AUTHORIZATION);
    }
    if let Some((name, user)) = user {
        write_user(&mut parts.headers, name, &user);
    }
    Ok(())
}
