//! What a process inherits: sockets of systemd's, and everything that the process before hands over.

use std::ffi::OsStr;
use std::mem::take;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::Duration;
use std::{fmt, io};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use tokio::time::timeout;

use super::super::environment::Environment;
use super::super::error::{InheritanceError, StartError};
use super::client_keys::InheritedClientKeys;
use super::endpoint_sets::InheritedSets;
use super::endpoint_states::InheritedStates;
use super::inherited_sockets::{Inherited, InheritedSockets, SocketOrigin};
use super::kept::{Kept, SaidBefore};
use super::odd::Odd;
use crate::config::{AdminListen, Bind, HandoffSettings, HandoffTunnels, parse_admin_listen};
use crate::drain::{Registry, TunnelId};
use crate::handoff::{Channel, HandoffMessage, Intake, PROTOCOL, Predecessors, SocketRole, join_group_of};
use crate::net::ListeningSocket;
use crate::process::{Activated, Watcher, activated, inherit};
use crate::session::FORMAT;
use crate::snapshot::Snapshot;
use crate::tls::{ExportedTicketKeys, TicketKeys};

/// What a process inherits.
#[derive(Debug, Default)]
pub(in crate::app) struct Inheritance {
    pub(in crate::app) sockets: InheritedSockets,
    pub(in crate::app) tickets: Option<TicketKeys>,
    pub(in crate::app) predecessors: Arc<Predecessors>,
    /// Those of the process before. It hears them until this one serves, and each word of theirs is heard once.
    unheard: Vec<(u32, Channel)>,
    /// Who would take the end of this process for the end of the service.
    pub(in crate::app) watcher: Option<Watcher>,
    /// Where operators were listened to.
    pub(in crate::app) admin: Vec<(AdminListen, OwnedFd)>,
    endpoint_states: InheritedStates,
    client_keys: InheritedClientKeys,
    /// What the sources of the process before have named.
    pub(in crate::app) endpoint_sets: InheritedSets,
    /// Where the process before has come to: its generation, and the number of its last tunnel.
    counted: Option<(u64, u64)>,
    /// Open tunnels of the process before follow once this one serves.
    moves_tunnels: bool,
    /// What a process before has left with systemd.
    pub(in crate::app) kept: Kept,
    /// What is wrong with some of this.
    odd: Vec<Odd>,
    /// The one that hands over, until it has.
    predecessor: Option<(u32, Channel)>,
}

impl Inheritance {
    /// Takes what the environment speaks of; after a handoff, hears the process before out.
    pub(in crate::app) async fn receive(environment: &Environment) -> Result<Self, StartError> {
        let unusable = |error| InheritanceError::Descriptor(error);
        let passed = activated(&environment.activation, std::process::id()).map_err(unusable)?;
        let (kept, passed) = passed.into_iter().partition(Activated::is_kept);
        let mut odd = Vec::new();
        let (sockets, kept) = (InheritedSockets::activated(passed, &mut odd), Kept::of(kept, &mut odd));
        let mut inheritance = Self { sockets, kept, odd, watcher: environment.watcher(), ..Self::default() };
        inheritance.hear_of_kept().await;
        if let Some(number) = &environment.handoff_fd {
            let channel = handoff_channel(number).map_err(unusable)?;
            timeout(ANSWER_WITHIN, inheritance.receive_offer(channel))
                .await
                .unwrap_or_else(|_| Err(silence()))
                .map_err(InheritanceError::Offer)?;
        }
        Ok(inheritance)
    }

    /// There is a log now: tells what is wrong with some of it.
    pub(in crate::app) fn say_what_is_odd(&mut self) {
        take(&mut self.odd).iter().for_each(Odd::say);
    }

    /// Everything is built: waits for the word to begin. Without a process before, that is now.
    /// Open tunnels of that process may follow where this one's `settings` say so.
    pub(in crate::app) async fn take_over(&mut self, settings: &HandoffSettings) -> Result<(), StartError> {
        let Some((pid, channel)) = &self.predecessor else { return Ok(()) };
        let tunnels = (settings.tunnels == HandoffTunnels::Move).then_some(FORMAT);
        let word = async {
            channel.send(&HandoffMessage::Ready { tunnels }, None).await?;
            loop {
                match channel.receive().await? {
                    Some((HandoffMessage::TakeOver { moves_tunnels }, _)) => return Ok(moves_tunnels),
                    Some(_) => {}
                    None => return Err(gone()),
                }
            }
        };
        let given: io::Result<bool> = timeout(ANSWER_WITHIN, word).await.unwrap_or_else(|_| Err(silence()));
        self.moves_tunnels = given.map_err(|error| InheritanceError::NotReleased { pid: *pid, error })?;
        Ok(())
    }

