//! Our end as the client's, against rustls' own server, in memory, cut anywhere.

mod tickets;

use rustls::ServerConnection;
use rustls::crypto::aws_lc_rs::Ticketer;
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject;

use super::*;
use crate::tls::SecretLog;
use crate::tls::tests::{Client, Issued};

/// A server that we did not write, and our end of its connection.
struct Ends {
    server: ServerConnection,
    client: Records,
    received: Vec<u8>,
    outgoing: RecordBuffer,
}

/// A server's configuration, and ours for it.
struct Site {
    server: Arc<ServerConfig>,
    client: Arc<ClientConfig>,
}

impl Site {
    fn new(version: &'static SupportedProtocolVersion) -> Self {
        Self::changed(version, |_| ())
    }

    fn changed(version: &'static SupportedProtocolVersion, change: impl FnOnce(&mut ServerConfig)) -> Self {
        let issued = Issued::named(&["endpoint.test"]);
        let chain = rustls::pki_types::CertificateDer::pem_slice_iter(issued.chain.as_bytes());
        let mut server = ServerConfig::builder_with_protocol_versions(&[version])
            .with_no_client_auth()
            .with_single_cert(
                chain.collect::<Result<_, _>>().unwrap(),
                PrivateKeyDer::from_pem_slice(issued.key.as_bytes()).unwrap(),
            )
            .unwrap();
        server.ticketer = Ticketer::new().unwrap();
        change(&mut server);
        let client = Client::trusting(&[&issued], version, &[]);
        let client = client.with(|config| {
            config.enable_secret_extraction = true;
            config.key_log = Arc::new(SecretLog);
        });
        Self { server: Arc::new(server), client: client.config() }
    }
}

impl Ends {
    fn new(site: &Site) -> Self {
        let server = ServerConnection::new(Arc::clone(&site.server)).unwrap();
        // No room at all: every message has to ask for it.
        let mut outgoing = RecordBuffer::with_capacity(0);
        let name = ServerName::try_from("endpoint.test").unwrap();
        let client =
            Records::client(Arc::clone(&site.client), name, vec![b"http/1.1".to_vec()], &mut outgoing).unwrap();
        assert!(client.is_handshaking() && !client.has_begun());
        Self { server, client, received: Vec::new(), outgoing }
    }

    fn connected(site: &Site) -> Self {
        let mut ends = Self::new(site);
        ends.flights();
        ends
    }

    /// Shakes hands, tickets included; the lengths of what the server said.
    fn flights(&mut self) -> Vec<usize> {
        let mut lengths = Vec::new();
        loop {
            self.server_hears().unwrap();
            let said = self.server_says();
            if said.is_empty() {
                break;
            }
            lengths.push(said.len());
            self.deliver(&said).unwrap();
        }
        assert!(!self.client.is_handshaking() && !self.server.is_handshaking());
        lengths
    }

    fn server_says(&mut self) -> Vec<u8> {
        let mut wire = Vec::new();
        while self.server.wants_write() {
            self.server.write_tls(&mut wire).unwrap();
        }
        wire
    }

    /// Has the server take in all we have sent; what it could read.
    fn server_hears(&mut self) -> Result<Vec<u8>, Error> {
        let wire = self.outgoing.filled().to_vec();
        self.outgoing.clear();
        let mut plaintext = Vec::new();
        let mut unread = wire.as_slice();
        while !unread.is_empty() {
            self.server.read_tls(&mut unread).unwrap();
            self.server.process_new_packets()?;
            // It has no more to read now, or for good.
            let _ = self.server.reader().read_to_end(&mut plaintext);
        }
        Ok(plaintext)
    }

    fn deliver(&mut self, bytes: &[u8]) -> Result<(), Error> {
        let mut buffer = vec![0xee; self.client.unread()];
        buffer.extend_from_slice(bytes);
        let Self { client, received, outgoing, .. } = self;
        let outcome = client.receive(&mut buffer, &mut |bytes| received.extend_from_slice(bytes), outgoing);
        client.check_invariants();
        outcome
    }

    fn traffic(&mut self) -> &mut Traffic {
        let Holder::Traffic(traffic) = &mut self.client.holder else { panic!("the handshake goes on") };
        traffic
    }

    fn send(&mut self, plaintext: &[u8]) {
        self.client.send(plaintext, &mut self.outgoing).unwrap();
        self.client.check_invariants();
    }
}

