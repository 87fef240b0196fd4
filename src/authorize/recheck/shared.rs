//! What the task that asks again and the tunnels that it asks about share.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aws_lc_rs::hmac;
use tokio::sync::watch;

use super::book::Book;
use crate::authorize::question::Question;
use crate::endpoint::Pool;
use crate::metrics::Metrics;
use crate::net::Network;

/// What the task and the tunnels share.
#[derive(Debug)]
pub(super) struct Shared {
    book: Mutex<Book>,
    /// Something may be due earlier than it was.
    changed: watch::Sender<()>,
    /// What credentials are told apart by: none of them can be guessed from it.
    key: hmac::Key,
    pub(super) network: Network,
    pub(super) pool: Arc<Pool>,
    pub(super) metrics: Arc<Metrics>,
}

impl Shared {
    pub(super) fn new(network: Network, pool: Arc<Pool>, metrics: Arc<Metrics>) -> Self {
        let mut secret = [0; 32];
        // Without chance there is no TLS either, and nothing here is guessed before something else is.
        let _ = getrandom::fill(&mut secret);
        let key = hmac::Key::new(hmac::HMAC_SHA256, &secret);
        Self { book: Mutex::default(), changed: watch::Sender::new(()), key, network, pool, metrics }
    }

    /// Something may be due earlier than it was.
    pub(super) fn note_changed(&self) {
        self.changed.send_replace(());
    }

    /// Tells from now on of what may be due earlier.
    pub(super) fn changes(&self) -> watch::Receiver<()> {
        self.changed.subscribe()
    }

    pub(super) fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is the same for two questions with the same credentials, and for no others.
    pub(super) fn hash(&self, question: &Question) -> [u8; 32] {
        let mut hash = hmac::Context::with_key(&self.key);
        for (name, value) in question.credential() {
            for part in [name.as_str().as_bytes(), value.as_bytes()] {
                hash.update(&(part.len() as u64).to_be_bytes());
                hash.update(part);
            }
        }
        let mut hashed = [0; 32];
        hashed.iter_mut().zip(hash.sign().as_ref()).for_each(|(to, from)| *to = *from);
        hashed
    }
}
