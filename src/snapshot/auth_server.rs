//! A server that is asked on behalf of a route, as it runs: whether requests may enter, or for the keys of tokens.

use std::num::NonZeroU32;
use std::sync::Arc;

use tokio::sync::Semaphore;

use super::retirement::Retirement;
use crate::config::EndpointAddress;
use crate::drain::LifeToken;
use crate::tls::{EndpointCredentials, EndpointTls, TlsSessions};

/// A server that is asked. It is the same as long as its address, whom it is believed to be and how much is asked at once are.
#[derive(Debug)]
pub struct AuthServer {
    /// Where it is.
    pub address: EndpointAddress,
    /// This life of it: its resting connections are kept by that.
    pub life: LifeToken,
    /// How TLS is spoken with it; `None`: it is not.
    pub tls: Option<Arc<EndpointTls>>,
    /// What may be resumed of that.
    pub sessions: TlsSessions,
    /// Whether no route asks it any more.
    pub retirement: Retirement,
    /// One for each question that may be under way.
    pub turns: Semaphore,
    /// One for each question that may be under way or wait for its turn.
    pub places: Semaphore,
    at_once: usize,
}

impl AuthServer {
    /// The one at `address`, which is asked so many questions at once, and begins a life; `previous` is what the route asked before.
    pub(super) fn new(
        address: &EndpointAddress,
        at_once: NonZeroU32,
        credentials: Option<EndpointCredentials>,
        life: impl FnOnce() -> LifeToken,
        previous: Option<&Arc<Self>>,
    ) -> Arc<Self> {
        let at_once = usize::try_from(at_once.get()).unwrap_or(Semaphore::MAX_PERMITS);
        let is_same = |old: &&Arc<Self>| {
            let credentials_before = old.tls.as_ref().map(|tls| tls.credentials());
            old.address == *address && credentials_before == credentials.as_ref() && old.at_once == at_once
        };
        if let Some(same) = previous.filter(is_same) {
            return Arc::clone(same);
        }
        Arc::new(Self {
            address: address.clone(),
            life: life(),
            tls: credentials.map(|credentials| Arc::new(EndpointTls::new(credentials))),
            sessions: TlsSessions::default(),
            retirement: Retirement::default(),
            turns: Semaphore::new(at_once),
            places: Semaphore::new(at_once.saturating_mul(WAITING_FOR_EACH + 1).min(Semaphore::MAX_PERMITS)),
            at_once,
        })
    }
}

/// How many wait for each that is asked at the most. Who finds as many is refused.
const WAITING_FOR_EACH: usize = 16;
