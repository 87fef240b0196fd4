//! What operators ask for, on its way to whoever runs the process.

use std::path::PathBuf;
use std::time::Duration;

use thiserror::Error;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, oneshot};

use crate::admin::wire::{
    CloseAnswer, DrainAnswer, HandoffAnswer, LogLevelStatus, PlanAnswer, ReloadAnswer, UndrainAnswer,
};
use crate::config::LogLevel;
use crate::drain::{DrainTarget, EndpointTarget, Overrides, Revocation};

/// How many commands may wait for the one that is being carried out.
const WAITING: usize = 64;

/// Where the answer to a command goes.
pub type Reply<T> = oneshot::Sender<Result<T, CommandError>>;

/// Something that is to be done.
#[derive(Debug)]
pub enum AdminCommand {
    /// Read the configuration again.
    Reload(Reply<ReloadAnswer>),
    /// Say what a reload with this file would do.
    Plan(PathBuf, Reply<PlanAnswer>),
    /// Have a new process take over.
    HandOff(Reply<HandoffAnswer>),
    /// Drain something.
    Drain(DrainTarget, Overrides, Reply<DrainAnswer>),
    /// Take an endpoint's drain back.
    Undrain(EndpointTarget, Reply<UndrainAnswer>),
    /// End tunnels at once that may not be open any more.
    Close(Revocation, Reply<CloseAnswer>),
    /// Write lines of this level, for that time or until somebody says otherwise.
    SetLogLevel(LogLevel, Option<Duration>, Reply<LogLevelStatus>),
}

/// Why something was not done.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum CommandError {
    /// The request makes no sense.
    #[error("{0}")]
    Nonsense(String),
    /// There is nothing of that name.
    #[error("{0}")]
    Unknown(String),
    /// The configuration is wrong.
    #[error("{0}")]
    Config(String),
    /// It cannot be done now.
    #[error("{0}")]
    Refused(String),
    /// Too much waits already.
    #[error("the process has too much to do already; ask again in a moment")]
    Busy,
    /// The process carries nothing out any more: it stops.
    #[error("the process is stopping and takes no commands; ask the one that is started next")]
    Stopping,
    /// Another process is the one to ask.
    #[error("the process has handed over; ask again, the new one answers")]
    HandedOver,
}

/// The end at which commands go in.
#[derive(Clone, Debug)]
pub struct CommandSender(mpsc::Sender<AdminCommand>);

/// Both ends of the way from those who ask to whoever runs the process.
pub fn channel() -> (CommandSender, mpsc::Receiver<AdminCommand>) {
    let (commands, receiver) = mpsc::channel(WAITING);
    (CommandSender(commands), receiver)
}

impl CommandSender {
    /// Hands a command on and waits for its answer.
    pub async fn ask<T>(&self, command: impl FnOnce(Reply<T>) -> AdminCommand) -> Result<T, CommandError> {
        let (reply, answer) = oneshot::channel();
        self.0.try_send(command(reply)).map_err(|refused| match refused {
            TrySendError::Full(_) => CommandError::Busy,
            TrySendError::Closed(_) => CommandError::Stopping,
        })?;
        answer.await.unwrap_or(Err(CommandError::Stopping))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_who_has_too_much_to_do_is_worth_asking_again() {
        let (commands, mut receiver) = channel();
        let (dropped, ()) = tokio::join!(commands.ask(AdminCommand::Reload), async { drop(receiver.recv().await) });
        assert_eq!(dropped.unwrap_err(), CommandError::Stopping);
        for _ in 0..WAITING {
            commands.0.try_send(AdminCommand::Reload(oneshot::channel().0)).unwrap();
        }
        assert_eq!(commands.ask(AdminCommand::Reload).await.unwrap_err(), CommandError::Busy);
        drop(receiver);
        assert_eq!(commands.ask(AdminCommand::Reload).await.unwrap_err(), CommandError::Stopping);
        let again = [CommandError::Busy, CommandError::HandedOver, CommandError::Stopping]
            .map(|it| it.to_string().contains("ask again"));
        assert_eq!(again, [true, true, false]);
    }
}
