//! What the keys of a TLS 1.3 connection are made of, from one change to the next (RFC 8446 §7.2).

use rustls::{Error, Side, Tls13CipherSuite};

use super::keys::NumberedSecrets;
use super::secret::Secret;
use super::secret_log::TrafficSecrets;

/// The secrets that are in use.
pub(super) struct Secrets {
    suite: &'static Tls13CipherSuite,
    traffic: Box<TrafficSecrets>,
    ours: Side,
}

impl Secrets {
    /// Those of a connection whose end on this side is `ours`.
    pub(super) fn new(suite: &'static Tls13CipherSuite, traffic: Box<TrafficSecrets>, ours: Side) -> Self {
        Self { suite, traffic, ours }
    }

    /// What the peer's records are decrypted with from now on.
    pub(super) fn next_opening(&mut self) -> Result<NumberedSecrets, Error> {
        let TrafficSecrets { client, server } = &mut *self.traffic;
        next(self.suite, if self.ours == Side::Server { client } else { server })
    }

    /// What our records are encrypted with from now on.
    pub(super) fn next_sealing(&mut self) -> Result<NumberedSecrets, Error> {
        let TrafficSecrets { client, server } = &mut *self.traffic;
        next(self.suite, if self.ours == Side::Server { server } else { client })
    }

    /// How many records of data a key may seal: all that it may, but the one that says that another key follows, and an alert.
    pub(super) fn key_lifetime(&self) -> u64 {
        self.suite.common.confidentiality_limit.saturating_sub(2)
    }
}

/// A key numbers its records from zero on (RFC 8446 §5.3).
fn next(suite: &Tls13CipherSuite, secret: &mut Secret) -> Result<NumberedSecrets, Error> {
    secret.advance(suite)?;
    Ok((0, secret.key(suite)?))
}
