//! A directory for tests in virtual time: says what it is told to say, after so long.

use std::net::IpAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::time::sleep;

use super::answer::{Found, ServiceRecord};
use super::error::LookupError;

/// What it says; clones are handles on the same one.
#[derive(Clone, Debug)]
pub(crate) struct Scripted(Arc<Mutex<Script>>);

#[derive(Debug)]
struct Script {
    says: Result<Found<IpAddr>, LookupError>,
    after: Duration,
    lookups: usize,
}

impl Scripted {
    /// Says this at once.
    pub(crate) fn saying(says: Result<Found<IpAddr>, LookupError>) -> Self {
        Self(Arc::new(Mutex::new(Script { says, after: Duration::ZERO, lookups: 0 })))
    }

    /// Says this from now on.
    pub(crate) fn say(&self, says: Result<Found<IpAddr>, LookupError>, after: Duration) {
        let mut script = self.0.lock().unwrap();
        (script.says, script.after) = (says, after);
    }

    /// How often it was asked.
    pub(crate) fn lookups(&self) -> usize {
        self.0.lock().unwrap().lookups
    }

    pub(super) async fn addresses(&self, _host: &str) -> Result<Found<IpAddr>, LookupError> {
        let (says, after) = {
            let mut script = self.0.lock().unwrap();
            script.lookups += 1;
            (script.says.clone(), script.after)
        };
        sleep(after).await;
        says
    }

    pub(super) async fn services(&self, _name: &str) -> Result<Found<ServiceRecord>, LookupError> {
        Err(LookupError::NoRecords)
    }
}
