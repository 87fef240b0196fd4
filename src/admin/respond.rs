//! The way of one request: may it be asked, is there such a thing, and what is the answer.

use http::header::{ACCEPT, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use http::request::Parts;
use http::{HeaderMap, Method, Request, StatusCode};
use hyper::body::Incoming;
use tokio::time::Instant;

use super::answer::{AdminAnswer, allowing, json, problem, text, told, typed};
use super::command::AdminCommand;
use super::context::Context;
use super::door::{Denied, Visitor};
use super::look::{gauges, status};
use super::problem::ProblemKind;
use super::routes::{AdminRoute, Found, Needs, Operation, find, paths};
use super::server::Reception;
use super::steer::{self, read};
use crate::grammar::members;
use crate::metrics::Exposition;
use crate::session::Phase;

pub(super) async fn respond(reception: &Reception, visitor: &Visitor, request: Request<Incoming>) -> AdminAnswer {
    let (parts, body) = request.into_parts();
    let found = find(&parts.method, parts.uri.path());
    // Who may not look hears of no path whether it is there.
    let needs = if let Found::Route(route, _) = found { route.needs } else { Needs::Reading };
    match reception.door.admit(visitor, needs, &parts.headers, Instant::now()) {
        Ok(_) => {}
        Err(denied) => return refusal(denied),
    }
    match found {
        Found::Route(route, name) => carry_out(&reception.context, route, name, &parts, body).await,
        Found::Options(methods) => allowing(text(StatusCode::NO_CONTENT, ""), methods),
        Found::WrongMethod(methods) => wrong_method(&parts, methods),
        Found::Nowhere => problem(&ProblemKind::NoRoute.because(format!("there is {}", paths()))),
    }
}

fn refusal(denied: Denied) -> AdminAnswer {
    let mut answer = problem(&denied.problem());
    if denied.asks_for_token() {
        answer.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"windlass\""));
    }
    if denied == Denied::TooManyGuesses {
        answer.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("2"));
    }
    answer
}

async fn carry_out(context: &Context, route: &AdminRoute, name: &str, parts: &Parts, body: Incoming) -> AdminAnswer {
    match route.operation {
        Operation::Live => text(StatusCode::OK, "live\n"),
        Operation::Ready => ready(context),
        Operation::Metrics => metrics(context, &parts.headers).await,
        Operation::Status | Operation::Listeners | Operation::Routes | Operation::Upstreams | Operation::Upstream => {
            let elsewhere = context.ask_predecessors().await;
            let status = status(&context.proxy, &context.notes, elsewhere);
            match route.operation {
                Operation::Listeners => json(StatusCode::OK, &status.listeners),
                Operation::Routes => json(StatusCode::OK, &status.routes),
                Operation::Upstreams => json(StatusCode::OK, &status.upstreams),
                Operation::Upstream => match status.upstreams.iter().find(|upstream| upstream.name == name) {
                    Some(upstream) => json(StatusCode::OK, upstream),
                    None => {
                        problem(&ProblemKind::Unknown.because("there is no such upstream: /upstreams has them all"))
                    }
                },
                _ => json(StatusCode::OK, &status),
            }
        }
        Operation::Reload => told(context.ask(AdminCommand::Reload).await),
        Operation::Handoff => told(context.ask(AdminCommand::HandOff).await),
        Operation::Plan => told(async { steer::plan(context, read(body).await?).await }.await),
        Operation::Drain => told(async { steer::drain(context, read(body).await?).await }.await),
        Operation::Undrain => told(async { steer::undrain(context, read(body).await?).await }.await),
        Operation::Close => told(async { steer::close(context, read(body).await?).await }.await),
    }
}

fn ready(context: &Context) -> AdminAnswer {
    match context.proxy.phase() {
        Phase::Serving if context.proxy.is_full() => text(StatusCode::SERVICE_UNAVAILABLE, "every place is taken\n"),
        Phase::Serving => text(StatusCode::OK, "ready\n"),
        phase => text(StatusCode::SERVICE_UNAVAILABLE, format!("{}\n", phase.as_str())),
    }
}

async fn metrics(context: &Context, headers: &HeaderMap) -> AdminAnswer {
    let exposition = Exposition::accepted_by(members(headers, &ACCEPT));
    let elsewhere = context.ask_predecessors().await;
    let now = gauges(&context.proxy, &context.notes, &elsewhere);
    let Ok(encoded) = context.proxy.metrics.encode(&now, exposition) else {
        return problem(&ProblemKind::Failed.because("the metrics cannot be written"));
    };
    typed(text(StatusCode::OK, encoded), exposition.content_type())
}

fn wrong_method(asked: &Parts, methods: &'static str) -> AdminAnswer {
    let (path, method) = (asked.uri.path(), &asked.method);
    let verb = if methods.starts_with(Method::GET.as_str()) { "GET" } else { "POST" };
    let why = format!("{path} is not for {method}; ask with {verb}");
    allowing(problem(&ProblemKind::WrongMethod.because(why)), methods)
}
