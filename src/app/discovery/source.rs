//! One source that is asked.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::sync::mpsc::{self, Receiver};
use tokio::task::JoinSet;
use tokio::time::{Sleep, sleep};

use super::story::Trouble;
use crate::config::{ResolverSettings, SourceSettings};
use crate::discovery::{self, Found, SourceError};
use crate::resolver::Resolver;

/// A source that is asked; it ends with this.
#[derive(Debug)]
pub(super) struct Source {
    pub(super) settings: SourceSettings,
    pub(super) found: Receiver<Found>,
    /// Who looks its names up: of its own, since it may be asked under a configuration that is not served yet.
    pub(super) resolver: Resolver,
    /// That it has no set, as long as that is so.
    pub(super) trouble: Option<Trouble>,
    /// Who asks has ended, which is a bug; another one begins after this.
    pause: Option<Pin<Box<Sleep>>>,
    pub(super) task: JoinSet<()>,
}

impl Source {
    /// One that is asked from now on.
    pub(super) fn begin(settings: SourceSettings, names: &ResolverSettings) -> Self {
        Self::begin_with(settings, Resolver::new(names.clone()))
    }

    /// The same, where its names are looked up by `resolver`.
    pub(super) fn begin_with(settings: SourceSettings, resolver: Resolver) -> Self {
        let (found, task) = ask(&settings, &resolver);
        Self { settings, found, resolver, trouble: None, pause: None, task }
    }

    /// What it says next.
    pub(super) fn poll_found(&mut self, context: &mut Context<'_>) -> Poll<Found> {
        if let Some(pause) = &mut self.pause {
            ready!(pause.as_mut().poll(context));
            self.pause = None;
            (self.found, self.task) = ask(&self.settings, &self.resolver);
        }
        let found = ready!(self.found.poll_recv(context));
        Poll::Ready(found.unwrap_or_else(|| {
            self.pause = Some(Box::pin(sleep(PAUSE)));
            Err(SourceError::NoAnswer("who asked it has ended, and another one begins: please report this".to_owned()))
        }))
    }
}

fn ask(settings: &SourceSettings, resolver: &Resolver) -> (Receiver<Found>, JoinSet<()>) {
    // It waits until what it said last was heard.
    let (sender, found) = mpsc::channel(1);
    let mut task = JoinSet::new();
    task.spawn(discovery::run(settings.clone(), resolver.clone(), sender));
    (found, task)
}

/// What ends at once ends again: it is to cost nothing, and to be heard of in between.
const PAUSE: Duration = Duration::from_secs(10);
