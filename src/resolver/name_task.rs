//! The task of one name: looks it up, and again before the answer is out of date, for as long as the name is asked for.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use super::answer::Found;
use super::error::LookupError;
use super::lookup::Lookups;
use super::name_state::{NameState, Standing, TtlBounds, Turn};
use crate::config::ResolverSettings;

/// One name, as those who ask and its task share it.
#[derive(Debug)]
pub(super) struct Name {
    pub(super) host: String,
    /// Whom to ask; nobody where that is the resolver's own choice.
    servers: Box<[SocketAddr]>,
    state: watch::Sender<NameState>,
    /// Somebody waits for a lookup.
    wanted: watch::Sender<()>,
    made: Instant,
    /// When it was last asked for, in milliseconds since it was made.
    asked: AtomicU64,
}

impl Name {
    pub(super) fn new(host: &str, servers: &[SocketAddr]) -> Self {
        let now = Instant::now();
        Self {
            host: host.to_owned(),
            servers: servers.into(),
            state: watch::Sender::new(NameState::new(now)),
            wanted: watch::Sender::default(),
            made: now,
            asked: AtomicU64::new(0),
        }
    }

    /// Its addresses, for which nobody waits longer than `patience` where they were never found, and hardly at all where they were.
    pub(super) async fn addresses(&self, patience: Duration) -> Result<Arc<[IpAddr]>, LookupError> {
        let now = Instant::now();
        if self.is_idle(now) {
            // Whatever is known of it: it rests no more.
            self.wanted.send_replace(());
        }
        let asked = u64::try_from((now - self.made).as_millis()).unwrap_or(u64::MAX);
        self.asked.store(asked, Ordering::Relaxed);
        let standing = self.state.borrow().standing(now);
        match standing {
            Standing::Good(addresses) => Ok(addresses),
            Standing::Failed(error) => Err(error),
            Standing::Outdated(addresses) => match tokio::time::timeout(MOMENT, self.looked_up()).await {
                Ok(found) => found,
                Err(_) => Ok(addresses),
            },
            Standing::Unknown => {
                let found = tokio::time::timeout(patience, self.looked_up()).await;
                found.unwrap_or(Err(LookupError::TimedOut(patience)))
            }
        }
    }

    /// When it was last asked for.
    pub(super) fn asked(&self) -> Instant {
        self.made + Duration::from_millis(self.asked.load(Ordering::Relaxed))
    }

    /// Whether nobody has asked for it in so long that it rests.
    pub(super) fn is_idle(&self, now: Instant) -> bool {
        now >= self.asked() + IDLE
    }

    /// Looks at what is known of it.
    pub(super) fn look<R>(&self, at: impl FnOnce(&NameState) -> R) -> R {
        at(&self.state.borrow())
    }

    async fn looked_up(&self) -> Result<Arc<[IpAddr]>, LookupError> {
        let mut state = self.state.subscribe();
        let seen = state.borrow_and_update().lookups();
        self.wanted.send_replace(());
        // The sender is `self`.
        let known = state.wait_for(|state| state.lookups() > seen).await;
        match known.map(|state| state.standing(Instant::now())) {
            Ok(Standing::Good(addresses) | Standing::Outdated(addresses)) => Ok(addresses),
            Ok(Standing::Failed(error)) => Err(error),
            Ok(Standing::Unknown) | Err(_) => Err(LookupError::NoRecords),
        }
    }
}

/// What the task of a name has.
pub(super) struct NameTask {
    pub(super) name: Arc<Name>,
    pub(super) lookups: Arc<Lookups>,
    pub(super) settings: watch::Receiver<ResolverSettings>,
}

impl NameTask {
    /// Looks its name up until it is aborted.
    pub(super) async fn run(mut self) {
        let mut wanted = self.name.wanted.subscribe();
        loop {
            let settings = self.settings.borrow_and_update().clone();
            wanted.borrow_and_update();
            let name = &self.name;
            let found = self.lookups.addresses_to_try(&name.host, &name.servers, &settings).await;
            self.note(found, TtlBounds { min: settings.min_ttl, max: settings.max_ttl });
            self.until_due(&mut wanted).await;
        }
    }

    /// Waits until a lookup is due, or another configuration may find something else; and then, of a name that rests, until somebody
    /// asks for it.
    async fn until_due(&mut self, wanted: &mut watch::Receiver<()>) {
        let due = self.name.look(NameState::due);
        tokio::select! {
            () = sleep_until(due) => {}
            Ok(()) = self.settings.changed() => {}
        }
        if self.name.is_idle(Instant::now()) {
            // The sender is the name.
            let _ = wanted.changed().await;
        }
    }

    fn note(&self, found: Result<Found<IpAddr>, LookupError>, bounds: TtlBounds) {
        let error = found.as_ref().err().cloned();
        let now = Instant::now();
        let mut turn = None;
        self.name.state.send_modify(|state| turn = state.note(now, found, bounds));
        let name = &self.name.host;
        match (turn, error) {
            (Some(Turn::Fails), Some(error)) => self.say_that_it_fails(&error, now),
            (Some(Turn::Recovers { failed, lasted }), _) => {
                tracing::warn!(%name, failed, after_seconds = lasted.as_secs(), "a name can be resolved again");
            }
            _ => {}
        }
    }

    fn say_that_it_fails(&self, error: &LookupError, now: Instant) {
        let name = &self.name.host;
        let kept =
            self.name.look(|state| state.last_good().map(|(addresses, found)| (addresses.to_vec(), now - found)));
        match kept {
            Some((addresses, age)) => {
                let age_seconds = age.as_secs();
                tracing::warn!(%name, %error, ?addresses, age_seconds, "a name cannot be resolved; its last addresses are kept");
            }
            None => tracing::warn!(%name, %error, "a name cannot be resolved"),
        }
    }
}

/// Whoever asks for a name whose addresses are out of date waits so long for better ones (RFC 8767 §5).
const MOMENT: Duration = Duration::from_millis(500);
/// A name that nobody has asked for in this time is not looked up again before somebody does.
const IDLE: Duration = Duration::from_secs(600);
