//! What rustls' client never sends: records that have no place, and handshake messages in more than one.

use rustls::client::{ClientConnectionData, UnbufferedClientConnection};
use rustls::crypto::cipher::{
    AeadKey, InboundOpaqueMessage, Iv, MessageDecrypter, MessageEncrypter, OutboundPlainMessage,
};
use rustls::kernel::KernelConnection;
use rustls::pki_types::ServerName;
use rustls::unbuffered::{ConnectionState, UnbufferedStatus};
use rustls::{
    ConnectionTrafficSecrets, ContentType, PeerMisbehaved, ProtocolVersion, SupportedCipherSuite, Tls13CipherSuite,
};

use super::*;

const KEY_UPDATE_REQUESTED: [u8; 5] = [24, 0, 0, 1, 1];

#[test]
#[cfg_attr(debug_assertions, should_panic(expected = "there is room for what is unread"))]
fn a_buffer_without_room_for_what_is_unread_ends_the_connection() {
    let site = Site::new();
    let mut pair = Pair::connected(&site, &site.client(&TLS13));
    pair.client.writer().write_all(b"cut in two").unwrap();
    let said = pair.client_says();
    let Server { records, outgoing, .. } = &mut pair.server;
    records.receive(&mut said[..7].to_vec(), &mut |_| panic!("it is cut"), outgoing).unwrap();

    let error = records.receive(&mut [0; 6], &mut |_| panic!("it is garbage"), outgoing).unwrap_err();

    assert_eq!(records.check(), Err(error));
    records.check_invariants();
}

#[test]
fn a_key_update_may_be_split_over_records_and_reads() {
    let site = Site::new();
    for split in 1..KEY_UPDATE_REQUESTED.len() {
        let mut cuts = 0..1;
        while let Some(cut) = cuts.next() {
            let (mut client, mut server) = ByHand::connected(&site);
            let (first, second) = KEY_UPDATE_REQUESTED.split_at(split);
            let mut wire = client.record(ContentType::Handshake, first);
            wire.append(&mut client.record(ContentType::Handshake, second));
            client.update_keys();
            wire.append(&mut client.record(ContentType::ApplicationData, b"new keys"));
            cuts.end = wire.len();

            server.deliver(&wire[..cut]).unwrap();
            // With half a message waiting, and nothing new read.
            server.send(b"between");
            server.deliver(&wire[cut..]).unwrap();
            server.send(b"after");

            assert_eq!(server.received, b"new keys", "split at {split}, cut at {cut}");
            assert_eq!(server.records.unread.capacity(), 0);
        }
    }
}

#[test]
fn a_split_message_may_come_byte_by_byte() {
    let site = Site::new();
    let (mut client, mut server) = ByHand::connected(&site);
    for byte in KEY_UPDATE_REQUESTED {
        for byte in client.record(ContentType::Handshake, &[byte]) {
            server.deliver(&[byte]).unwrap();
            server.send(b"between");
        }
    }
    client.update_keys();
    server.deliver(&client.record(ContentType::ApplicationData, b"new keys")).unwrap();

    assert_eq!(server.received, b"new keys");
}

#[test]
fn half_a_message_does_not_keep_our_close_from_being_said() {
    let site = Site::new();
    let (mut client, mut server) = ByHand::connected(&site);
    server.deliver(&client.record(ContentType::Handshake, &KEY_UPDATE_REQUESTED[..2])).unwrap();

    server.outgoing.clear();
    server.records.close(&mut server.outgoing).unwrap();

    assert!(!server.outgoing.filled().is_empty());
}

#[test]
fn data_inside_a_split_message_is_refused() {
    let site = Site::new();
    let (mut client, mut server) = ByHand::connected(&site);
    server.deliver(&client.record(ContentType::Handshake, &KEY_UPDATE_REQUESTED[..2])).unwrap();

    let outcome = server.deliver(&client.record(ContentType::ApplicationData, b"x"));

    assert_eq!(outcome, Err(Error::PeerMisbehaved(PeerMisbehaved::MessageInterleavedWithHandshakeMessage)));
    assert_eq!(server.received, b"");
}

