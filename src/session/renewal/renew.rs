//! Prolonging a tunnel: its client has brought a fresh token, and names the tunnel.

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, SET_COOKIE};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use serde_json::json;
use tokio::time::Instant;

use super::names::NamedTunnel;
use crate::access::{Permission, RENEWAL_HEADER, RenewalId, take_out_renewal_ids};
use crate::drain::Registration;
use crate::http::Refusal;
use crate::http::forward::Scheme;
use crate::session::counted::RENEWED;
use crate::session::refused::Refused;
use crate::session::request_context::RequestContext;
use crate::session::rules::own_answer::answered;
use crate::session::served::Served;

/// Whether the request is to prolong tunnels, and not for an endpoint.
pub(in crate::session) fn is_renewal(context: &RequestContext, parts: &Parts) -> bool {
    context.route.settings.access.renew_path.as_deref().is_some_and(|path| parts.uri.path() == path)
}

/// Gives the tunnels that are meant what the request, which was let in, is permitted: its claims, and its end.
pub(in crate::session) fn renew(context: &RequestContext, parts: &Parts) -> Result<Served, Refused> {
    let renewed = try_to_renew(context, parts);
    let result = renewed.as_ref().map_or_else(|refused| refused.refusal.log_word(), |_| RENEWED);
    context.session.proxy.metrics.renewed(result);
    renewed
}

fn try_to_renew(context: &RequestContext, parts: &Parts) -> Result<Served, Refused> {
    if parts.method != Method::POST {
        return Err(Refusal::RenewalMethod.into());
    }
    let permission = context.permission.clone().ok_or(Refusal::RenewalForeign)?;
    let owner = owner(&permission);
    let of = (&context.route.settings.name, owner.as_deref());
    let handles = context.session.proxy.tunnel_names.find(&context.renewal_ids, of)?;
    let permission = permission.kept();
    let tunnels = handles.iter().filter(|handle| handle.renew(permission.clone())).count();
    if tunnels == 0 {
        return Err(Refusal::RenewalUnknown.into());
    }
    let left = permission.until().map(|until| until.saturating_duration_since(Instant::now().into_std()).as_secs());
    let text = format!("{}\n", json!({ "tunnels": tunnels, "expires_in_seconds": left }));
    let headers = [(CONTENT_TYPE, JSON), (CACHE_CONTROL, NO_STORE)].into_iter().collect();
    Ok(answered(context, parts, StatusCode::OK, headers, Bytes::from(text)))
}

/// Gives a tunnel that opens a name under which it can be prolonged, where its route lets that, and where its token has a subject and an
/// end.
pub(in crate::session) fn name(context: &RequestContext, registration: &Registration) -> Option<NamedTunnel> {
    context.route.settings.access.renew_path.as_ref()?;
    let permission = context.permission.as_ref().filter(|permission| permission.until().is_some())?;
    let mut random = [0; 16];
    // Where the system has no randomness, tunnels have no names: one that could be guessed is none.
    getrandom::fill(&mut random).ok()?;
    let owner = owner(permission)?;
    let of = (&context.route.settings.name, owner.as_str());
    Some(context.session.proxy.tunnel_names.name(
        &context.renewal_ids,
        RenewalId::new(random),
        of,
        registration.handle(),
    ))
}

/// Who has a tunnel, in one text: a subject is somebody by the word of its issuer alone (RFC 7519 §4.1.2).
pub(in crate::session) fn owner(permission: &Permission) -> Option<String> {
    let (issuer, subject) = (permission.claim("iss").unwrap_or_default(), permission.subject()?);
    Some(format!("{}:{issuer}{subject}", issuer.len()))
}

impl RequestContext {
    /// Takes out of an answer what looks as if we had named a tunnel.
    pub(in crate::session) fn take_out_names(&self, headers: &mut HeaderMap) {
        if self.route.settings.access.renew_path.is_some() {
            take_out_renewal_ids(headers);
        }
    }

    /// Says the name of its tunnel to the client; by a cookie, unless that was brought.
    pub(in crate::session) fn say_name(&self, headers: &mut HeaderMap, named: &NamedTunnel) {
        if let Some(name) = named.id.header() {
            headers.insert(RENEWAL_HEADER, name);
        }
        let is_brought = self.renewal_ids.contains(&named.id);
        let security = if self.arrival.scheme == Scheme::Https { "; Secure" } else { "" };
        let cookie = named.id.cookie(&self.route.settings.path, security).filter(|_| !is_brought);
        headers.extend(cookie.map(|cookie| (SET_COOKIE, cookie)));
    }
}

const JSON: HeaderValue = HeaderValue::from_static("application/json");
const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");
