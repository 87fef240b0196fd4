//! Serves operators: one HTTP/1.1 connection each, a few at a time.

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, ALLOW, CONTENT_TYPE, HeaderValue};
use http::request::Parts;
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, UnixListener};
use tokio::time::{sleep, timeout};

use super::close_wire::{CloseAnswer, CloseRequest};
use super::command::{AdminCommand, CommandError, CommandSender, Reply};
use super::guard;
use super::log_level::{LogLevelRequest, LogLevelStatus};
use super::look::{gauges, status};
use super::notes::Notes;
use super::places::{ANSWER_WITHIN, OperatorPlace, Places};
use super::predecessors::{Answered, Holdings, Question, ask};
use super::socket::BoundAdmin;
use super::spare::Spare;
use super::wire::{DrainAnswer, DrainRequest, ErrorAnswer, PlanAnswer, PlanRequest, UndrainAnswer, UndrainRequest};
use crate::grammar::members;
use crate::handoff::Predecessors;
use crate::metrics::Exposition;
use crate::net::Guarded;
use crate::session::{Phase, Proxy};

/// How long a request, its body included, may take to arrive, a connection may rest, and an operator may read nothing of an
/// answer. What is asked for may take longer.
const READ_WITHIN: Duration = Duration::from_secs(10);
/// The largest body of a request, in bytes.
const MAX_BODY: usize = 64 * 1024;

/// What operators look at and steer.
#[derive(Debug)]
pub struct Context {
    /// What serves.
    pub proxy: Arc<Proxy>,
    /// What else is known.
    pub notes: Arc<Notes>,
    /// The processes that handed over.
    pub predecessors: Arc<Predecessors>,
    /// Where commands go.
    pub commands: CommandSender,
    /// Where operators are served.
    pub places: Places,
}

/// What may be asked.
#[derive(Clone, Copy, Debug)]
enum Rights {
    /// Everything: only our user and root get here.
    All,
    /// Looking, under suspicion.
    Reading,
}

impl Context {
    /// Ends every connection with an operator; what is being answered has a moment for that.
    pub async fn end_connections(&self) {
        self.places.clear();
        // Whoever reads nothing is not waited for.
        let _ = timeout(ANSWER_WITHIN, self.places.are_free()).await;
    }

    /// Hands a command on and waits for its answer.
    async fn ask<T>(&self, command: impl FnOnce(Reply<T>) -> AdminCommand) -> Result<T, CommandError> {
        match self.commands.ask(command).await {
            Err(CommandError::Stopping) if self.proxy.phase() == Phase::HandedOver => Err(CommandError::HandedOver),
            answer => answer,
        }
    }

    /// What the processes hold that handed over.
    async fn ask_predecessors(&self) -> Vec<Answered<Holdings>> {
        ask(&self.predecessors, &Question::Holdings).await
    }
}

type AdminAnswer = Response<Full<Bytes>>;

/// Serves operators until `end`; who is connected then is answered, and no more than that.
///
/// # Errors
/// The runtime does not take the socket.
pub async fn serve(bound: BoundAdmin, context: Arc<Context>, end: impl Future<Output = ()>) -> io::Result<()> {
    let places = &context.places;
    let spare = Arc::new(Spare::filled());
    let serving = async {
        match bound {
            BoundAdmin::Unix(listener, file) => {
                let listener = UnixListener::from_std(listener)?;
                // The file goes when the socket does.
                let _file = file;
                loop {
                    match listener.accept().await {
                        Ok((stream, _)) => spawn(stream, Rights::All, &context, places.take().await, &spare),
                        Err(error) => rest(&error, &spare).await,
                    }
                }
            }
            BoundAdmin::Loopback(listener) => {
                let listener = TcpListener::from_std(listener)?;
                loop {
                    match listener.accept().await {
                        Ok((stream, _)) => spawn(stream, Rights::Reading, &context, places.take().await, &spare),
                        Err(error) => rest(&error, &spare).await,
                    }
                }
            }
        }
    };
    tokio::select! {
        failed = serving => failed,
        () = end => {
            // Not before nobody is accepted any more: who keeps a connection asks elsewhere from now on.
            places.dismiss();
            Ok(())
        }
    }
}

/// Waits before the next is accepted, unless there is a descriptor for it at once.
async fn rest(error: &io::Error, spare: &Spare) {
    if spare.give_way(error) {
        return;
    }
    tracing::warn!(%error, "cannot accept at the admin listener");
    sleep(Duration::from_millis(500)).await;
    spare.refill();
}

