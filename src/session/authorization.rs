//! Whether a request may enter, where another server has to say it.

use http::HeaderName;
use http::request::Parts;

use super::refused::Refused;
use super::request_context::RequestContext;
use crate::authorize::{About, AuthAnswer, AuthClient, AuthFailure, Question, Verdict, judge, passed_on, put};
use crate::config::AuthorizeSettings;
use crate::health::Asked;
use crate::http::{Refusal, forward};
use crate::metrics::AuthResult;
use crate::process::unix_seconds;

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
