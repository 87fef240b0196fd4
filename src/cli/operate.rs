//! The commands that ask a running process.

use std::ffi::OsString;
use std::io;
use std::num::NonZeroU32;
use std::path::{PathBuf, absolute};
use std::process::ExitCode;

use clap::{ArgGroup, Args};
use http::StatusCode;
use serde_json::json;

use super::ask::{ADMIN_CHANGED, Ask};
use super::failure::Failure;
use super::follow::follow;
use super::output::{FAILED, WOULD_CLOSE, complain, say};
use super::progress::Progress;
use super::show;
use crate::admin::{
    AskError, CloseAnswer, CloseRequest, DrainAnswer, DrainRequest, HandoffAnswer, ParsedAnswer, PlanAnswer,
    PlanRequest, ReloadAnswer, Status, UndrainAnswer, UndrainRequest,
};
use crate::app::Loaded;
use crate::config::{Problems, SyntaxError, parse_duration};
use crate::drain::{BadDrainPolicy, ClaimMatch, DrainTarget, EndpointTarget};
use crate::process::ask_for_reload;
use crate::websocket::{CloseCode, MAX_REASON};

#[derive(Debug, Args)]
pub(super) struct PlanArguments {
    #[command(flatten)]
    ask: Ask,
    /// The file that a reload would read, as with --config
    #[arg(value_name = "FILE", conflicts_with = "config")]
    file: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(super) struct DrainArguments {
    /// all, listener/NAME, route/NAME, upstream/NAME, endpoint/UPSTREAM/NAME or tunnel/ID
    #[arg(value_name = "SCOPE")]
    scope: DrainTarget,
    /// When what is left is cut, such as 5min [default: drain.reload.deadline]
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    deadline: Option<String>,
    /// Over how long the tunnels are told [default: drain.reload.spread]
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    spread: Option<String>,
    /// How many are told each second at the most [default: drain.max_per_second]
    #[arg(long, value_name = "NUMBER", value_parser = at_least_one)]
    max_per_second: Option<NonZeroU32>,
    /// The close code that clients read [default: drain.close_code]
    #[arg(long, alias = "code", value_name = "CODE", value_parser = close_code)]
    close_code: Option<u16>,
    /// The reason that clients read, 123 bytes at the most
    #[arg(long, value_name = "TEXT", value_parser = reason)]
    reason: Option<String>,
    /// Return at once; `windlass status` shows the progress
    #[arg(long)]
    detach: bool,
    #[command(flatten)]
    ask: Ask,
}

#[derive(Debug, Args)]
pub(super) struct UndrainArguments {
    /// The endpoint, as UPSTREAM/NAME
    #[arg(value_name = "ENDPOINT")]
    endpoint: EndpointTarget,
    #[command(flatten)]
    ask: Ask,
}

#[derive(Debug, Args)]
#[command(group(ArgGroup::new("whose").required(true).multiple(true).args(["claim", "id"])))]
pub(super) struct CloseArguments {
    /// The number of one tunnel, as the log and `windlass tunnels` have it
    #[arg(value_name = "ID")]
    id: Option<u64>,
    /// What was said of those who opened the tunnels, such as sub=ada; where it stands several times, all of it holds
    #[arg(long, value_name = "NAME=VALUE")]
    claim: Vec<ClaimMatch>,
    /// Only tunnels of this route
    #[arg(long, value_name = "NAME")]
    route: Option<String>,
    /// The close code that clients read [default: 4403]
    #[arg(long, value_name = "CODE", value_parser = close_code)]
    close_code: Option<u16>,
    /// The reason that clients read, 123 bytes at the most [default: revoked]
    #[arg(long, value_name = "TEXT", value_parser = reason)]
    reason: Option<String>,
    #[command(flatten)]
    ask: Ask,
}

pub(super) async fn status(ask: Ask) -> Result<ExitCode, Failure> {
    let answer: ParsedAnswer<Status> = ask.client().await?.get("/status").await?;
    ask.write(&answer, show::status);
    Ok(ExitCode::SUCCESS)
}

pub(super) async fn ready(ask: Ask) -> Result<ExitCode, Failure> {
    let ready = ask.client().await?.ready().await.unwrap_or_else(|nobody| Err(nobody.to_string()));
    let code = if ready.is_ok() { ExitCode::SUCCESS } else { ExitCode::from(FAILED) };
    match ready {
        ready if ask.json => say(&json!({ "ready": ready.is_ok(), "why": ready.err() }).to_string()),
        Ok(()) => say("ready"),
        Err(why) => complain(&format!("not ready: {why}")),
    }
    Ok(code)
}

/// Where nobody can be asked, `main` is told by a signal: systemd says who the service is to what it runs.
pub(super) async fn reload(ask: Ask, main: Option<OsString>) -> Result<ExitCode, Failure> {
    let answer: ParsedAnswer<ReloadAnswer> = match ask_for_reload_of(&ask).await? {
        Ok(answer) => answer,
        Err(error) => return signal_reload(&ask, &error, main),
    };
    ask.write(&answer, show::reloaded);
    if let Some(warning) = ask.file().warning(&answer.value.config) {
        complain(&warning);
    }
    Ok(ExitCode::SUCCESS)
}

/// The answer of whom the file says; where nobody is there, since that was changed, of who listens at a usual place and serves it.
async fn ask_for_reload_of(ask: &Ask) -> Result<Result<ParsedAnswer<ReloadAnswer>, AskError>, Failure> {
    let client = ask.client().await?;
    let error = match client.post("/reload", &()).await {
        Err(error) if is_absent(&error) => error,
        answered => return Ok(answered),
    };
    let Some(before) = ask.client_of_before().await.filter(|before| before.place() != client.place()) else {
        return Ok(Err(error));
    };
    complain(&format!(
        "nobody answers at {} yet: asked at {}, where this file is served",
        client.place(),
        before.place()
    ));
    Ok(before.post("/reload", &()).await)
}

/// What can be told before a reload by signal is told: the file is right. Its outcome is in the log.
fn signal_reload(ask: &Ask, error: &AskError, main: Option<OsString>) -> Result<ExitCode, Failure> {
    let failed = || Failure::Failed(unreloaded(error));
    let main: u32 = main.filter(|_| is_mute(error)).and_then(|pid| pid.to_str()?.parse().ok()).ok_or_else(failed)?;
    Loaded::read_file(ask.file().path()).map_err(|problems| Failure::Wrong(unsignalled(&problems)))?;
    ask_for_reload(main).map_err(|error| Failure::Failed(format!("process {main} cannot be signalled: {error}")))?;
    say(&format!("process {main} reads its file again, which is right; its log says what came of it ({error})"));
    Ok(ExitCode::SUCCESS)
}

fn unsignalled(problems: &Problems) -> String {
    format!("{problems}\nnobody was asked for a reload: what was served before is served on")
}

/// Why a file is not served, and what is.
fn unreloaded(error: &AskError) -> String {
    match error {
        AskError::Refused(StatusCode::UNPROCESSABLE_ENTITY | StatusCode::CONFLICT, _) => {
            format!("{error}\nthe reload is refused: what was served before is served on, and nothing has changed")
        }
        AskError::Off => format!("{error}\n    hint: {ADMIN_CHANGED}"),
        AskError::Unreachable(..) | AskError::Refused(..) | AskError::Nonsense(..) | AskError::NeedsSocket(_) => {
            error.to_string()
        }
    }
}

/// Whether nobody is there who could be asked.
fn is_absent(error: &AskError) -> bool {
    matches!(error, AskError::Off | AskError::Unreachable(..)) && is_mute(error)
}

/// Whether nobody can be asked at all. Who listens and says nothing is stuck, and would not hear a signal either.
fn is_mute(error: &AskError) -> bool {
    match error {
        AskError::Off | AskError::Refused(StatusCode::FORBIDDEN | StatusCode::UNAUTHORIZED, _) => true,
        AskError::Unreachable(_, error, _) => error.kind() != io::ErrorKind::TimedOut,
        AskError::Refused(..) | AskError::Nonsense(..) | AskError::NeedsSocket(_) => false,
    }
}

pub(super) async fn handoff(ask: Ask) -> Result<ExitCode, Failure> {
    let answer: ParsedAnswer<HandoffAnswer> = ask.client().await?.post("/handoff", &()).await?;
    ask.write(&answer, show::handed_over);
    Ok(ExitCode::SUCCESS)
}

pub(super) async fn plan(arguments: PlanArguments) -> Result<ExitCode, Failure> {
    let PlanArguments { ask, file } = arguments;
    let ask = match file {
        Some(file) => ask.with_config(Some(file)),
        None => ask,
    };
    let file = ask.file();
    if file.is_missing() {
        return Err(Failure::Wrong(file.missing().to_string()));
    }
    // The process that is asked may stand in another folder.
    let file = absolute(file.path()).map_err(|error| Failure::Wrong(error.to_string()))?;
    let answer: ParsedAnswer<PlanAnswer> =
        ask.client_of_any_file()?.post("/plan", &PlanRequest { file }).await.map_err(|error| match error {
            AskError::Refused(StatusCode::UNPROCESSABLE_ENTITY, problems) => Failure::Wrong(problems),
            error => error.into(),
        })?;
    ask.write(&answer, show::plan);
    let PlanAnswer { closing, predecessors, .. } = &answer.value;
    let is_harmless = *closing == 0 && predecessors.iter().all(|it| it.losing == Some(0));
    Ok(if is_harmless { ExitCode::SUCCESS } else { ExitCode::from(WOULD_CLOSE) })
}

pub(super) async fn undrain(arguments: UndrainArguments) -> Result<ExitCode, Failure> {
    let UndrainArguments { endpoint, ask } = arguments;
    let request = UndrainRequest { endpoint: endpoint.to_string() };
    let answer: ParsedAnswer<UndrainAnswer> = ask.client().await?.post("/undrain", &request).await?;
    ask.write(&answer, show::undrained);
    let unreached = answer.value.not_reached.iter().map(|it| (it.pid, it.problem.as_str()));
    Ok(all_reached(unreached))
}

pub(super) async fn close(arguments: CloseArguments) -> Result<ExitCode, Failure> {
    let CloseArguments { id: tunnel, claim, route, close_code, reason, ask } = arguments;
    let claims = claim.iter().map(ToString::to_string).collect();
    let request = CloseRequest { claims, tunnel, route, close_code, reason };
    let answer: ParsedAnswer<CloseAnswer> = ask.client().await?.post("/close", &request).await?;
    ask.write(&answer, show::closed);
    let unreached = answer.value.not_reached.iter().map(|it| (it.pid, it.problem.as_str()));
    Ok(all_reached(unreached))
}

pub(super) async fn drain(arguments: DrainArguments) -> Result<ExitCode, Failure> {
    let DrainArguments { scope, deadline, spread, max_per_second, close_code, reason, detach, ask } = arguments;
    let scope = scope.to_string();
    let request = DrainRequest { scope, deadline, spread, max_per_second, close_code, reason };
    let client = ask.client().await?;
    let begun: ParsedAnswer<DrainAnswer> = client.post("/drain", &request).await?;
    let unreached = begun.value.predecessors.iter().filter_map(|it| Some((it.pid, it.problem.as_deref()?)));
    if detach {
        ask.write(&begun, show::draining);
        return Ok(all_reached(unreached));
    }
    if !ask.json {
        say(&show::draining(&begun.value));
    }
    let progress = if ask.json { Progress::Silent } else { Progress::on_output(begun.value.tunnels) };
    let over = follow(&client, &begun.value, |drain| progress.show(drain)).await;
    progress.end();
    let over = over?;
    if ask.json {
        say(&serde_json::to_string_pretty(&over).unwrap_or_default());
    } else {
        say(&show::drained(&over));
    }
    Ok(all_reached(unreached))
}

/// Whether every process was reached; complains of those that were not.
fn all_reached<'a>(unreached: impl Iterator<Item = (u32, &'a str)>) -> ExitCode {
    let mut code = ExitCode::SUCCESS;
    for (pid, problem) in unreached {
        complain(&format!("not done in process {pid}, which handed over and drains still: {problem}"));
        code = ExitCode::from(FAILED);
    }
    code
}

