//! What happens next in a process that serves: a signal, a command, or something that has come in, as `control` carries it out.

use std::path::PathBuf;
use std::time::Duration;

use super::discovery::{News, Next};
use crate::admin::{
    AdminCommand, CloseAnswer, DrainAnswer, HandoffAnswer, LogLevelStatus, PlanAnswer, ReloadAnswer, Reply,
    UndrainAnswer,
};
use crate::config::LogLevel;
use crate::drain::{DrainTarget, EndpointTarget, Overrides, Revocation};
use crate::process::Signal;

/// What happens next.
pub(super) enum Step {
    Stop,
    Reload(Vec<Reply<ReloadAnswer>>),
    HandOff(Option<Reply<HandoffAnswer>>),
    Plan(PathBuf, Reply<PlanAnswer>),
    Drain(DrainTarget, Overrides, Reply<DrainAnswer>),
    Undrain(EndpointTarget, Reply<UndrainAnswer>),
    Close(Revocation, Reply<CloseAnswer>),
    SetLogLevel(LogLevel, Option<Duration>, Reply<LogLevelStatus>),
    EndLogLevel,
    ReopenLog,
    TakeEndpoints(News),
    Sweep,
    Meaningless(&'static str),
}

impl From<Signal> for Step {
    fn from(signal: Signal) -> Self {
        match signal {
            Signal::Stop => Self::Stop,
            Signal::Reload => Self::Reload(Vec::new()),
            Signal::Handoff => Self::HandOff(None),
            Signal::ReopenLog => Self::ReopenLog,
            Signal::Meaningless(signal) => Self::Meaningless(signal),
        }
    }
}

impl From<AdminCommand> for Step {
    fn from(command: AdminCommand) -> Self {
        match command {
            AdminCommand::Reload(reply) => Self::Reload(vec![reply]),
            AdminCommand::HandOff(reply) => Self::HandOff(Some(reply)),
            AdminCommand::Plan(file, reply) => Self::Plan(file, reply),
            AdminCommand::Drain(target, overrides, reply) => Self::Drain(target, overrides, reply),
            AdminCommand::Undrain(target, reply) => Self::Undrain(target, reply),
            AdminCommand::Close(revocation, reply) => Self::Close(revocation, reply),
            AdminCommand::SetLogLevel(level, time, reply) => Self::SetLogLevel(level, time, reply),
        }
    }
}

impl From<Next> for Step {
    fn from(next: Next) -> Self {
        match next {
            Next::Take(news) => Self::TakeEndpoints(news),
            Next::Sweep => Self::Sweep,
        }
    }
}
