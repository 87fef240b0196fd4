//! What operators ask for, on its way to whoever runs the process.

use std::path::PathBuf;
use std::{error, fmt};

use tokio::sync::{mpsc, oneshot};

use super::wire::{DrainAnswer, HandoffAnswer, PlanAnswer, ReloadAnswer, UndrainAnswer};
use crate::drain::{EndpointTarget, Overrides, Target};

/// Commands that may wait for the one that is being carried out.
const WAITING: usize = 64;

/// Where the answer to a command goes.
pub type Reply<T> = oneshot::Sender<Result<T, Failed>>;

/// Something that is to be done.
#[derive(Debug)]
pub enum Command {
    /// Read the configuration again.
    Reload(Reply<ReloadAnswer>),
    /// Say what a reload with this file would do.
    Plan(PathBuf, Reply<PlanAnswer>),
    /// Have a new process take over.
    HandOff(Reply<HandoffAnswer>),
    /// Drain something.
    Drain(Target, Overrides, Reply<DrainAnswer>),
    /// Take an endpoint's drain back.
    Undrain(EndpointTarget, Reply<UndrainAnswer>),
}

/// Why something was not done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failed {
    /// The request makes no sense.
    Nonsense(String),
    /// There is nothing of that name.
    Unknown(String),
    /// The configuration is wrong.
    Config(String),
    /// It cannot be done now.
    Refused(String),
    /// The process is stopping or has handed over, or too much waits already.
    Busy,
}

/// The end at which commands go in.
#[derive(Clone, Debug)]
pub struct Commands(mpsc::Sender<Command>);

/// Both ends of the way from those who ask to whoever runs the process.
pub fn channel() -> (Commands, mpsc::Receiver<Command>) {
    let (commands, receiver) = mpsc::channel(WAITING);
    (Commands(commands), receiver)
}

impl Commands {
    /// Hands a command on and waits for its answer.
    pub async fn ask<T>(&self, command: impl FnOnce(Reply<T>) -> Command) -> Result<T, Failed> {
        let (reply, answer) = oneshot::channel();
        self.0.try_send(command(reply)).map_err(|_| Failed::Busy)?;
        answer.await.unwrap_or(Err(Failed::Busy))
    }
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nonsense(why) | Self::Unknown(why) | Self::Config(why) | Self::Refused(why) => f.write_str(why),
            Self::Busy => {
                f.write_str("the process is stopping or has handed over, or has too much to do already: ask again")
            }
        }
    }
}

impl error::Error for Failed {}