/// Checks a duration; it goes to the process as it was written.
pub(super) fn duration(text: &str) -> Result<String, SyntaxError> {
    parse_duration(text).map(|_| text.to_owned())
}

fn at_least_one(text: &str) -> Result<NonZeroU32, String> {
    text.parse().map_err(|_| format!("write a number of tunnels from 1 to {}", u32::MAX))
}

/// Checks a reason as the process would.
fn reason(text: &str) -> Result<String, BadDrainPolicy> {
    if text.len() > MAX_REASON { Err(BadDrainPolicy::ReasonTooLong) } else { Ok(text.to_owned()) }
}

fn close_code(text: &str) -> Result<u16, String> {
    let code: u16 = text.parse().map_err(|_| "is not a number".to_owned())?;
    CloseCode::new(code).map(CloseCode::get).ok_or_else(|| "write 1000 to 1003, 1007 to 1014, or 3000 to 4999".into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::AdminListen;

    #[test]
    fn who_listens_and_says_nothing_is_not_signalled() {
        let listen = AdminListen::Unix("/run/windlass/admin.sock".into());
        let unreachable = |kind: io::ErrorKind| is_mute(&AskError::Unreachable(listen.clone(), kind.into(), None));
        assert!(!unreachable(io::ErrorKind::TimedOut));
        assert!(unreachable(io::ErrorKind::ConnectionRefused) && unreachable(io::ErrorKind::NotFound));
        assert!(is_mute(&AskError::Off) && is_mute(&AskError::Refused(StatusCode::FORBIDDEN, String::new())));
        assert!(!is_mute(&AskError::Refused(StatusCode::UNPROCESSABLE_ENTITY, String::new())));
    }
}