#[test]
fn a_handshake_may_be_cut_anywhere() {
    for version in VERSIONS {
        let site = Site::new(version);
        let flights = Ends::new(&site).flights();
        for (flight, length) in flights.iter().copied().enumerate() {
            for cut in 0..=length {
                let mut ends = Ends::new(&site);
                for turn in 0..flights.len() {
                    ends.server_hears().unwrap();
                    let said = ends.server_says();
                    let cut = if turn == flight { cut.min(said.len()) } else { 0 };
                    ends.deliver(&said[..cut]).unwrap();
                    ends.deliver(&said[cut..]).unwrap();
                }
                ends.server_hears().unwrap();
                assert!(!ends.client.is_handshaking() && !ends.server.is_handshaking());
                assert_eq!(ends.client.unread(), 0);
            }
        }
    }
}

#[test]
fn everything_may_come_byte_by_byte() {
    for version in VERSIONS {
        // Handshake messages in pieces of 27 bytes, tickets too.
        let site = Site::changed(version, |config| config.max_fragment_size = Some(32));
        for kind in [HandshakeKind::Full, HandshakeKind::Resumed] {
            let mut ends = Ends::new(&site);
            while ends.client.is_handshaking() || ends.server.is_handshaking() || ends.server.wants_write() {
                ends.server_hears().unwrap();
                for byte in ends.server_says() {
                    ends.deliver(&[byte]).unwrap();
                }
            }
            assert_eq!(ends.server.handshake_kind(), Some(kind));

            ends.server.writer().write_all(&[7; 5000]).unwrap();
            ends.server.send_close_notify();
            for byte in ends.server_says() {
                ends.deliver(&[byte]).unwrap();
            }

            assert_eq!(ends.received, [7; 5000]);
            assert!(ends.client.has_ended());
            assert_eq!(ends.client.unread(), 0);
        }
    }
}

#[test]
fn what_comes_right_behind_the_servers_finished_is_under_its_keys() {
    let site = Site::changed(&TLS13, |config| config.send_half_rtt_data = true);
    for step in [1, 7, usize::MAX] {
        let mut ends = Ends::new(&site);
        ends.server_hears().unwrap();
        ends.server.writer().write_all(b"at once").unwrap();
        for piece in ends.server_says().chunks(step) {
            ends.deliver(piece).unwrap();
        }
        assert_eq!(ends.received, b"at once");
        // And ours goes right behind our own Finished.
        ends.send(b"as quick");
        assert_eq!(ends.server_hears().unwrap(), b"as quick");
        let said = ends.server_says();
        ends.deliver(&said).unwrap();
        ends.server.writer().write_all(b", and later").unwrap();
        let said = ends.server_says();
        ends.deliver(&said).unwrap();
        assert_eq!(ends.received, b"at once, and later");
    }
}

#[test]
fn keys_change_both_ways_wherever_the_update_is_cut() {
    let site = Site::new(&TLS13);
    let mut lengths = 0..1;
    while let Some(cut) = lengths.next() {
        let mut ends = Ends::connected(&site);
        ends.server.refresh_traffic_keys().unwrap();
        ends.server.writer().write_all(b"new keys").unwrap();
        let said = ends.server_says();
        lengths.end = said.len();

        ends.deliver(&said[..cut]).unwrap();
        ends.send(b"meanwhile");
        assert_eq!(ends.server_hears().unwrap(), b"meanwhile");
        ends.deliver(&said[cut..]).unwrap();
        ends.send(b"answer");

        assert_eq!(ends.received, b"new keys");
        assert_eq!(ends.server_hears().unwrap(), b"answer");
    }
}

#[test]
fn a_key_that_has_made_its_records_is_changed() {
    let site = Site::new(&TLS13);
    let mut ends = Ends::connected(&site);
    for sent in 0..20_u8 {
        if sent % 7 == 0 {
            ends.traffic().exhaust_key();
        }
        ends.send(&[sent; 40_000]);
        assert_eq!(ends.server_hears().unwrap(), [sent; 40_000]);
    }
}

#[test]
fn keys_change_as_often_as_either_side_likes() {
    let mut ends = Ends::connected(&Site::new(&TLS13));
    for time in 0..50_u8 {
        if time % 3 == 0 {
            ends.traffic().exhaust_key();
        }
        ends.server.refresh_traffic_keys().unwrap();
        ends.server.writer().write_all(&[time; 100]).unwrap();
        let said = ends.server_says();
        ends.deliver(&said).unwrap();
        ends.send(&[time; 200]);
        assert_eq!(mem::take(&mut ends.received), [time; 100]);
        assert_eq!(ends.server_hears().unwrap(), [time; 200]);
    }
}

