//! Whether a request may enter, where another server has to say it.

use std::sync::Arc;

use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue};
use tokio::time::Instant;

use crate::access::{Claim, Claims, Granted, Permission};
use crate::authorize::{
    About, AuthAnswer, AuthClient, AuthFailure, Good, Permitted, Question, Verdict, judge, passed_on, put,
};
use crate::config::AuthorizeSettings;
use crate::health::Asked;
use crate::http::{Refusal, forward};
use crate::metrics::AuthResult;
use crate::process::{unix_seconds, unix_time};
use crate::session::refused::Refused;
use crate::session::request_context::RequestContext;
use crate::websocket::CloseCode;

/// Asks the server of the route, where it has one. What the endpoint is told by it, nobody else can tell it.
pub(super) async fn authorize(context: &mut RequestContext, parts: &mut Parts, asked: Asked) -> Result<(), Refused> {
    let access = context.route.settings.access.clone();
    let Some(settings) = &access.authorize else { return Ok(()) };
    let about = About { method: &parts.method, target: &parts.uri, headers: &parts.headers, arrival: context.arrival };
    let question = Question::new(settings, &about);
    let could_be_taken = |name: &HeaderName| settings.take.iter().any(|pattern| pattern.could_mean(name));
    forward::remove(&mut parts.headers, could_be_taken);
    forward::unannounce(&mut parts.headers, could_be_taken);
    // Who has asked for a tunnel and ends its direction has changed its mind.
    context.session.fin_ends.set(asked == Asked::Upgrade);
    let answered = ask(context, settings, &question).await;
    context.session.fin_ends.set(false);
    let judged = answered.and_then(|AuthAnswer { head, body }| match judge(settings, &head, unix_seconds())? {
        Verdict::Granted(grant) => Ok(Ok(grant)),
        Verdict::Denied => Ok(Err(passed_on(head, body.ok_or(AuthFailure::TooLong)?))),
    });
    let metrics = &context.session.proxy.metrics;
    match judged {
        Ok(Ok(grant)) => {
            metrics.authorized(AuthResult::Granted);
            put(&mut parts.headers, &grant.for_endpoint);
            let good = Good::new(Instant::now(), grant.until, unix_time());
            // Whoever asks again keeps the end, too: it moves with each answer, and others may have ends of their own.
            let is_asked_again = asked == Asked::Upgrade && settings.recheck.is_some();
            // So too where one of them is prolonged.
            let until = good.until.filter(|_| settings.recheck.is_none()).map(Instant::into_std);
            let close_code = settings.close_code.unwrap_or(CloseCode::POLICY_VIOLATION);
            let held =
                Permission::new(Granted { subject: None, claims: claims(&grant.for_endpoint), until, close_code });
            context.permission = Some(match context.permission.take() {
                Some(other) => other.and(&held),
                None => held,
            });
            context.permitted = is_asked_again.then(|| Permitted { question: Arc::new(question), good });
            context.grant = Some(grant);
            Ok(())
        }
        Ok(Err(answer)) => {
            metrics.authorized(AuthResult::Denied);
            Err(Refused::by_answer(Refusal::AuthorizeDenied, answer))
        }
        Err(failure) => {
            metrics.authorized(if failure.is_late() { AuthResult::Timeout } else { AuthResult::Failed });
            Err(failure.into())
        }
    }
}

async fn ask(
    context: &RequestContext,
    settings: &AuthorizeSettings,
    question: &Question,
) -> Result<AuthAnswer, AuthFailure> {
    let session = &context.session;
    // Each route that has such settings has the server, and each worker a pool.
    let (Some(server), Some(pool)) = (&context.route.doors.auth_server, session.proxy.endpoints.pool(session.worker))
    else {
        return Err(AuthFailure::Busy);
    };
    AuthClient { network: &session.proxy.network, pool }.ask(server, settings, question).await
}

/// What the server says of somebody, by which operators can find the tunnels: by the names of its headers.
fn claims(headers: &HeaderMap) -> Claims {
    let short =
        |value: &HeaderValue| value.to_str().ok().filter(|text| text.len() <= LONGEST_CLAIM).map(Box::<str>::from);
    let claim = |name: &HeaderName| {
        let mut texts: Vec<_> = headers.get_all(name).iter().filter_map(short).collect();
        match texts.len() {
            0 => None,
            1 => texts.pop().map(Claim::Text),
            _ => Some(Claim::List(texts.into())),
        }
    };
    headers.keys().take(MOST_CLAIMS).filter_map(|name| Some((name.as_str().into(), claim(name)?))).collect()
}

/// What a tunnel keeps of such headers: no more than so many, none that is longer than this, in bytes.
const MOST_CLAIMS: usize = 16;
const LONGEST_CLAIM: usize = 256;