#[test]
fn what_has_no_place_is_answered_by_the_alert_that_says_so() {
    use AlertDescription as Alert;
    use ContentType::{ApplicationData, Handshake};
    type Wrong = fn(&mut ByHand) -> Vec<u8>;
    let cases: [(&str, Wrong, Alert); 16] = [
        ("Finished", |it| it.record(Handshake, &[&[20, 0, 0, 32][..], &[0; 32]].concat()), Alert::UnexpectedMessage),
        ("an empty piece of a message", |it| it.record(Handshake, b""), Alert::UnexpectedMessage),
        ("a longer KeyUpdate", |it| it.record(Handshake, &[24, 0, 0, 2, 0, 0]), Alert::DecodeError),
        ("a KeyUpdate of an unknown kind", |it| it.record(Handshake, &[24, 0, 0, 1, 2]), Alert::IllegalParameter),
        ("more behind a KeyUpdate", |it| it.record(Handshake, &[24, 0, 0, 1, 0, 24]), Alert::UnexpectedMessage),
        ("an alert of one byte", |it| it.record(ContentType::Alert, &[1]), Alert::DecodeError),
        ("an empty alert", |it| it.record(ContentType::Alert, b""), Alert::UnexpectedMessage),
        ("two alerts", |it| it.record(ContentType::Alert, &[1, 90, 1, 0]), Alert::DecodeError),
        (
            "an encrypted change_cipher_spec",
            |it| it.record(ContentType::ChangeCipherSpec, &[1]),
            Alert::UnexpectedMessage,
        ),
        ("an unknown type", |it| it.record(ContentType::Unknown(99), b"x"), Alert::UnexpectedMessage),
        ("nothing but padding", |it| it.record(ContentType::Unknown(0), &[0; 9]), Alert::UnexpectedMessage),
        ("too much data", |it| it.record(ApplicationData, &[7; RECORD_PAYLOAD + 1]), Alert::RecordOverflow),
        ("a header that announces too much", |_| vec![23, 3, 3, 0x41, 0x01], Alert::RecordOverflow),
        ("an alert in the clear", |_| vec![21, 3, 3, 0, 2, 1, 0], Alert::UnexpectedMessage),
        ("change_cipher_spec after the handshake", |_| vec![20, 3, 3, 0, 1, 1], Alert::UnexpectedMessage),
        ("a record shorter than its tag", |_| vec![23, 3, 3, 0, 3, 1, 2, 3], Alert::BadRecordMac),
    ];
    let site = Site::new();
    for (what, wrong, description) in cases {
        let (mut client, mut server) = ByHand::connected(&site);
        let mut wire = client.record(ApplicationData, b"right");
        wire.append(&mut wrong(&mut client));

        assert!(server.deliver(&wire).is_err(), "{what}");

        assert_eq!(server.received, b"right", "{what}");
        let fatal = vec![2, u8::from(description)];
        assert_eq!(client.hears(&mut server), [(ContentType::Alert, fatal)], "{what}");
        assert!(server.deliver(&client.record(ApplicationData, b"x")).is_err(), "{what}: it stays refused");
    }
}

#[test]
fn an_alert_of_the_peer_ends_it_without_an_answer() {
    let site = Site::new();
    for level in [1, 2, 77] {
        let (mut client, mut server) = ByHand::connected(&site);

        let outcome = server.deliver(&client.record(ContentType::Alert, &[level, 80]));

        assert_eq!(outcome, Err(Error::AlertReceived(AlertDescription::InternalError)));
        assert_eq!(client.hears(&mut server), []);
    }
}

#[test]
fn a_client_that_cancels_may_still_close() {
    let site = Site::new();
    let (mut client, mut server) = ByHand::connected(&site);

    server.deliver(&client.record(ContentType::Alert, &[1, 90])).unwrap();
    assert!(!server.records.has_ended());
    server.deliver(&client.record(ContentType::Alert, &[1, 0])).unwrap();

    assert!(server.records.has_ended());
}

#[test]
fn an_update_is_answered_once_and_in_front_of_data() {
    let site = Site::new();
    let (mut client, mut server) = ByHand::connected(&site);
    for _ in 0..3 {
        server.deliver(&client.record(ContentType::Handshake, &KEY_UPDATE_REQUESTED)).unwrap();
        client.update_keys();
    }
    assert_eq!(client.hears(&mut server), [], "we have nothing to send");

    server.send(b"first");
    server.send(b"second");

    assert_eq!(
        client.hears(&mut server),
        [
            (ContentType::Handshake, vec![24, 0, 0, 1, 0]),
            (ContentType::ApplicationData, b"first".to_vec()),
            (ContentType::ApplicationData, b"second".to_vec()),
        ]
    );
}