    /// Connections are accepted: the process before may stop, and is heard from now on.
    /// Each has its tunnels taken in by an `intake` of its own.
    pub(in crate::app) async fn announce_serving(mut self, intake: impl Fn(u32) -> Box<dyn Intake>) {
        let mut moving = None;
        if let Some((pid, channel)) = self.predecessor.take() {
            if let Err(error) = join_group_of(pid) {
                tracing::debug!(predecessor = pid, %error, "stays in a process group of its own");
            }
            tracing::info!(predecessor = pid, "took over");
            // One that is gone by now has no need of the word.
            let _ = channel.send(&HandoffMessage::Serving, None).await;
            moving = Some(pid).filter(|_| self.moves_tunnels);
            self.unheard.push((pid, channel));
        }
        for (pid, channel) in self.unheard {
            self.predecessors.hear((pid, moving == Some(pid)), channel, intake(pid));
        }
    }

    /// The generation that this process begins with. It has read its file anew: that of the process before is over.
    pub(in crate::app) fn generation(&self) -> u64 {
        self.counted.map_or(1, |(generation, _)| generation.saturating_add(1))
    }

    /// Tunnels go on to be numbered where the process before is; so a number means one tunnel among all of them.
    pub(in crate::app) fn number_on(&self, registry: &Registry) {
        if let Some((_, tunnel)) = self.counted {
            registry.number_on(TunnelId(tunnel.saturating_add(STILL_OPENED)));
        }
    }

    /// The endpoints are in the states that they had in the process before: what operators drained is drained still.
    pub(in crate::app) fn restore_states(&self, snapshot: &Snapshot) {
        self.endpoint_states.restore(snapshot);
    }

    /// Routes tell their clients apart as the process before does.
    pub(in crate::app) fn restore_client_keys(&self, snapshot: &Snapshot) {
        self.client_keys.restore(snapshot);
    }

    /// It comes to nothing: tells the process before why, which serves on.
    pub(in crate::app) async fn fail(&self, error: &(dyn fmt::Display + Sync)) {
        if let Some((_, channel)) = &self.predecessor {
            let reason = error.to_string().chars().take(LONGEST_REASON).collect();
            // It learns of our end in any case.
            let _ = timeout(ANSWER_WITHIN, channel.send(&HandoffMessage::Failed { reason }, None)).await;
        }
    }

    async fn receive_offer(&mut self, channel: Channel) -> io::Result<()> {
        let mut predecessor = None;
        loop {
            let Some((message, descriptor)) = channel.receive().await? else { return Err(gone()) };
            match message {
                HandoffMessage::Offer { protocol: PROTOCOL, pid } => predecessor = Some(pid),
                HandoffMessage::Offer { protocol, .. } => {
                    let error = other_version(protocol);
                    // It learns of our end in any case.
                    let _ = channel.send(&HandoffMessage::Failed { reason: error.clone() }, None).await;
                    return Err(io::Error::other(error));
                }
                HandoffMessage::Complete => break,
                message => self.take(message, descriptor)?,
            }
        }
        let pid = predecessor.ok_or(io::ErrorKind::InvalidData)?;
        self.predecessor = Some((pid, channel));
        Ok(())
    }

    /// Hears what a process before has left with systemd, but for its tunnels. What makes no sense is no reason not to start.
    async fn hear_of_kept(&mut self) {
        let known = self.odd.len();
        let said = self.kept.state(&mut self.odd).await;
        self.take_kept(said);
        if self.odd.len() > known {
            // A listening socket that nobody here knows would keep its address taken, for this start and for each after it.
            self.kept.let_go_of_state().await;
        }
    }

    fn take_kept(&mut self, said: Vec<SaidBefore>) {
        let version = said.iter().find_map(|(message, _)| match message {
            HandoffMessage::Offer { protocol, .. } => Some(*protocol),
            _ => None,
        });
        if let Some(protocol) = version.filter(|protocol| *protocol != PROTOCOL) {
            return self.odd.push(Odd::Kept(other_version(protocol)));
        }
        for (message, descriptor) in said {
            let taken = match message {
                HandoffMessage::Unknown | HandoffMessage::Socket { role: SocketRole::Unknown, .. }
                    if descriptor.is_some() =>
                {
                    Err(io::Error::other("a descriptor for something that this version does not know"))
                }
                message => self.take(message, descriptor),
            };
            if let Err(error) = taken {
                self.odd.push(Odd::Kept(error.to_string()));
            }
        }
    }

