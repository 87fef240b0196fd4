//! The admin listener of the process: opened at the start, moved by a reload.

use std::io;
use std::sync::Arc;
use std::{error, fmt};

use tokio::sync::oneshot;

use crate::admin::{Bound, Context, serve};
use crate::config::{AdminListen, AdminSettings, Place};

/// The admin listener, open or not.
#[derive(Debug)]
pub(super) struct AdminListener {
    context: Arc<Context>,
    open: Option<Open>,
}

#[derive(Debug)]
struct Open {
    listen: AdminListen,
    /// Ends the serving when it is dropped.
    _serving: oneshot::Sender<()>,
}

/// What a configuration that is about to be published means for the admin listener.
#[derive(Debug)]
pub(super) enum PreparedAdmin {
    /// It stays where it is.
    Stays,
    /// It moves, or ends.
    Moves(AdminListen, Option<Bound>),
}

/// The admin listener could not be opened where the configuration wants it.
#[derive(Debug)]
pub struct AdminError {
    place: Place,
    listen: AdminListen,
    error: io::Error,
}

impl AdminListener {
    pub(super) fn new(context: Arc<Context>) -> Self {
        Self { context, open: None }
    }

    /// Opens what `settings` need. Where nobody wrote them, a failure is a warning: the tunnels come first.
    pub(super) fn prepare(&self, settings: &AdminSettings) -> Result<PreparedAdmin, AdminError> {
        if self.open.as_ref().is_some_and(|open| open.listen == settings.listen) {
            return Ok(PreparedAdmin::Stays);
        }
        let failed = match Bound::bind(&settings.listen) {
            Ok(bound) => return Ok(PreparedAdmin::Moves(settings.listen.clone(), bound)),
            Err(error) => AdminError { place: settings.place.clone(), listen: settings.listen.clone(), error },
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
        self.open = bound.map(|bound| {
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
            Open { listen, _serving: serving }
        });
    }
}

impl fmt::Display for AdminError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { place, listen, error } = self;
        if place.position.is_some() {
            write!(f, "{place}: ")?;
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

impl error::Error for AdminError {}
