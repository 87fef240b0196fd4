//! What is done for operators: the body of each POST is read, understood and handed on.

use std::time::Duration;

use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use serde::de::DeserializeOwned;
use tokio::time::timeout;

use super::tap::tapped;
use crate::admin::answer::{AdminAnswer, Leaving};
use crate::admin::audit::Asked;
use crate::admin::command::{AdminCommand, CommandError};
use crate::admin::context::Context;
use crate::admin::wire::{
    CloseAnswer, CloseRequest, DrainAnswer, DrainRequest, LogLevelRequest, LogLevelStatus, PlanAnswer, PlanRequest,
    TapRequest, UndrainAnswer, UndrainRequest,
};

/// How long a request, its body included, may take to arrive.
pub(in crate::admin) const READ_WITHIN: Duration = Duration::from_secs(10);
/// The largest body of a request, in bytes.
const MAX_BODY: usize = 64 * 1024;

pub(in crate::admin) async fn plan(
    context: &Context,
    request: PlanRequest,
    asked: &mut Asked,
) -> Result<PlanAnswer, CommandError> {
    if !request.file.is_absolute() {
        return Err(CommandError::Nonsense("the file must be named from / on".into()));
    }
    asked.note(&request);
    let PlanRequest { file } = request;
    context.ask(|reply| AdminCommand::Plan(file, reply)).await
}

pub(in crate::admin) async fn drain(
    context: &Context,
    request: DrainRequest,
    asked: &mut Asked,
) -> Result<DrainAnswer, CommandError> {
    let (target, overrides) = request.understood().map_err(CommandError::Nonsense)?;
    asked.note(&request);
    context.ask(|reply| AdminCommand::Drain(target, overrides, reply)).await
}

pub(in crate::admin) async fn undrain(
    context: &Context,
    request: UndrainRequest,
    asked: &mut Asked,
) -> Result<UndrainAnswer, CommandError> {
    let endpoint = request.endpoint.parse().map_err(|wrong| CommandError::Nonsense(format!("{wrong}")))?;
    asked.note(&request);
    context.ask(|reply| AdminCommand::Undrain(endpoint, reply)).await
}

pub(in crate::admin) async fn close(
    context: &Context,
    request: CloseRequest,
    asked: &mut Asked,
) -> Result<CloseAnswer, CommandError> {
    let revocation = request.understood().map_err(CommandError::Nonsense)?;
    asked.note(&request);
    context.ask(|reply| AdminCommand::Close(revocation, reply)).await
}

pub(in crate::admin) async fn set_log_level(
    context: &Context,
    request: LogLevelRequest,
    asked: &mut Asked,
) -> Result<LogLevelStatus, CommandError> {
    let (level, time) = request.understood().map_err(CommandError::Nonsense)?;
    asked.note(&request);
    context.ask(|reply| AdminCommand::SetLogLevel(level, time, reply)).await
}

pub(in crate::admin) fn tap(
    context: &Context,
    request: Result<TapRequest, CommandError>,
    asked: &mut Asked,
    leaving: Leaving,
) -> Result<AdminAnswer, CommandError> {
    let request = request?;
    let answer = tapped(context, &request, leaving);
    if !matches!(answer, Err(CommandError::Nonsense(_))) {
        asked.note(&request);
    }
    answer
}

/// Reads the body of a request.
pub(in crate::admin) async fn read<T: DeserializeOwned>(body: Incoming) -> Result<T, CommandError> {
    let collected = timeout(READ_WITHIN, Limited::new(body, MAX_BODY).collect()).await;
    let body = match collected {
        Ok(Ok(body)) => body.to_bytes(),
        Ok(Err(error)) => return Err(CommandError::Nonsense(format!("the body cannot be read: {error}"))),
        Err(_) => return Err(CommandError::Nonsense("the body took too long".into())),
    };
    serde_json::from_slice(&body).map_err(|error| CommandError::Nonsense(format!("the body makes no sense: {error}")))
}
