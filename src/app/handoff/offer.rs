//! ★ The handoff: the program is started anew, gets everything that listens, and takes over once it is ready.
//!
//! Until the new process says that it serves, every failure ends *it*, and this process serves on as if nothing happened.

use std::os::fd::AsFd;
use std::process::ExitStatus;
use std::time::Duration;
use std::{fmt, io};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use thiserror::Error;
use tokio::time::{sleep, timeout};

use super::super::admin_listener::AdminListeners;
use super::super::running::Running;
use super::{client_keys, endpoint_sets, endpoint_states};
use crate::config::{HandoffSettings, HandoffTunnels, UnderSupervisor, counted, write_duration};
use crate::handoff::{Channel, HandoffMessage, Held, PROTOCOL, Predecessor, Program, SocketRole, StartedProcess};
use crate::process::{Notifier, Watcher};
use crate::session::FORMAT;

/// The process that has taken over.
#[derive(Debug)]
pub struct Successor {
    pub(in crate::app) process: StartedProcess,
    pub(in crate::app) channel: Channel,
    /// It reads open tunnels, and is told that they follow.
    pub(in crate::app) takes_tunnels: bool,
    /// Those of processes before this one are taken in no more.
    pub(in crate::app) held: Held,
}

/// Why there was no handoff: this process serves on as it did.
#[derive(Debug, Error)]
pub enum HandoffError {
    /// Somebody would take the end of this process for the end of the service.
    #[error("{0}")]
    Watched(Watcher),
    /// So many processes drain still.
    #[error(
        "drain.handoff.max_predecessors is reached, these drain still:{} wait, or end one with SIGTERM",
        Draining(.0)
    )]
    TooManyPredecessors(Vec<Predecessor>),
    /// The program cannot be started.
    #[error("{} cannot be started: {error}", program.path().display())]
    Start {
        /// Which one.
        program: Program,
        /// Why not.
        #[source]
        error: io::Error,
    },
    /// The new process said that it cannot.
    #[error("the new process cannot take over: {0}")]
    Failed(String),
    /// The new process ended.
    #[error("the new process ended ({0}); what it said is in this log")]
    Ended(ExitStatus),
    /// The new process was not ready in time.
    #[error("the new process was not ready within drain.handoff.ready_within ({})", write_duration(*.0))]
    Silent(Duration),
    /// The conversation with it broke.
    #[error("the conversation with the new process broke: {0}")]
    Conversation(#[from] io::Error),
    /// Tunnels of a process before are on their way still.
    #[error("open tunnels of the process before come in still: ask again in a moment")]
    StillMoving,
    /// This process was told to stop before the new one was ready.
    #[error("a stop came first")]
    Stopped,
}

impl Running {
    /// Starts `program` and hands over to it. Afterwards nothing but [`Running::move_out`] and
    /// [`Running::drain_out`] is left to do.
    ///
    /// Dropped before its end, it leaves everything as it was.
    pub(in crate::app) async fn hand_off(
        &self,
        program: &Program,
        notifier: &Notifier,
        admin: &AdminListeners,
    ) -> Result<Successor, HandoffError> {
        self.may_hand_off()?;
        let settings = self.proxy.snapshot().settings.drain.handoff;
        let ready_within = settings.ready_within;
        let held = timeout(HELD_WITHIN, self.predecessors.hold()).await.map_err(|_| HandoffError::StillMoving)?;
        let (channel, theirs) = Channel::pair()?;
        let mut process =
            program.start(theirs).map_err(|error| HandoffError::Start { program: program.clone(), error })?;
        tracing::info!(successor = process.pid(), program = %program.path().display(), "handing over");
        let main = MainProcess { notifier, is_announced: false };
        let outcome = tokio::select! {
            biased;
            outcome = self.converse(&channel, (process.pid(), settings.tunnels), main, admin) => outcome,
            ended = process.ended() => Err(ended.map_or_else(HandoffError::Conversation, HandoffError::Ended)),
            () = sleep(ready_within) => Err(HandoffError::Silent(ready_within)),
        };
        match outcome {
            Ok(takes_tunnels) => Ok(Successor { process, channel, takes_tunnels, held }),
            Err(error) => {
                let error = error.with_the_end_of(&mut process).await;
                process.end().await;
                Err(error)
            }
        }
    }

