//! What the keys of a TLS 1.3 connection are made of, from one change to the next (RFC 8446 §7.2).

use rustls::{Error, ExtractedSecrets, Side, Tls13CipherSuite};

use super::frozen_records::FrozenRecords;
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

    /// Those of a connection that was carried on by another process. `None` if they are not what its cipher suite has.
    pub(super) fn thaw(frozen: &FrozenRecords) -> Option<Self> {
        let suite = frozen.suite()?;
        let length = suite.common.hash_provider.output_len();
        let mut traffic = Box::<TrafficSecrets>::default();
        for (secret, frozen) in
            [(&mut traffic.client, &frozen.client_secret), (&mut traffic.server, &frozen.server_secret)]
        {
            secret.set(frozen);
            if secret.reveal().len() != length {
                return None;
            }
        }
        Some(Self::new(suite, traffic, frozen.end.into()))
    }

    /// The number of the cipher suite.
    pub(super) fn suite(&self) -> u16 {
        self.suite.common.suite.into()
    }

    /// Whose end is ours.
    pub(super) fn ours(&self) -> Side {
        self.ours
    }

    /// Those of both directions.
    pub(super) fn traffic(&self) -> &TrafficSecrets {
        &self.traffic
    }

    /// The keys that are in use, with the numbers of their next records: of those that come, and of those that go.
    pub(super) fn keys(&self, opened: u64, sealed: u64) -> Result<ExtractedSecrets, Error> {
        let TrafficSecrets { client, server } = &*self.traffic;
        let (theirs, ours) = if self.ours == Side::Server { (client, server) } else { (server, client) };
        Ok(ExtractedSecrets { tx: (sealed, ours.key(self.suite)?), rx: (opened, theirs.key(self.suite)?) })
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