#[test]
fn empty_records_and_key_updates_without_end_are_refused() {
    let site = Site::new();
    let (mut client, mut server) = ByHand::connected(&site);
    let empty = (0..100).find_map(|_| server.deliver(&client.record(ContentType::ApplicationData, b"")).err());
    assert_eq!(empty, Some(Error::PeerMisbehaved(PeerMisbehaved::TooManyEmptyFragments)));

    let (mut client, mut server) = ByHand::connected(&site);
    let updates = (0..100).find_map(|_| {
        let update = client.record(ContentType::Handshake, &KEY_UPDATE_REQUESTED);
        client.update_keys();
        server.deliver(&update).err()
    });
    assert_eq!(updates, Some(Error::PeerMisbehaved(PeerMisbehaved::TooManyKeyUpdateRequests)));

    let (mut client, mut server) = ByHand::connected(&site);
    let warnings = (0..100).find_map(|_| server.deliver(&client.record(ContentType::Alert, &[1, 90])).err());
    assert_eq!(warnings, Some(Error::PeerMisbehaved(PeerMisbehaved::TooManyWarningAlertsReceived)));

    let (mut client, mut server) = ByHand::connected(&site);
    for _ in 0..100 {
        server.deliver(&client.record(ContentType::ApplicationData, b"")).unwrap();
        server.deliver(&client.record(ContentType::ApplicationData, b"x")).unwrap();
    }
    assert_eq!(server.received.len(), 100, "among data they are borne");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn whatever_records_come_data_stays_data_and_an_end_is_an_end(
        records in vec((0_usize..8, vec(prop_oneof![Just(0_u8), Just(1), Just(24), Just(90), any::<u8>()], 0..7)), 1..40),
        step in 1_usize..200,
    ) {
        let site = Site::new();
        let (mut client, mut server) = ByHand::connected(&site);
        let mut data = Vec::new();
        let mut wire = Vec::new();
        for (kind, payload) in &records {
            let (typ, payload) = match kind {
                0 | 1 => (ContentType::Handshake, payload.as_slice()),
                2 => (ContentType::Alert, payload.as_slice()),
                3 => (ContentType::Handshake, &KEY_UPDATE_REQUESTED[..]),
                4 => (ContentType::from(payload.len() as u8 + 20), payload.as_slice()),
                _ => (ContentType::ApplicationData, payload.as_slice()),
            };
            wire.append(&mut client.record(typ, payload));
            if typ == ContentType::ApplicationData {
                data.extend_from_slice(payload);
            }
            if *kind == 3 {
                client.update_keys();
            }
        }
        let mut outcome = Ok(());
        for piece in wire.chunks(step) {
            let before = server.received.len();
            let again = server.deliver(piece);
            if outcome.is_err() {
                prop_assert_eq!(&again, &outcome);
                prop_assert_eq!(server.received.len(), before);
            } else if again.is_ok() && !server.records.has_ended() {
                server.send(b"answer");
            }
            outcome = again;
        }
        // The client can read all of it, whatever was between.
        client.hears(&mut server);
        prop_assert!(data.starts_with(&server.received));
        prop_assert!(outcome.is_err() || server.records.has_ended() || server.received == data);
    }
}

/// A client of TLS 1.3 whose records are made by hand.
struct ByHand {
    keys: KernelConnection<ClientConnectionData>,
    encrypter: Box<dyn MessageEncrypter>,
    sequence: u64,
    decrypter: Box<dyn MessageDecrypter>,
    heard: u64,
}