    /// The processes that handed over to this one, or to one before it, and drain still.
    pub fn predecessors(&self) -> Vec<Predecessor> {
        self.predecessors.list()
    }

    fn may_hand_off(&self) -> Result<(), HandoffError> {
        may_hand_off(self.watcher.as_ref(), self.predecessors(), &self.proxy.snapshot().settings.drain.handoff)
    }

    async fn converse(
        &self,
        channel: &Channel,
        (successor, tunnels): (u32, HandoffTunnels),
        mut main: MainProcess<'_>,
        admin: &AdminListeners,
    ) -> Result<bool, HandoffError> {
        self.offer(channel, admin).await?;
        let is_ready = |message| match message {
            HandoffMessage::Ready { tunnels } => Some(tunnels),
            _ => None,
        };
        let format = hear(channel, is_ready).await?;
        // What it does not read, or does not want, is not frozen at all.
        let moves_tunnels = match (tunnels, format) {
            (HandoffTunnels::Drain, _) => false,
            (HandoffTunnels::Move, Some(FORMAT)) => true,
            (HandoffTunnels::Move, Some(format)) => {
                tracing::info!(
                    ours = FORMAT,
                    theirs = format,
                    "open tunnels drain: the two programs do not write them alike"
                );
                false
            }
            (HandoffTunnels::Move, None) => {
                tracing::info!("open tunnels drain: the new process takes none, by its file or since it is older");
                false
            }
        };
        // Before its READY=1, or systemd would not believe that.
        main.announce(successor);
        channel.send(&HandoffMessage::TakeOver { moves_tunnels }, None).await?;
        hear(channel, |message| (message == HandoffMessage::Serving).then_some(())).await?;
        main.settle();
        Ok(moves_tunnels)
    }

    async fn offer(&self, channel: &Channel, admin: &AdminListeners) -> io::Result<()> {
        channel.send(&HandoffMessage::Offer { protocol: PROTOCOL, pid: std::process::id() }, None).await?;
        for (role, name, bind, socket) in self.listeners.to_pass_on() {
            let (name, bind) = (name.to_owned(), bind.unwrap_or_default());
            channel.send(&HandoffMessage::Socket { role, name, bind }, Some(socket)).await?;
        }
        for (listen, socket) in admin.to_pass_on() {
            let (name, bind) = ("admin".to_owned(), listen.to_string());
            channel.send(&HandoffMessage::Socket { role: SocketRole::Admin, name, bind }, Some(socket)).await?;
        }
        for conversation in self.predecessors.living() {
            channel.send(&HandoffMessage::Predecessor { pid: conversation.pid }, Some(conversation.as_fd())).await?;
        }
        for message in self.state() {
            channel.send(&message, None).await?;
        }
        channel.send(&HandoffMessage::Complete, None).await
    }

    /// What the next process goes on with, but for what has descriptors: first what there is little of.
    pub(super) fn state(&self) -> impl Iterator<Item = HandoffMessage> {
        let snapshot = self.proxy.snapshot();
        let (generation, tunnel) = (snapshot.generation, self.proxy.registry.last().0);
        let keys = STANDARD.encode(self.tickets.export().as_bytes()).into();
        [HandoffMessage::Counted { generation, tunnel }, HandoffMessage::TicketKeys { keys }]
            .into_iter()
            .chain(client_keys::said(&snapshot))
            .chain(endpoint_states::said(&snapshot))
            .chain(endpoint_sets::said(&self.sets, &self.proxy.sources))
    }
}

