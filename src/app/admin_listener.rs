//! The admin listener of the process: opened at the start, moved by a reload.

use std::fmt;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;

use thiserror::Error;
use tokio::sync::oneshot;

use crate::admin::{BoundAdmin, Context, SocketFile, serve};
use crate::config::{AdminListen, AdminSettings, SourceLocation};

/// The admin listener, open or not.
#[derive(Debug)]
pub(super) struct AdminListener {
    context: Arc<Context>,
    /// Where the process before listened, until a configuration is served.
    inherited: Option<(AdminListen, OwnedFd)>,
    open: Option<OpenAdmin>,
}

#[derive(Debug)]
struct OpenAdmin {
    listen: AdminListen,
    /// The socket once more, for the next process.
    socket: Option<OwnedFd>,
    /// Goes with this.
    file: Option<SocketFile>,
    /// Ends the serving when it is dropped.
    _serving: oneshot::Sender<()>,
}

/// What a configuration that is about to be published means for the admin listener.
#[derive(Debug)]
pub(super) enum PreparedAdmin {
    /// It stays where it is.
    Stays,
    /// It moves, or ends.
    Moves(AdminListen, Option<BoundAdmin>),
}

/// The admin listener could not be opened where the configuration wants it.
#[derive(Debug, Error)]
pub struct AdminError {
    location: SourceLocation,
    listen: AdminListen,
    #[source]
    error: io::Error,
}

impl AdminListener {
    /// Not open yet; `inherited` is used where it fits.
    pub(super) fn new(context: Arc<Context>, inherited: Option<(AdminListen, OwnedFd)>) -> Self {
        Self { context, inherited, open: None }
    }

    /// Opens what `settings` need. Where nobody wrote them, a failure is a warning: the tunnels come first.
    pub(super) fn prepare(&mut self, settings: &AdminSettings) -> Result<PreparedAdmin, AdminError> {
        if self.open.as_ref().is_some_and(|open| open.listen == settings.listen) {
            return Ok(PreparedAdmin::Stays);
        }
        let bound = match self.inherited.take_if(|(listen, _)| *listen == settings.listen) {
            Some((listen, socket)) => BoundAdmin::adopt(&listen, socket),
            None => BoundAdmin::bind(&settings.listen),
        };
        let failed = match bound {
            Ok(bound) => return Ok(PreparedAdmin::Moves(settings.listen.clone(), bound)),
            Err(error) => AdminError { location: settings.location.0.clone(), listen: settings.listen.clone(), error },
        };
        if settings.is_written() {
            return Err(failed);
        }
        tracing::warn!("{failed}; serving without it");
        Ok(PreparedAdmin::Moves(settings.listen.clone(), None))
    }

    /// Serves operators where it was prepared, and no longer where it was.
    pub(super) fn open(&mut self, prepared: PreparedAdmin) {
        let PreparedAdmin::Moves(listen, bound) = prepared else { return };
        if let Some((AdminListen::Unix(path), _)) = self.inherited.take() {
            // Nobody listens there any more: the file goes.
            drop(SocketFile::at(&path));
        }
        self.open = bound.map(|mut bound| {
            let claim = || match &listen {
                AdminListen::Unix(path) => SocketFile::at(path).ok(),
                AdminListen::Off | AdminListen::Loopback(_) => None,
            };
            let file = bound.take_file().or_else(claim);
            // Without it, the next process opens a socket of its own.
            let socket = bound.duplicate().ok();
            let (serving, ended) = oneshot::channel();
            let context = Arc::clone(&self.context);
            tracing::info!(%listen, "operators are listened to");
            tokio::spawn(async move {
                let end = async {
                    // Nothing is ever sent: it ends when the sender is dropped.
                    let _ = ended.await;
                };
                if let Err(error) = serve(bound, context, end).await {
                    tracing::error!(%error, "the admin listener has failed");
                }
            });
            OpenAdmin { listen, socket, file, _serving: serving }
        });
    }

    /// What the next process may want: where it listens, and the socket.
    pub(super) fn to_pass_on(&self) -> Option<(&AdminListen, BorrowedFd<'_>)> {
        let open = self.open.as_ref()?;
        Some((&open.listen, open.socket.as_ref()?.as_fd()))
    }

    /// Listens no more, and ends what is being said to operators.
    pub(super) async fn close(mut self) {
        // Nobody comes any more, and the file goes.
        self.open = None;
        self.context.end_connections().await;
    }

    /// Listens no more: the next process does, at the same place.
    pub(super) fn release(&mut self) {
        if let Some(file) = self.open.take().and_then(|open| open.file) {
            file.leave();
        }
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