fn spawn<S>(stream: S, rights: Rights, context: &Arc<Context>, place: OperatorPlace, spare: &Arc<Spare>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (context, guest) = (Arc::clone(context), place.guest());
    let service = service_fn(move |request| {
        let (context, at_work) = (Arc::clone(&context), guest.at_work());
        async move {
            let answer = answer(&context, rights, request).await;
            drop(at_work);
            Ok::<_, Infallible>(answer)
        }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(READ_WITHIN)
        .serve_connection(TokioIo::new(Guarded::new(stream, READ_WITHIN)), service);
    let spare = Arc::clone(spare);
    tokio::spawn(async move {
        let (mut connection, mut place) = (Box::pin(connection), place);
        let ended = tokio::select! {
            ended = &mut connection => ended,
            () = place.is_needed() => {
                connection.as_mut().graceful_shutdown();
                match timeout(place.grace(), connection.as_mut()).await {
                    // Its request has come this moment: it is answered.
                    Err(_) if place.is_at_work() => timeout(ANSWER_WITHIN, connection.as_mut()).await.unwrap_or(Ok(())),
                    ended => ended.unwrap_or(Ok(())),
                }
            }
        };
        if let Err(error) = ended {
            tracing::debug!(%error, "an operator's connection ended early");
        }
        // Its descriptor is the next operator's, before anybody else has it.
        drop(connection);
        spare.refill();
    });
}

async fn answer(context: &Context, rights: Rights, request: Request<Incoming>) -> AdminAnswer {
    let (parts, body) = request.into_parts();
    if let Rights::Reading = rights
        && let Err(suspect) = guard::check(&parts.method, &parts.headers)
    {
        return error(StatusCode::FORBIDDEN, suspect.text());
    }
    let reads = parts.method == Method::GET || parts.method == Method::HEAD;
    let writes = parts.method == Method::POST;
    let wrong_method = |allowed| wrong_method(&parts, allowed);
    match parts.uri.path() {
        "/live" if reads => text(StatusCode::OK, "live\n"),
        "/ready" if reads => ready(context),
        "/status" if reads => {
            let elsewhere = context.ask_predecessors().await;
            json(StatusCode::OK, &status(&context.proxy, &context.notes, elsewhere))
        }
        "/metrics" if reads => metrics(context, &parts.headers).await,
        "/log-level" if reads => match context.notes.log_level() {
            Some(level) => json(StatusCode::OK, &level),
            None => told::<LogLevelStatus>(Err(CommandError::Busy)),
        },
        "/log-level" if writes => told(set_log_level(context, body).await),
        "/live" | "/ready" | "/status" | "/metrics" => wrong_method("GET"),
        "/log-level" => wrong_method("GET, POST"),
        "/reload" if writes => told(context.ask(AdminCommand::Reload).await),
        "/handoff" if writes => told(context.ask(AdminCommand::HandOff).await),
        "/plan" if writes => told(plan(context, body).await),
        "/drain" if writes => told(drain(context, body).await),
        "/undrain" if writes => told(undrain(context, body).await),
        "/close" if writes => told(close(context, body).await),
        "/reload" | "/plan" | "/drain" | "/undrain" | "/close" | "/handoff" => wrong_method("POST"),
        _ => error(
            StatusCode::NOT_FOUND,
            "there is /live, /ready, /status, /metrics, /log-level, /reload, /plan, /drain, /undrain, /close and /handoff",
        ),
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
        return error(StatusCode::INTERNAL_SERVER_ERROR, "the metrics cannot be written");
    };
    let mut answer = text(StatusCode::OK, encoded);
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(exposition.content_type()));
    answer
}

async fn plan(context: &Context, body: Incoming) -> Result<PlanAnswer, CommandError> {
    let PlanRequest { file } = read(body).await?;
    if !file.is_absolute() {
        return Err(CommandError::Nonsense("the file must be named from / on".into()));
    }
    context.ask(|reply| AdminCommand::Plan(file, reply)).await
}

async fn drain(context: &Context, body: Incoming) -> Result<DrainAnswer, CommandError> {
    let request: DrainRequest = read(body).await?;
    let (target, overrides) = request.understood().map_err(CommandError::Nonsense)?;
    context.ask(|reply| AdminCommand::Drain(target, overrides, reply)).await
}

async fn undrain(context: &Context, body: Incoming) -> Result<UndrainAnswer, CommandError> {
    let request: UndrainRequest = read(body).await?;
    let endpoint = request.endpoint.parse().map_err(|wrong| CommandError::Nonsense(format!("{wrong}")))?;
    context.ask(|reply| AdminCommand::Undrain(endpoint, reply)).await
}

async fn close(context: &Context, body: Incoming) -> Result<CloseAnswer, CommandError> {
    let request: CloseRequest = read(body).await?;
    let revocation = request.understood().map_err(CommandError::Nonsense)?;
    context.ask(|reply| AdminCommand::Close(revocation, reply)).await
}

async fn set_log_level(context: &Context, body: Incoming) -> Result<LogLevelStatus, CommandError> {
    let request: LogLevelRequest = read(body).await?;
    let (level, time) = request.understood().map_err(CommandError::Nonsense)?;
    context.ask(|reply| AdminCommand::SetLogLevel(level, time, reply)).await
}

async fn read<T: DeserializeOwned>(body: Incoming) -> Result<T, CommandError> {
    let collected = timeout(READ_WITHIN, Limited::new(body, MAX_BODY).collect()).await;
    let body = match collected {
        Ok(Ok(body)) => body.to_bytes(),
        Ok(Err(error)) => return Err(CommandError::Nonsense(format!("the body cannot be read: {error}"))),
        Err(_) => return Err(CommandError::Nonsense("the body took too long".into())),
    };
    serde_json::from_slice(&body).map_err(|error| CommandError::Nonsense(format!("the body makes no sense: {error}")))
}

fn told<T: Serialize>(result: Result<T, CommandError>) -> AdminAnswer {
    match result {
        Ok(value) => json(StatusCode::OK, &value),
        Err(failed) => error(status_of(&failed), &failed.to_string()),
    }
}

fn status_of(failed: &CommandError) -> StatusCode {
    match failed {
        CommandError::Nonsense(_) => StatusCode::BAD_REQUEST,
        CommandError::Unknown(_) => StatusCode::NOT_FOUND,
        CommandError::Config(_) => StatusCode::UNPROCESSABLE_ENTITY,
        CommandError::Refused(_) => StatusCode::CONFLICT,
        CommandError::Busy | CommandError::Stopping | CommandError::HandedOver => StatusCode::SERVICE_UNAVAILABLE,
    }
}

fn wrong_method(asked: &Parts, allowed: &'static str) -> AdminAnswer {
    let why = format!("{} is not for {}; ask with {allowed}", asked.uri.path(), asked.method);
    let mut answer = error(StatusCode::METHOD_NOT_ALLOWED, &why);
    answer.headers_mut().insert(ALLOW, HeaderValue::from_static(allowed));
    answer
}

fn error(status: StatusCode, why: &str) -> AdminAnswer {
    json(status, &ErrorAnswer { error: why.to_owned() })
}

fn json<T: Serialize>(status: StatusCode, value: &T) -> AdminAnswer {
    let mut body = serde_json::to_string_pretty(value).unwrap_or_default();
    body.push('\n');
    let mut answer = text(status, body);
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    answer
}

fn text(status: StatusCode, body: impl Into<Bytes>) -> AdminAnswer {
    let mut answer = Response::new(Full::new(body.into()));
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    answer
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
    use tokio::sync::mpsc;

    use super::super::command::channel;
    use super::super::wire::HandoffAnswer;
    use super::*;
    use crate::config::parse;
    use crate::net::Network;
    use crate::process::{Room, Workers};
    use crate::snapshot::{FileContents, Snapshot};
    use crate::tls::TicketKeys;

    const SITE: &str = r#"
[listener.public]
bind = "127.0.0.1:0"
[route.chat]
upstream = "chat"
[upstream.chat]
endpoints = ["127.0.0.1:1"]
"#;

    /// Somebody who operates a process.
    struct Operator {
        stream: DuplexStream,
        /// What the process is told to do.
        commands: mpsc::Receiver<AdminCommand>,
        /// The place of the connection is one of them.
        places: Places,
    }

    /// An operator who has asked this, and between whom and the process so many bytes fit.
    async fn asking(request: &str, buffer: usize) -> Operator {
        let settings = parse(SITE, Path::new("test.toml")).unwrap();
        let snapshot =
            Snapshot::assemble(settings.into(), FileContents::default(), &TicketKeys::generate().unwrap(), None);
        let room = Room { descriptors: 0, tunnels: 1, resting: 0 };
        let network = Network::of_the_system(snapshot.settings.resolver.clone());
        let proxy = Proxy::new(snapshot, Workers::start(1).unwrap(), room, network);
        let (sender, commands) = channel();
        let (notes, predecessors) = (Arc::new(Notes::new(None)), Arc::default());
        let context = Arc::new(Context { proxy, notes, predecessors, commands: sender, places: Places::default() });
        let (mut stream, served) = duplex(buffer);
        let places = context.places.clone();
        spawn(served, Rights::All, &context, places.take().await, &Arc::default());
        stream.write_all(format!("{request} HTTP/1.1\r\nhost: localhost\r\n\r\n").as_bytes()).await.unwrap();
        Operator { stream, commands, places }
    }

    #[tokio::test(start_paused = true)]
    async fn who_reads_nothing_holds_no_place_for_ever() {
        let operator = asking("GET /metrics", 64).await;
        assert!(timeout(2 * READ_WITHIN, operator.places.are_free()).await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn a_command_may_take_longer_than_any_reader() {
        let Operator { mut stream, mut commands, places } = asking("POST /handoff", 4096).await;
        let Some(AdminCommand::HandOff(reply)) = commands.recv().await else { panic!("it is told to hand over") };
        assert!(timeout(100 * READ_WITHIN, places.are_free()).await.is_err());
        reply.send(Ok(HandoffAnswer { pid: 7 })).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.contains("\"pid\": 7"), "{answer}");
    }
}
