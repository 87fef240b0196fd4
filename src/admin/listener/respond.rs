//! The way of one request: may it be asked, is there such a thing, and what is the answer.

use http::header::{ACCEPT, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use http::request::Parts;
use http::{HeaderMap, Method, Request, StatusCode};
use hyper::body::Incoming;
use tokio::time::Instant;

use crate::admin::answer::{
    AdminAnswer, Leaving, Problem, ProblemKind, READY, allowing, json, problem, text, told, typed,
};
use crate::admin::audit::{self, Asked};
use crate::admin::command::{AdminCommand, CommandError};
use crate::admin::context::Context;
use crate::admin::dashboard;
use crate::admin::door::{Denied, LetIn, Reception, RequestGuard, Visitor};
use crate::admin::feed::{Hello, watched};
use crate::admin::look::{TunnelQuery, gauges, placement, status, tunnel_detail, tunnel_list, unknown_name};
use crate::admin::routes::{AdminRoute, Found, Needs, Operation, Verb, find, paths};
use crate::admin::steer::{self, read};
use crate::admin::wire::RightsAnswer;
use crate::drain::TunnelId;
use crate::grammar::members;
use crate::metrics::Exposition;
use crate::session::Phase;

pub(super) async fn respond(
    reception: &Reception,
    (visitor, at_work): (&Visitor, &RequestGuard),
    leaving: &Leaving,
    request: Request<Incoming>,
) -> AdminAnswer {
    let (parts, body) = request.into_parts();
    let found = find(&parts.method, parts.uri.path());
    // Who may not look hears of no path whether it is there.
    let needs = if let Found::Route(route, _) = found { route.needs } else { Needs::Reading };
    let let_in = reception.door.admit(visitor, needs, &parts.headers, Instant::now());
    if let_in.is_ok_and(LetIn::is_known) {
        at_work.note_known();
    }
    let mut asked = Asked::default();
    let answer = match (let_in, found) {
        (Err(denied), _) => refusal(denied),
        (Ok(let_in), Found::Route(route, name)) => {
            if route.operation == Operation::Events {
                at_work.note_feed();
            }
            let found = (route, name, let_in);
            carry_out((reception, leaving), found, &parts, body, &mut asked).await
        }
        (Ok(_), Found::Options(methods)) => allowing(text(StatusCode::NO_CONTENT, ""), methods),
        (Ok(_), Found::WrongMethod(methods)) => wrong_method(&parts, methods),
        (Ok(_), Found::Nowhere) => problem(&ProblemKind::NoRoute.because(format!("there is {}", paths()))),
    };
    if let Found::Route(AdminRoute { verb: Verb::Post, path, .. }, _) = found {
        audit::note(reception, (visitor, let_in), path, &asked, &answer);
    }
    answer
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

async fn carry_out(
    (reception, leaving): (&Reception, &Leaving),
    (route, name, let_in): (&AdminRoute, &str, LetIn),
    parts: &Parts,
    body: Incoming,
    asked: &mut Asked,
) -> AdminAnswer {
    let (context, door) = (&reception.context, &reception.door);
    match route.operation {
        Operation::Page => dashboard::page(),
        Operation::PageFile => dashboard::file(name)
            .unwrap_or_else(|| problem(&ProblemKind::NoRoute.because("the dashboard has no such file: it is at /"))),
        Operation::Events => watched(context, (Hello { may_steer: door.lets_steer(let_in) }, let_in), leaving.clone()),
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
        Operation::Tunnels => match TunnelQuery::parse(parts.uri.query().unwrap_or_default()) {
            // By trying one would find out what tokens say: that is for who may close tunnels by it.
            Ok(query) if query.asks_for_claims() && !door.lets_steer(let_in) => problem(
                &ProblemKind::Forbidden
                    .because("`claim` is for who may steer: leave it out, or ask over another listener"),
            ),
            Ok(query) => tunnels(context, &query).await,
            Err(wrong) => problem(&ProblemKind::Nonsense.because(wrong)),
        },
        Operation::Tunnel => tunnel(context, name).await,
        Operation::Rights => json(
            StatusCode::OK,
            &RightsAnswer { listen: door.listen().to_string(), may_steer: door.lets_steer(let_in) },
        ),
        Operation::Where => told(placement(&context.proxy, parts.uri.query().unwrap_or_default())),
        Operation::LogLevel => told(context.notes.log_level().ok_or(CommandError::Busy)),
        Operation::OpenApi => typed(text(StatusCode::OK, OPENAPI), "application/json"),
        Operation::Reload => told(context.ask(AdminCommand::Reload).await),
        Operation::Handoff => told(context.ask(AdminCommand::HandOff).await),
        Operation::Plan => told(async { steer::plan(context, read(body).await?, asked).await }.await),
        Operation::Drain => told(async { steer::drain(context, read(body).await?, asked).await }.await),
        Operation::Undrain => told(async { steer::undrain(context, read(body).await?, asked).await }.await),
        Operation::SetLogLevel => told(async { steer::set_log_level(context, read(body).await?, asked).await }.await),
        Operation::Tap if let_in != LetIn::BySocket => {
            problem(&ProblemKind::Forbidden.because("a tunnel is tapped over a unix socket alone"))
        }
        Operation::Tap => steer::tap(context, read(body).await, asked, leaving.clone())
            .unwrap_or_else(|failed| problem(&Problem::from(&failed))),
        Operation::Close => told(async { steer::close(context, read(body).await?, asked).await }.await),
    }
}

async fn tunnels(context: &Context, query: &TunnelQuery) -> AdminAnswer {
    let list = tunnel_list(context, query).await;
    match unknown_name(context, query).filter(|_| list.matching == 0) {
        Some(why) => problem(&ProblemKind::Unknown.because(why)),
        None => json(StatusCode::OK, &list),
    }
}

async fn tunnel(context: &Context, name: &str) -> AdminAnswer {
    let Ok(id) = name.parse() else {
        return problem(
            &ProblemKind::Nonsense.because("a tunnel is named by its number, as the log and /tunnels have it"),
        );
    };
    match tunnel_detail(context, TunnelId(id)).await {
        Some(tunnel) => json(StatusCode::OK, &tunnel),
        None => {
            let why =
                "no tunnel of this number is open in this process; processes that handed over tell of none of theirs";
            problem(&ProblemKind::Unknown.because(why))
        }
    }
}

fn ready(context: &Context) -> AdminAnswer {
    match context.proxy.phase() {
        Phase::Serving if context.proxy.is_full() => text(StatusCode::SERVICE_UNAVAILABLE, "every place is taken\n"),
        Phase::Serving => text(StatusCode::OK, format!("{READY}\n")),
        phase => text(StatusCode::SERVICE_UNAVAILABLE, format!("{}\n", phase.as_str())),
    }
}

async fn metrics(context: &Context, headers: &HeaderMap) -> AdminAnswer {
    let exposition = Exposition::accepted_by(members(headers, &ACCEPT));
    let elsewhere = context.ask_predecessors().await;
    let now = gauges(context, &elsewhere);
    let Ok(encoded) = context.proxy.metrics.encode(&now, exposition) else {
        return problem(&ProblemKind::Failed.because("the metrics cannot be written"));
    };
    typed(text(StatusCode::OK, encoded), exposition.content_type())
}

fn wrong_method(asked: &Parts, methods: &'static str) -> AdminAnswer {
    let (path, method) = (asked.uri.path(), &asked.method);
    let verb = match (methods.starts_with(Method::GET.as_str()), methods.contains(Method::POST.as_str())) {
        (true, true) => "GET or POST",
        (true, false) => "GET",
        (false, _) => "POST",
    };
    let why = format!("{path} is not for {method}; ask with {verb}");
    allowing(problem(&ProblemKind::WrongMethod.because(why)), methods)
}

/// All of it, for programs.
static OPENAPI: &str = include_str!("../../../docs/openapi.json");
