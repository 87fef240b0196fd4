//! The traffic secrets of a handshake. rustls says them to its key log, and to nobody else.
//!
//! Invariant: on its way from rustls to the connection that it belongs to a secret passes through a slot of the thread,
//! which is that connection's while rustls works on it, and empty when that is done. None goes anywhere else.

use std::cell::RefCell;

use rustls::KeyLog;

use super::secret::Secret;

/// The key log of a configuration whose connections are carried on without rustls: each is handed its secrets, and nobody reads
/// any.
#[derive(Debug)]
pub struct SecretLog;

/// What a connection has been handed so far.
#[derive(Default)]
pub(super) struct LoggedSecrets(Option<Box<TrafficSecrets>>);

/// The secrets that records of data are protected by (RFC 8446 §7.1). They stay where they are in memory until they are wiped.
#[derive(Default)]
pub(super) struct TrafficSecrets {
    /// What the client sends.
    pub(super) client: Secret,
    /// What the server sends.
    pub(super) server: Secret,
}

thread_local! {
    /// Of the connection that rustls works on.
    static LOGGED: RefCell<Option<Box<TrafficSecrets>>> = const { RefCell::new(None) };
}

/// As the format for key log files has them.
const CLIENT: &str = "CLIENT_TRAFFIC_SECRET_0";
const SERVER: &str = "SERVER_TRAFFIC_SECRET_0";

impl LoggedSecrets {
    /// Has rustls `work` on the connection whose secrets these are: those that it says meanwhile are added.
    pub(super) fn listen<R>(&mut self, work: impl FnOnce() -> R) -> R {
        // What work that panicked has left there ends here.
        LOGGED.set(self.0.take());
        let outcome = work();
        self.0 = LOGGED.take();
        outcome
    }

    /// Those of both directions, if rustls has said both.
    pub(super) fn into_both(self) -> Option<Box<TrafficSecrets>> {
        self.0.filter(|secrets| secrets.client.is_known() && secrets.server.is_known())
    }
}

impl KeyLog for SecretLog {
    fn log(&self, label: &str, _: &[u8], secret: &[u8]) {
        LOGGED.with_borrow_mut(|logged| match label {
            CLIENT => logged.get_or_insert_default().client.set(secret),
            SERVER => logged.get_or_insert_default().server.set(secret),
            _ => {}
        });
    }

    fn will_log(&self, label: &str) -> bool {
        matches!(label, CLIENT | SERVER)
    }
}