impl ByHand {
    fn connected(site: &Site) -> (Self, Server) {
        let client = site.client(&TLS13).with(|config| config.enable_secret_extraction = true);
        let name = ServerName::try_from("site.test").unwrap();
        let mut client = UnbufferedClientConnection::new(client.config(), name).unwrap();
        let mut server = Server::new(site);
        let mut incoming = Vec::new();
        let mut wire = Vec::new();
        loop {
            let UnbufferedStatus { discard, state } = client.process_tls_records(&mut incoming);
            let mut open = false;
            match state.unwrap() {
                ConnectionState::EncodeTlsData(mut data) => {
                    let mut room = [0; 4096];
                    let count = data.encode(&mut room).unwrap();
                    wire.extend_from_slice(&room[..count]);
                }
                ConnectionState::TransmitTlsData(data) => data.done(),
                ConnectionState::BlockedHandshake => {}
                ConnectionState::WriteTraffic(_) => open = true,
                state => panic!("{state:?}"),
            }
            incoming.drain(..discard);
            server.deliver(&mem::take(&mut wire)).unwrap();
            incoming.extend_from_slice(server.outgoing.filled());
            server.outgoing.clear();
            if open && !server.records.is_handshaking() {
                break;
            }
        }
        let (secrets, keys) = client.dangerous_into_kernel_connection().unwrap();
        let (sequence, encrypter) = (secrets.tx.0, encrypter(&keys, secrets.tx.1));
        let (heard, decrypter) = (secrets.rx.0, decrypter(&keys, secrets.rx.1));
        let mut client = Self { keys, encrypter, sequence, decrypter, heard };
        // The ticket.
        client.open(&mut incoming);
        (client, server)
    }

    fn record(&mut self, typ: ContentType, payload: &[u8]) -> Vec<u8> {
        let message = OutboundPlainMessage { typ, version: ProtocolVersion::TLSv1_2, payload: payload.into() };
        let record = self.encrypter.encrypt(message, self.sequence).unwrap().encode();
        self.sequence += 1;
        record
    }

    fn update_keys(&mut self) {
        let (sequence, secrets) = self.keys.update_tx_secret().unwrap();
        self.encrypter = encrypter(&self.keys, secrets);
        self.sequence = sequence;
    }

    /// What each record holds that we have sent.
    fn hears(&mut self, server: &mut Server) -> Vec<(ContentType, Vec<u8>)> {
        let mut wire = server.outgoing.filled().to_vec();
        server.outgoing.clear();
        self.open(&mut wire)
    }

    fn open(&mut self, mut wire: &mut [u8]) -> Vec<(ContentType, Vec<u8>)> {
        let mut opened = Vec::new();
        while !wire.is_empty() {
            let (header, rest) = wire.split_at_mut(5);
            let (payload, rest) = rest.split_at_mut(usize::from(u16::from_be_bytes([header[3], header[4]])));
            let message = InboundOpaqueMessage::new(ContentType::from(header[0]), ProtocolVersion::TLSv1_2, payload);
            let message = self.decrypter.decrypt(message, self.heard).unwrap();
            self.heard += 1;
            opened.push((message.typ, message.payload.to_vec()));
            if message.typ == ContentType::Handshake && message.payload[0] == 24 {
                let (heard, secrets) = self.keys.update_rx_secret().unwrap();
                self.decrypter = decrypter(&self.keys, secrets);
                self.heard = heard;
            }
            wire = rest;
        }
        opened
    }
}

fn encrypter(
    keys: &KernelConnection<ClientConnectionData>,
    secrets: ConnectionTrafficSecrets,
) -> Box<dyn MessageEncrypter> {
    let (suite, key, iv) = suite(keys, secrets);
    suite.aead_alg.encrypter(key, iv)
}

fn decrypter(
    keys: &KernelConnection<ClientConnectionData>,
    secrets: ConnectionTrafficSecrets,
) -> Box<dyn MessageDecrypter> {
    let (suite, key, iv) = suite(keys, secrets);
    suite.aead_alg.decrypter(key, iv)
}

fn suite(
    keys: &KernelConnection<ClientConnectionData>,
    secrets: ConnectionTrafficSecrets,
) -> (&'static Tls13CipherSuite, AeadKey, Iv) {
    let SupportedCipherSuite::Tls13(suite) = keys.negotiated_cipher_suite() else { panic!("TLS 1.3 was asked for") };
    match secrets {
        ConnectionTrafficSecrets::Aes128Gcm { key, iv }
        | ConnectionTrafficSecrets::Aes256Gcm { key, iv }
        | ConnectionTrafficSecrets::Chacha20Poly1305 { key, iv } => (suite, key, iv),
        _ => panic!("an unknown cipher suite"),
    }
}