    fn take(&mut self, message: HandoffMessage, descriptor: Option<OwnedFd>) -> io::Result<()> {
        match message {
            HandoffMessage::Socket { role, name, bind } => self.take_socket(role, &name, &bind, descriptor)?,
            HandoffMessage::Predecessor { pid } => {
                let descriptor = descriptor.ok_or(io::ErrorKind::InvalidData)?;
                self.unheard.push((pid, Channel::adopt(descriptor)?));
            }
            HandoffMessage::Counted { generation, tunnel } => self.counted = Some((generation, tunnel)),
            HandoffMessage::ClientKeys { route, key } => self.client_keys.take(route, key.reveal()),
            HandoffMessage::TicketKeys { keys } => self.take_keys(keys.reveal()),
            HandoffMessage::EndpointSet { upstream, part } => self.endpoint_sets.take(upstream, &part),
            message => self.endpoint_states.take(message),
        }
        Ok(())
    }

    fn take_socket(&mut self, role: SocketRole, name: &str, bind: &str, descriptor: Option<OwnedFd>) -> io::Result<()> {
        let origin = match role {
            SocketRole::Listener => {
                SocketOrigin::Predecessor(name.into(), Bind::parse(bind).ok_or(io::ErrorKind::InvalidData)?)
            }
            SocketRole::Systemd => SocketOrigin::Systemd(name.to_owned()),
            SocketRole::Admin => {
                // Of an address that makes no sense here nothing can be made; another one is opened.
                self.admin.extend(parse_admin_listen(bind).ok().zip(descriptor));
                return Ok(());
            }
            // Closed: whoever knows what it is for opens another.
            SocketRole::Unknown => return Ok(()),
        };
        let socket = ListeningSocket::adopt(descriptor.ok_or(io::ErrorKind::InvalidData)?)?;
        self.sockets.push(Inherited { origin, socket });
        Ok(())
    }

    /// Without the keys, clients shake hands in full once more: no reason to refuse.
    fn take_keys(&mut self, keys: &str) {
        let exported = STANDARD.decode(keys).map(ExportedTicketKeys::from).unwrap_or_else(|_| Vec::new().into());
        match TicketKeys::import(&exported) {
            Ok(keys) => self.tickets = Some(keys),
            Err(error) => self.odd.push(Odd::TicketKeys(error)),
        }
    }
}

fn handoff_channel(number: &OsStr) -> io::Result<Channel> {
    let number = number.to_str().and_then(|number| number.parse().ok());
    Channel::adopt(inherit(number.ok_or(io::ErrorKind::InvalidInput)?)?)
}

fn other_version(protocol: u32) -> String {
    format!("it speaks version {protocol} of the handoff, and this program {PROTOCOL}")
}

fn gone() -> io::Error {
    io::Error::new(io::ErrorKind::UnexpectedEof, "it is gone")
}

fn silence() -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, "it says nothing more")
}

/// How long the process before may take for what it says: it has it all at hand.
const ANSWER_WITHIN: Duration = Duration::from_secs(30);

/// More tunnels than the process before can still open: each session that it has may, once.
const STILL_OPENED: u64 = 1_000_000;

/// Of what is wrong, the log of the process before gets so many characters; ours has all of it.
const LONGEST_REASON: usize = 2_000;

#[cfg(test)]
mod tests {
    use std::os::fd::AsFd;

    use super::*;
    use crate::handoff::{Predecessor, Received};

    struct Nobody;

    impl Intake for Nobody {
        fn hear(&mut self, _said: Received) -> Option<HandoffMessage> {
            None
        }

        fn turn_away(&mut self, _batch: u32) -> HandoffMessage {
            HandoffMessage::Complete
        }
    }

    #[tokio::test]
    async fn a_predecessor_is_the_old_processs_to_hear_until_the_new_one_serves() {
        let (old, ours) = Channel::pair().unwrap();
        let (predecessor, theirs) = Channel::pair().unwrap();
        old.send(&HandoffMessage::Offer { protocol: PROTOCOL, pid: 70 }, None).await.unwrap();
        old.send(&HandoffMessage::Predecessor { pid: 60 }, Some(theirs.as_fd())).await.unwrap();
        old.send(&HandoffMessage::Complete, None).await.unwrap();
        let mut inheritance = Inheritance::default();
        inheritance.receive_offer(Channel::adopt(ours).unwrap()).await.unwrap();
        let predecessors = Arc::clone(&inheritance.predecessors);
        assert!(predecessors.living().is_empty());

        inheritance.announce_serving(|_| Box::new(Nobody)).await;
        let silent = |pid| Predecessor { pid, tunnels: None };
        assert_eq!(predecessors.list(), [silent(60), silent(70)]);
        assert!(matches!(old.receive().await, Ok(Some((HandoffMessage::Serving, _)))));
        drop(predecessor);
    }
}