#[test]
fn each_side_closes_when_it_is_done() {
    for version in VERSIONS {
        let mut ends = Ends::connected(&Site::new(version));
        ends.server.send_close_notify();
        let said = ends.server_says();
        ends.deliver(&said).unwrap();
        assert!(ends.client.has_ended());

        ends.send(b"still open");
        assert_eq!(ends.server_hears().unwrap(), b"still open");
        for _ in 0..2 {
            ends.client.close(&mut ends.outgoing).unwrap();
        }
        assert_eq!(ends.server_hears().unwrap(), b"");
        assert_eq!(ends.server.reader().read(&mut [0]).unwrap(), 0, "the server has seen the end");
        assert!(ends.client.send(b"too late", &mut ends.outgoing).is_err());
    }
}

#[test]
fn a_forged_record_is_answered_by_an_alert_and_what_was_before_it_counts() {
    for version in VERSIONS {
        let mut ends = Ends::connected(&Site::new(version));
        ends.server.writer().write_all(b"true").unwrap();
        let mut said = ends.server_says();
        ends.server.writer().write_all(b"false").unwrap();
        said.append(&mut ends.server_says());
        *said.last_mut().unwrap() ^= 1;

        assert_eq!(ends.deliver(&said), Err(Error::DecryptError));

        assert_eq!(ends.received, b"true");
        assert_eq!(ends.server_hears(), Err(Error::AlertReceived(AlertDescription::BadRecordMac)));
        assert_eq!(ends.deliver(&said), Err(Error::DecryptError), "it stays broken");
    }
}

#[test]
fn a_certificate_that_is_refused_is_refused_by_an_alert() {
    let (site, other) = (Site::new(&TLS13), Site::new(&TLS13));
    let mut ends = Ends::new(&Site { server: site.server, client: other.client });
    ends.server_hears().unwrap();
    let said = ends.server_says();
    assert!(matches!(ends.deliver(&said), Err(Error::InvalidCertificate(_))));
    assert!(matches!(ends.server_hears(), Err(Error::AlertReceived(_))));
}

#[test]
fn an_idle_connection_keeps_nothing() {
    for version in VERSIONS {
        let mut ends = Ends::connected(&Site::new(version));
        assert_eq!(ends.client.unread.capacity(), 0);
        ends.server.writer().write_all(&[1; 40_000]).unwrap();
        let said = ends.server_says();
        ends.deliver(&said[..30_000]).unwrap();
        assert!(ends.client.unread.capacity() > 0);
        ends.deliver(&said[30_000..]).unwrap();
        assert_eq!(ends.client.unread.capacity(), 0);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn whatever_the_cuts_both_ends_read_what_was_written(
        steps in vec(prop_oneof![
            (1_usize..40_000).prop_map(Step::Write),
            Just(Step::RefreshKeys),
            (1_usize..70_000).prop_map(Step::Answer),
        ], 1..12),
        cuts in vec(1_usize..20_000, 1..20),
        tls13: bool,
    ) {
        let mut ends = Ends::connected(&Site::new(if tls13 { &TLS13 } else { &TLS12 }));
        let (mut written, mut answered, mut heard) = (Vec::new(), Vec::new(), Vec::new());
        let mut cuts = cuts.into_iter().cycle();
        let mut wire = Vec::new();
        for (number, step) in steps.into_iter().enumerate() {
            match step {
                Step::Write(length) => {
                    let bytes = vec![number as u8; length];
                    ends.server.writer().write_all(&bytes).unwrap();
                    written.extend(bytes);
                }
                Step::RefreshKeys if tls13 => ends.server.refresh_traffic_keys().unwrap(),
                Step::RefreshKeys => {}
                Step::Answer(length) => {
                    let bytes = vec![number as u8; length];
                    ends.send(&bytes);
                    answered.extend(bytes);
                    heard.extend(ends.server_hears().unwrap());
                }
            }
            wire.append(&mut ends.server_says());
            let cut = cuts.next().unwrap().min(wire.len());
            ends.deliver(&wire[..cut]).unwrap();
            wire.drain(..cut);
            prop_assert!(ends.client.unread() <= MAX_RECORD);
        }
        while !wire.is_empty() {
            let cut = cuts.next().unwrap().min(wire.len());
            ends.deliver(&wire[..cut]).unwrap();
            wire.drain(..cut);
        }
        prop_assert!(ends.received == written);
        prop_assert!(heard == answered);
        prop_assert_eq!(ends.client.unread(), 0);
    }
}