fn may_hand_off(
    watcher: Option<&Watcher>,
    predecessors: Vec<Predecessor>,
    settings: &HandoffSettings,
) -> Result<(), HandoffError> {
    match (watcher, settings.under_supervisor) {
        (Some(watcher @ Watcher::Kernel), _) | (Some(watcher), UnderSupervisor::Refuse) => {
            return Err(HandoffError::Watched(watcher.clone()));
        }
        (Some(_), UnderSupervisor::Allow) | (None, _) => {}
    }
    if predecessors.len() >= settings.max_predecessors {
        return Err(HandoffError::TooManyPredecessors(predecessors));
    }
    Ok(())
}

/// Waits for what is `wanted`.
async fn hear<T>(channel: &Channel, wanted: impl Fn(HandoffMessage) -> Option<T>) -> Result<T, HandoffError> {
    loop {
        match channel.receive().await? {
            Some((HandoffMessage::Failed { reason }, _)) => return Err(HandoffError::Failed(reason)),
            Some((message, _)) => {
                if let Some(heard) = wanted(message) {
                    return Ok(heard);
                }
            }
            None => return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into()),
        }
    }
}

/// Which process systemd believes to be the service; this one again, unless the handoff comes to its end.
struct MainProcess<'n> {
    notifier: &'n Notifier,
    is_announced: bool,
}

impl MainProcess<'_> {
    fn announce(&mut self, successor: u32) {
        self.notifier.give_way(successor);
        self.is_announced = true;
    }

    fn settle(mut self) {
        self.is_announced = false;
    }
}

impl Drop for MainProcess<'_> {
    fn drop(&mut self) {
        if self.is_announced {
            self.notifier.take_back(std::process::id());
        }
    }
}

impl HandoffError {
    /// A conversation that broke because the process ended is told as that.
    async fn with_the_end_of(self, process: &mut StartedProcess) -> Self {
        match self {
            Self::Conversation(_) => match timeout(EXIT_WITHIN, process.ended()).await {
                Ok(Ok(status)) => Self::Ended(status),
                _ => self,
            },
            other => other,
        }
    }
}

/// How long tunnels of the process before may still come in.
const HELD_WITHIN: Duration = Duration::from_secs(10);

/// Between the end of a conversation and the end of its process.
const EXIT_WITHIN: Duration = Duration::from_secs(1);

/// Those who drain still, as a part of a sentence.
struct Draining<'p>(&'p [Predecessor]);

impl fmt::Display for Draining<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Predecessor { pid, tunnels } in self.0 {
            match tunnels {
                Some(tunnels) => write!(f, " process {pid} with {};", counted(*tunnels, "tunnel"))?,
                None => write!(f, " process {pid};")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{DrainWindow, HandoffTunnels};

    #[test]
    fn who_is_watched_stays_unless_it_is_allowed() {
        let init = Watcher::Init { name: "tini".into() };
        let refused = may_hand_off(Some(&init), Vec::new(), &settings(UnderSupervisor::Refuse)).unwrap_err();
        assert!(refused.to_string().contains("process 1, tini"), "{refused}");
        assert!(may_hand_off(Some(&init), Vec::new(), &settings(UnderSupervisor::Allow)).is_ok());

        let refused = may_hand_off(Some(&Watcher::Kernel), Vec::new(), &settings(UnderSupervisor::Allow)).unwrap_err();
        assert!(refused.to_string().contains("process 1"), "{refused}");
    }

    fn settings(under_supervisor: UnderSupervisor) -> HandoffSettings {
        let second = Duration::from_secs(1);
        let window = DrainWindow { deadline: second, spread: second };
        HandoffSettings {
            window,
            tunnels: HandoffTunnels::Move,
            max_predecessors: 2,
            ready_within: second,
            under_supervisor,
        }
    }

    #[test]
    fn with_too_many_predecessors_the_refusal_says_who_drains_still() {
        let predecessors = vec![Predecessor { pid: 70, tunnels: Some(3) }, Predecessor { pid: 80, tunnels: None }];

        let settings = settings(UnderSupervisor::Refuse);
        assert!(may_hand_off(None, predecessors[..1].to_vec(), &settings).is_ok());
        let refused = may_hand_off(None, predecessors, &settings).unwrap_err().to_string();
        assert!(refused.contains("process 70 with 3 tunnels; process 80;"), "{refused}");
    }
}
