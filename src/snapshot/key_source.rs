//! Where the keys of a route are fetched, and what was fetched last.
//!
//! Invariants: what was fetched stays until something better comes; a request waits for a fetch that is under way, or that it may
//! cause, and for nothing else, until [`PATIENCE`] is over; so many wait at the most.

use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Semaphore, watch};
use tokio::time::{Instant, sleep_until, timeout};

use super::auth_server::AuthServer;
use crate::access::{KeySchedule, KeySet, Prospect, SourceNews};
use crate::config::{AuthUrl, KeysUrl};
use crate::drain::LifeToken;
use crate::tls::EndpointCredentials;

/// A source of keys. It is the same as long as its URL, and whom its server is believed to be, are.
#[derive(Debug)]
pub struct KeySource {
    /// What is fetched.
    pub url: AuthUrl,
    /// From whom.
    pub server: Arc<AuthServer>,
    schedule: Mutex<KeySchedule>,
    fetched: watch::Sender<Fetched>,
    /// A fetch is due earlier than it was.
    hastened: watch::Sender<()>,
    /// One for each request that may wait.
    places: Semaphore,
}

/// What was fetched last.
#[derive(Clone, Debug, Default)]
pub struct Fetched {
    /// The last set that was good; `None`: there was none yet.
    pub keys: Option<Arc<KeySet>>,
    /// How many fetches have ended, one way or another.
    ended: u64,
    /// How many of them brought no set.
    failed: u64,
    /// When the last good one came.
    at: Option<Instant>,
}

/// How it stands with a source of keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyCounts {
    /// How long ago the set came that is used; `None`: there was none yet.
    pub age: Option<Duration>,
    /// Fetches that brought one.
    pub fetched: u64,
    /// Fetches that did not.
    pub failed: u64,
}

impl KeySource {
    /// The one that `settings` name, which begins a life; `previous` is what the route fetched before.
    pub(super) fn new(
        settings: &KeysUrl,
        credentials: Option<EndpointCredentials>,
        life: impl FnOnce() -> LifeToken,
        previous: Option<&Arc<Self>>,
    ) -> Arc<Self> {
        let server_before = previous.map(|previous| &previous.server);
        let server = AuthServer::new(&settings.url.address, NonZeroU32::MIN, credentials, life, server_before);
        let is_same = |old: &&Arc<Self>| old.url == settings.url && Arc::ptr_eq(&old.server, &server);
        if let Some(same) = previous.filter(is_same) {
            return Arc::clone(same);
        }
        Arc::new(Self {
            url: settings.url.clone(),
            server,
            schedule: Mutex::new(KeySchedule::new(settings.refresh, Instant::now().into_std())),
            fetched: watch::Sender::default(),
            hastened: watch::Sender::default(),
            places: Semaphore::new(MOST_WAITING),
        })
    }

    /// A configuration is served that says how long a set is good.
    pub fn keep_to(&self, settings: &KeysUrl) {
        self.schedule().keep_to(settings.refresh, Instant::now().into_std());
        self.hastened.send_replace(());
    }

    /// The keys, once there are some; `None` where none are about to come.
    pub async fn keys(&self) -> Option<Fetched> {
        let mut news = self.fetched.subscribe();
        let now = news.borrow().clone();
        if now.keys.is_some() {
            return Some(now);
        }
        let prospect = self.schedule().prospect(Instant::now().into_std());
        let fetched = self.after(&now, prospect, &mut news).await;
        fetched.filter(|fetched| fetched.keys.is_some())
    }

    /// What came after `seen`, in which a key is missing that a token names; `None` where nothing does in time.
    pub async fn newer_than(&self, seen: &Fetched) -> Option<Fetched> {
        let mut news = self.fetched.subscribe();
        if news.borrow().ended > seen.ended {
            return Some(news.borrow().clone());
        }
        let prospect = self.schedule().note_unknown(Instant::now().into_std());
        if prospect == Prospect::Coming {
            self.hastened.send_replace(());
        }
        self.after(seen, prospect, &mut news).await
    }

    /// What comes of the fetch after `seen`.
    async fn after(&self, seen: &Fetched, prospect: Prospect, news: &mut watch::Receiver<Fetched>) -> Option<Fetched> {
        let is_newer = |fetched: &Fetched| fetched.ended > seen.ended;
        if prospect == Prospect::NotNow {
            // It may have ended between two looks.
            return Some(news.borrow().clone()).filter(is_newer);
        }
        let _place = self.places.try_acquire().ok()?;
        let fetched = timeout(PATIENCE, news.wait_for(is_newer)).await.ok()?;
        fetched.ok().map(|fetched| fetched.clone())
    }

    /// Whether there was a good set so far.
    pub fn has_keys(&self) -> bool {
        self.fetched.borrow().keys.is_some()
    }

    /// How its fetches went.
    pub fn counts(&self) -> KeyCounts {
        let Fetched { ended, failed, at, .. } = *self.fetched.borrow();
        KeyCounts { age: at.map(|at| at.elapsed()), fetched: ended - failed, failed }
    }

    /// Waits until a fetch is due.
    pub async fn due(&self) {
        // First: what hastens it from now on is heard.
        let mut hastened = self.hastened.subscribe();
        loop {
            let due = self.schedule().due().map(Instant::from_std);
            let Some(due) = due.filter(|due| *due > Instant::now()) else { return };
            tokio::select! {
                () = sleep_until(due) => {}
                // It lives as long as this.
                _ = hastened.changed() => {}
            }
        }
    }

    /// A fetch begins.
    pub fn begin(&self) {
        self.schedule().begin();
    }

    /// A fetch has ended with a set, or without one. Returns whether that is news.
    pub fn note(&self, keys: Option<KeySet>) -> Option<SourceNews> {
        let has_come = keys.is_some();
        self.fetched.send_modify(|fetched| {
            fetched.ended += 1;
            match keys {
                Some(keys) => {
                    fetched.keys = Some(Arc::new(keys));
                    fetched.at = Some(Instant::now());
                }
                None => fetched.failed += 1,
            }
        });
        // Second: who finds that no fetch is under way finds what came of it.
        let (now, chance) = (Instant::now().into_std(), fastrand::f64());
        let mut schedule = self.schedule();
        if has_come { schedule.note_keys(now, chance) } else { schedule.note_failure(now, chance) }
    }

    fn schedule(&self) -> MutexGuard<'_, KeySchedule> {
        // Each change leaves it whole.
        self.schedule.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How long a request waits for a fetch.
const PATIENCE: Duration = Duration::from_secs(5);

/// How many requests of a route may wait for one.
const MOST_WAITING: usize = 1024;
