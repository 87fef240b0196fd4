//! The admin listeners of the process: opened at the start, changed by a reload. Each is known by its address.

use std::fmt;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;

use thiserror::Error;
use tokio::sync::oneshot;

use super::usual_socket::UsualSocket;
use crate::admin::{BoundAdmin, Context, Door, SocketFile, serve};
use crate::config::{AdminListen, AdminListenerSettings, AdminSettings, SourceLocation};
use crate::snapshot::AdminContents;
use crate::tls::TicketKeys;

/// The admin listeners, open or not.
#[derive(Debug)]
pub(super) struct AdminListeners {
    context: Arc<Context>,
    /// Where they are listened to as long as no configuration says; in a box, for this is a part of the process's own future.
    usual: Box<UsualSocket>,
    /// Where the process before listened, until a configuration is served.
    inherited: Vec<(AdminListen, OwnedFd)>,
    open: Vec<OpenAdmin>,
}

#[derive(Debug)]
struct OpenAdmin {
    door: Arc<Door>,
    /// The socket once more, for the next process.
    socket: Option<OwnedFd>,
    /// Goes with this.
    file: Option<SocketFile>,
    /// Ends the serving when it is dropped.
    _serving: oneshot::Sender<()>,
}

/// What a configuration that is about to be published means for the admin listeners.
#[derive(Debug)]
pub(super) struct PreparedAdmin(Vec<PreparedListener>);

#[derive(Debug)]
enum PreparedListener {
    /// It stays as it is.
    Stays(AdminListen),
    /// It is opened, or its rules are other ones.
    Opens(Arc<Door>, BoundAdmin),
}

/// An admin listener could not be opened where the configuration wants it.
#[derive(Debug, Error)]
pub struct AdminError {
    location: SourceLocation,
    listen: AdminListen,
    #[source]
    error: io::Error,
}

impl AdminListeners {
    /// Not open yet; what is `inherited` is used where it fits, and they are listened to at the `usual` socket where no configuration
    /// says anything else.
    pub(super) fn new(context: Arc<Context>, usual: UsualSocket, inherited: Vec<(AdminListen, OwnedFd)>) -> Self {
        Self { context, usual: Box::new(usual), inherited, open: Vec::new() }
    }

    /// What operators look at here.
    pub(super) fn context(&self) -> Arc<Context> {
        Arc::clone(&self.context)
    }

    /// Opens what `settings` need, with what was read for each.
    pub(super) fn prepare(
        &mut self,
        settings: &AdminSettings,
        contents: &[AdminContents],
        tickets: &TicketKeys,
    ) -> Result<PreparedAdmin, AdminError> {
        if !settings.is_written() {
            return Ok(PreparedAdmin(self.prepare_usual(tickets).into_iter().collect()));
        }
        let mut prepared = Vec::new();
        for (at, listener) in settings.listeners.iter().enumerate() {
            let contents = contents.get(at).cloned().unwrap_or_default();
            if self.open_at(&listener.listen).is_some_and(|open| open.door.is_of(listener, &contents)) {
                prepared.push(PreparedListener::Stays(listener.listen.clone()));
                continue;
            }
            match self.bind(listener) {
                Ok(bound) => {
                    let door = Door::new(listener.clone(), contents, tickets);
                    prepared.push(PreparedListener::Opens(Arc::new(door), bound));
                }
                Err(error) => return Err(AdminError::of(listener, error)),
            }
        }
        Ok(PreparedAdmin(prepared))
    }

    /// Opens the usual socket, as long as none of the usual ones is open: nobody wrote it, so the tunnels come first, and a failure is a
    /// warning.
    fn prepare_usual(&self, tickets: &TicketKeys) -> Option<PreparedListener> {
        let is_there = |open: &&OpenAdmin| open.file.as_ref().is_none_or(SocketFile::is_there);
        let mut open = self.open.iter().filter(|open| self.usual.has(open.door.listen()));
        if let Some(open) = open.find(is_there) {
            return Some(PreparedListener::Stays(open.door.listen().clone()));
        }
        let opens = |listen: AdminListen, bound| {
            let settings = AdminListenerSettings::at(listen);
            PreparedListener::Opens(Arc::new(Door::new(settings, AdminContents::default(), tickets)), bound)
        };
        let mut before = self.inherited.iter().filter(|(listen, _)| self.usual.has(listen));
        let adopted = before.find_map(|(listen, socket)| {
            Some(opens(listen.clone(), BoundAdmin::adopt(listen, socket.try_clone().ok()?).ok()?))
        });
        if adopted.is_some() {
            return adopted;
        }
        let mut tried = Vec::new();
        for listen in self.usual.to_listen() {
            match BoundAdmin::bind(&listen) {
                Ok(bound) => return Some(opens(listen, bound)),
                Err(error) => tried.push((listen, error)),
            }
        }
        tracing::warn!("{}; serving without it", self.usual.nowhere(&tried));
        None
    }

