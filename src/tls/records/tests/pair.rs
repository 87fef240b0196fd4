//! A client that we did not write, and our end of its connection, in memory.

use std::io::Read;

use rustls::{ClientConnection, SupportedCipherSuite, SupportedProtocolVersion};

use super::*;
use crate::config::UnknownNames;
use crate::tls::tests::{Client, Folder, Issued};
use crate::tls::{CertifiedBundle, Credentials, SessionTickets, TicketKeys, TlsRules, server_config};

/// The two ends of a connection, and what each has understood.
pub(super) struct Pair {
    pub(super) client: ClientConnection,
    pub(super) server: Server,
}

/// Our end, fed as a stream would feed it.
pub(super) struct Server {
    pub(super) records: Records,
    pub(super) received: Vec<u8>,
    pub(super) outgoing: RecordBuffer,
}

/// A certificate, a server's configuration with it, and a client that trusts it.
pub(super) struct Site {
    pub(super) config: Arc<ServerConfig>,
    pub(super) issued: Issued,
}

impl Site {
    pub(super) fn new() -> Self {
        Self::with(TlsRules::default())
    }

    pub(super) fn refusing_unknown_names() -> Self {
        Self::with(TlsRules { unknown_names: UnknownNames::Refuse, ..TlsRules::default() })
    }

    fn with(rules: TlsRules) -> Self {
        let issued = Issued::named(&["site.test"]);
        let folder = Folder::new();
        let credentials = Credentials::of(CertifiedBundle::load(&[folder.keep("site", &issued)]).unwrap());
        let tickets = SessionTickets::of_process(&TicketKeys::generate().unwrap());
        Self { config: server_config(&credentials, rules, &tickets), issued }
    }

    pub(super) fn client(&self, version: &'static SupportedProtocolVersion) -> Client {
        Client::trusting(&[&self.issued], version, &[b"http/1.1"])
    }

    /// A client that knows no other cipher suite of TLS 1.3.
    pub(super) fn client_of(&self, suite: SupportedCipherSuite) -> Client {
        Client::with_suites(vec![suite], &[&self.issued], &TLS13, &[b"http/1.1"])
    }
}

impl Pair {
    pub(super) fn new(site: &Site, client: &Client) -> Self {
        Self { client: client.connect("site.test"), server: Server::new(site) }
    }

    /// Both ends after the handshake, tickets included.
    pub(super) fn connected(site: &Site, client: &Client) -> Self {
        let mut pair = Self::new(site, client);
        pair.flights();
        pair
    }

    /// Shakes hands; the lengths of what the client said.
    pub(super) fn flights(&mut self) -> Vec<usize> {
        let mut lengths = Vec::new();
        loop {
            let said = self.client_says();
            if said.is_empty() {
                break;
            }
            lengths.push(said.len());
            self.server.deliver(&said).unwrap();
            self.client_hears().unwrap();
        }
        assert!(!self.server.records.is_handshaking() && !self.client.is_handshaking());
        lengths
    }

    pub(super) fn client_says(&mut self) -> Vec<u8> {
        let mut wire = Vec::new();
        while self.client.wants_write() {
            self.client.write_tls(&mut wire).unwrap();
        }
        wire
    }

    /// Has the client take in all we have sent; what it could read.
    pub(super) fn client_hears(&mut self) -> Result<Vec<u8>, Error> {
        let wire = self.server.outgoing.filled().to_vec();
        self.server.outgoing.clear();
        let mut plaintext = Vec::new();
        let mut unread = wire.as_slice();
        while !unread.is_empty() {
            self.client.read_tls(&mut unread).unwrap();
            self.client.process_new_packets()?;
            // It has no more to read now, or for good.
            let _ = self.client.reader().read_to_end(&mut plaintext);
        }
        Ok(plaintext)
    }
}

impl Server {
    pub(super) fn new(site: &Site) -> Self {
        // No room at all: every message has to ask for it.
        let outgoing = RecordBuffer::with_capacity(0);
        Self { records: Records::server(Arc::clone(&site.config), None).unwrap(), received: Vec::new(), outgoing }
    }

    pub(super) fn deliver(&mut self, bytes: &[u8]) -> Result<(), Error> {
        let mut buffer = vec![0xee; self.records.unread()];
        buffer.extend_from_slice(bytes);
        let Self { records, received, outgoing } = self;
        let outcome = records.receive(&mut buffer, &mut |bytes| received.extend_from_slice(bytes), outgoing);
        records.check_invariants();
        outcome
    }

    pub(super) fn send(&mut self, plaintext: &[u8]) {
        self.records.send(plaintext, &mut self.outgoing).unwrap();
        self.records.check_invariants();
    }
}
