//! What operators look at and steer, and whoever carries out what they ask for.

use std::sync::Arc;

use tokio::time::timeout;

use super::command::{AdminCommand, CommandError, CommandSender, Reply};
use super::feed::Lookers;
use crate::admin::door::{ANSWER_WITHIN, Doors, Places};
use crate::admin::look::{Notes, Rates};
use crate::admin::predecessors::{Answered, Holdings, Question, ask};
use crate::handoff::Predecessors;
use crate::metrics::AllocatorReader;
use crate::process::Users;
use crate::session::{Phase, Proxy};

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
    /// By which doors they come in.
    pub doors: Doors,
    /// Where operators are served.
    pub places: Places,
    /// Who looks at the feed.
    pub lookers: Lookers,
    /// What was seen of tunnels lately.
    pub rates: Rates,
    /// What the users of this machine are called.
    pub users: Users,
    /// Who says what the allocator has counted.
    pub allocator: Option<AllocatorReader>,
}

impl Context {
    /// Ends every connection with an operator; what is being answered has a moment for that.
    pub async fn end_connections(&self) {
        self.places.clear();
        // Whoever reads nothing is not waited for.
        let _ = timeout(ANSWER_WITHIN, self.places.are_free()).await;
    }

    /// Hands a command on and waits for its answer.
    pub(super) async fn ask<T>(&self, command: impl FnOnce(Reply<T>) -> AdminCommand) -> Result<T, CommandError> {
        match self.commands.ask(command).await {
            Err(CommandError::Stopping) if self.proxy.phase() == Phase::HandedOver => Err(CommandError::HandedOver),
            answer => answer,
        }
    }

    /// What the processes hold that handed over.
    pub(super) async fn ask_predecessors(&self) -> Vec<Answered<Holdings>> {
        ask(&self.predecessors, &Question::Holdings).await
    }
}

/// One for tests, with an endpoint where nobody listens; and what the process is told to do.
#[cfg(test)]
pub(in crate::admin) fn context_of_tests() -> (Arc<Context>, tokio::sync::mpsc::Receiver<AdminCommand>) {
    use crate::net::Network;
    use crate::process::{Room, Workers};
    use crate::snapshot::{FileContents, Snapshot};
    use crate::tls::TicketKeys;

    let site = r#"
[listener.public]
bind = "127.0.0.1:0"
[route.chat]
upstream = "chat"
[upstream.chat]
endpoints = ["127.0.0.1:1"]
"#;
    let settings = crate::config::parse(site, std::path::Path::new("test.toml")).unwrap();
    let tickets = TicketKeys::generate().unwrap();
    let snapshot = Snapshot::assemble(settings.into(), FileContents::default(), &tickets, None);
    let room = Room { descriptors: 0, tunnels: 1, resting: 0 };
    let network = Network::of_the_system(snapshot.settings.resolver.clone());
    let proxy = Proxy::new(snapshot, Workers::start(1).unwrap(), room, network);
    let (commands, received) = super::command::channel();
    let (notes, predecessors, places) = (Arc::new(Notes::new(None)), Arc::default(), Places::default());
    let (rates, users, lookers, doors) = (Rates::default(), Users::default(), Lookers::default(), Doors::default());
    (
        Arc::new(Context {
            proxy,
            notes,
            predecessors,
            commands,
            doors,
            places,
            rates,
            users,
            lookers,
            allocator: None,
        }),
        received,
    )
}