    /// The socket of a listener: the one that there is, where there is one.
    fn bind(&self, listener: &AdminListenerSettings) -> io::Result<BoundAdmin> {
        let inherited = self.inherited.iter().find(|(listen, _)| *listen == listener.listen).map(|(_, socket)| socket);
        let open = self.open_at(&listener.listen).and_then(|open| open.socket.as_ref());
        match inherited.or(open) {
            Some(socket) => BoundAdmin::adopt(&listener.listen, socket.try_clone()?),
            None => BoundAdmin::bind(&listener.listen),
        }
    }

    fn open_at(&self, listen: &AdminListen) -> Option<&OpenAdmin> {
        self.open.iter().find(|open| open.door.listen() == listen)
    }

    /// Serves operators where it was prepared, and no longer where it was.
    pub(super) fn open(&mut self, PreparedAdmin(prepared): PreparedAdmin) {
        let mut before = std::mem::take(&mut self.open);
        let mut inherited = std::mem::take(&mut self.inherited);
        for listener in prepared {
            let listen = match &listener {
                PreparedListener::Stays(listen) => listen,
                PreparedListener::Opens(door, _) => door.listen(),
            };
            inherited.retain(|(other, _)| other != listen);
            let at = before.iter().position(|open| open.door.listen() == listen);
            let old = at.map(|at| before.swap_remove(at));
            match listener {
                PreparedListener::Stays(_) => self.open.extend(old),
                PreparedListener::Opens(door, bound) => {
                    let file = old.and_then(|old| old.file);
                    let open = self.begin(door, bound, file);
                    self.open.push(open);
                }
            }
        }
        for (listen, socket) in inherited {
            drop(socket);
            if let AdminListen::Unix(path) = listen {
                // Nobody listens there any more: the file goes.
                drop(SocketFile::at(&path));
            }
        }
        self.context.doors.put(self.open.iter().map(|open| Arc::clone(&open.door)).collect());
    }

    /// Serves operators at `bound`, whose `file` is ours already where there is one.
    fn begin(&self, door: Arc<Door>, mut bound: BoundAdmin, file: Option<SocketFile>) -> OpenAdmin {
        let claim = || match door.listen() {
            AdminListen::Unix(path) => SocketFile::at(path).ok(),
            AdminListen::Off | AdminListen::Tcp(_) => None,
        };
        let file = bound.take_file().or(file).or_else(claim);
        // Without it, the next process opens a socket of its own.
        let socket = bound.duplicate().ok();
        let (serving, ended) = oneshot::channel();
        tracing::info!(listen = %door.listen(), "operators are listened to");
        let served = (Arc::clone(&door), Arc::clone(&self.context));
        tokio::spawn(async move {
            let end = async {
                // Nothing is ever sent: it ends when the sender is dropped.
                let _ = ended.await;
            };
            let (door, context) = served;
            if let Err(error) = serve(bound, door, context, end).await {
                tracing::error!(%error, "the admin listener has failed");
            }
        });
        OpenAdmin { door, socket, file, _serving: serving }
    }

    /// What the next process may want: where each listens, and its socket.
    pub(super) fn to_pass_on(&self) -> impl Iterator<Item = (&AdminListen, BorrowedFd<'_>)> {
        self.open.iter().filter_map(|open| Some((open.door.listen(), open.socket.as_ref()?.as_fd())))
    }

    /// Listens no more, and ends what is being said to operators.
    pub(super) async fn close(mut self) {
        // Nobody comes any more, and the files go.
        self.open.clear();
        self.context.end_connections().await;
    }

    /// Listens no more: the next process does, at the same places.
    pub(super) fn release(&mut self) {
        for file in self.open.drain(..).filter_map(|open| open.file) {
            file.leave();
        }
    }
}

impl AdminError {
    fn of(listener: &AdminListenerSettings, error: io::Error) -> Self {
        Self { location: listener.location.0.clone(), listen: listener.listen.clone(), error }
    }
}

impl fmt::Display for AdminError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { location, listen, error } = self;
        if location.position.is_some() {
            write!(f, "{location}: ")?;
        } else {
            f.write_str("admin.listen: ")?;
        }
        write!(f, "cannot listen at {listen}: {error}; ")?;
        f.write_str(match error.kind() {
            io::ErrorKind::AddrInUse => "another process listens there: choose another `admin.listen`",
            io::ErrorKind::AlreadyExists => "remove that file, or choose another `admin.listen`",
            _ => "set `admin.listen` to \"unix:/PATH\" in a folder that this user may write to, or to \"off\"",
        })
    }
}
